"""`python -m lstm`: the command."""

import sys

from lstm_command import main

if __name__ == "__main__":
    sys.exit(main())
