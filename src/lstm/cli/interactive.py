"""`lstm generate --interactive`: the model proposes continuations, and the user picks."""

import sys

from lstm.cli.running import tell
from lstm.errors import InvalidValueError
from lstm.text import Writer
from lstm.text.normalization import normalized

_PROPOSALS = 5

_SHOWN = 600
"""Number of characters of the end of the text to show at each turn."""

_HELP = (
    "Type a number to pick, Enter for other proposals, or any text to add it. "
    "/undo removes the last piece, /quit ends."
)


def interact(writer: Writer, text: str) -> tuple[Writer, str]:
    """Let the user write a text together with a model, on standard input and output.

    Args:
        writer: the writer that continues the text.
        text: the text so far.

    Returns:
        The writer and the text, as they are at the end of the input.
    """
    tell(_HELP)
    earlier: list[tuple[Writer, str]] = []
    while True:
        proposals = writer.propose(_PROPOSALS)
        tell(f"\n{'…' * (len(text) > _SHOWN)}{text[-_SHOWN:]}\n")
        for number, proposal in enumerate(proposals, 1):
            tell(f"  {number}  {proposal!r}")
        print("> ", end="", flush=True)
        line = _line()
        if line is None or line == "/quit":
            return writer, text
        if line == "/undo":
            if earlier:
                writer, text = earlier.pop()
            else:
                tell("There is nothing to undo.")
        elif line:
            picked = line.isdecimal() and 1 <= int(line) <= len(proposals)
            added = proposals[int(line) - 1] if picked else line
            before = writer.copy(), text
            try:
                writer.read(added)
            except InvalidValueError as error:
                tell(f"The model cannot read that: expected {error.expected}, got {error.got}.")
            else:
                earlier.append(before)
                text += added


def _line() -> str | None:
    """Return the next line of the input without its end; None at the end of the input."""
    if sys.stdin is None:  # It was closed.
        return None
    try:
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        # Ctrl-C ends the input: the text must not be lost.
        return None
    return normalized(line).removesuffix("\n") if line else None
