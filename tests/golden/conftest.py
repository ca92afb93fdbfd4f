"""Keeps pytest from importing the scripts that need other libraries, in search of doctests."""

collect_ignore = ["make_golden.py", "make_keras_golden.py"]
