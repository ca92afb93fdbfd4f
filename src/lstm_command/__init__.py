"""Entry point of the command `lstm`.

It stands outside the package, whose import can be interrupted, and fails where an environment
variable makes no sense: both are to end in a sentence.
"""

import sys
from types import TracebackType

_FAILED, _STOPPED = 1, 130


def main() -> int:
    """Run the command; returns the exit code where the command does not end by itself."""
    try:
        from lstm.cli import main as run

        run()
    except (KeyboardInterrupt, ValueError) as error:
        if (sentence := _sentence(error)) is None:
            raise
        _say(sentence)
        return _STOPPED if isinstance(error, KeyboardInterrupt) else _FAILED
    return 0


def end_in_sentences() -> None:
    """Do the same for `python -m lstm`, which imports the package before this can run."""
    sys.excepthook = _end


def _end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if (sentence := _sentence(error)) is None:
        sys.__excepthook__(kind, error, trace)
    else:
        _say(sentence)


def _sentence(error: BaseException) -> str | None:
    """What a user should read; None if the program is at fault."""
    if isinstance(error, KeyboardInterrupt):
        return "stopped"
    # The module that says what errors there are cannot be imported, either.
    return str(error) if type(error).__module__ == "lstm.errors" else None


def _say(sentence: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"error: {sentence}\n")
