"""Keeps pytest from importing the scripts that need other libraries, in search of doctests."""

collect_ignore_glob = ["make_*.py"]
