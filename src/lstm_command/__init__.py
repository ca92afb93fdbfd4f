"""Entry point of the command `lstm`.

It stands outside the package, whose import can be interrupted, and fails where an environment
variable makes no sense: both are to end in a sentence.
"""

import sys

_STOPPED = 130


def main() -> int:
    """Run the command; returns the exit code where the command does not end by itself."""
    try:
        from lstm.cli import main as run

        run()
    except KeyboardInterrupt:
        return _said("stopped", _STOPPED)
    except ValueError as error:
        # The module that says what errors there are cannot be imported, either.
        if type(error).__module__ != "lstm.errors":
            raise
        return _said(str(error), 1)
    return 0


def _said(sentence: str, code: int) -> int:
    if sys.stderr is not None:
        sys.stderr.write(f"error: {sentence}\n")
    return code
