"""Keeps pytest from importing the script that needs PyTorch, in search of doctests."""

collect_ignore = ["make_golden.py"]
