"""`lstm generate --interactive`: the model proposes how a text goes on, and the user picks."""

import sys

from lstm.cli.running import tell
from lstm.errors import InvalidValueError
from lstm.text import Writer
from lstm.text.normalization import normalized

_PROPOSALS = 5

_SHOWN = 600
"""Characters at the end of the text that are shown at each turn."""

_HELP = (
    "A number picks, Enter asks for others, anything else is added to the text as it stands. "
    "/undo takes the last piece back, /quit ends."
)


def interact(writer: Writer, text: str) -> tuple[Writer, str]:
    """Let the user write a text with a model, on standard input and output.

    Args:
        writer: goes on from the text.
        text: what there is at the beginning.

    Returns:
        The text as it is when the input ends, and the writer that goes on from there.
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
                tell("There is nothing to take back.")
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
    """The next line of the input without its end; None where there is no more."""
    if sys.stdin is None:  # It was closed.
        return None
    try:
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        # Ctrl-C ends the input: the text must not be lost.
        return None
    return normalized(line).removesuffix("\n") if line else None
