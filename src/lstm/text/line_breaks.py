"""Where a text may be cut so that the tokens of its pieces are those of the whole."""

from collections.abc import Iterable, Iterator

_LONGEST = 1 << 20
"""Characters that may wait for a line break; a text without any is cut all the same."""


def at_line_breaks(chunks: Iterable[str], longest: int = _LONGEST) -> Iterator[str]:
    """Cut a text anew so that each piece can be tokenized without the others.

    A piece ends with a line break that has no white space on either side, for tokenizers may take a
    run of white space as one. Where none comes within `longest` characters, it ends with any line
    break, with a space, or anywhere, in this order.

    Args:
        chunks: the text, cut anywhere.
        longest: characters that may wait for such a line break.

    Returns:
        An iterator over pieces that make up the text, none of them empty.

    Example:
        >>> list(at_line_breaks(["to b", "e\\nor not", "\\nto b", "e"]))
        ['to be\\n', 'or not\\n', 'to be']
    """
    rest = ""
    for chunk in chunks:
        seen, rest = len(rest), rest + chunk
        cut = _line_break(rest, seen - 1)
        while len(rest) - cut > longest:
            line = rest[cut : cut + longest]
            cut += (line.rfind("\n") + 1) or (line.rfind(" ") + 1) or longest
        if cut:
            yield rest[:cut]
            rest = rest[cut:]
    if rest:
        yield rest


def _line_break(text: str, start: int) -> int:
    """Where the last line begins that has no white space around the line break before it, or 0.

    Args:
        text: what may be cut.
        start: of the line breaks to look at.
    """
    at = len(text) - 1
    while (at := text.rfind("\n", max(1, start), at)) > 0:
        if not (text[at - 1].isspace() or text[at + 1].isspace()):
            return at + 1
    return 0
