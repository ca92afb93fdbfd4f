"""Terminal: text in which no character moves the cursor or changes a colour."""

import sys
from contextlib import suppress
from typing import TextIO

_SIGNS = {code: chr(0x2400 + code) for code in range(32)} | {0x7F: "␡"}
# The codes of a terminal that end in 8 bits; Unicode has no signs for them.
_SIGNS |= {code: f"\\x{code:02x}" for code in range(0x80, 0xA0)}
_IN_A_TEXT = {code: sign for code, sign in _SIGNS.items() if chr(code) not in "\n\t"}


def visible(text: str) -> str:
    r"""Return a text with signs for its control characters, except line breaks and tabs.

    Text from a file, such as the name of a layer or what a model wrote, could otherwise change what
    a terminal shows, or worse.

    Example:
        >>> visible("a\x1b[31m\n\x9b1m")
        'a␛[31m\n\\x9b1m'
    """
    return text.translate(_IN_A_TEXT)


def visible_name(text: str) -> str:
    r"""Return text within a line, such as a name, with signs for all control characters.

    Example:
        >>> visible_name("a\r\n")
        'a␍␊'
    """
    return text.translate(_SIGNS)


def encodable(text: str, stream: TextIO) -> str:
    r"""Return a text with escapes such as \u2192 for characters that a stream cannot encode."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def on_a_terminal() -> bool:
    """Whether standard output is a terminal."""
    try:
        return sys.stdout.isatty()
    except (AttributeError, ValueError):  # There is no standard output, or it is closed.
        return False


def say(line: str) -> None:
    """Print a line, if possible; otherwise do nothing.

    Progress is printed this way, so that losing the output does not stop the work.
    """
    if sys.stdout is not None:
        # A ValueError says that the stream is closed.
        with suppress(OSError, ValueError):
            print(encodable(visible(line), sys.stdout), flush=True)
