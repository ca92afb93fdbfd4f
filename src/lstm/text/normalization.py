r"""Normalization: every text is read in one form, wherever it comes from.

A byte order mark at the start is removed, and the line ends \r\n and \r become \n, as when Python
opens a file as text. Nothing else changes.
"""

import io
from collections.abc import Iterable, Iterator

_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""A byte order mark, decoded."""


def normalized(text: str) -> str:
    r"""Return a text in the form in which texts are read; applying it again changes nothing.

    Example:
        >>> normalized("\ufeffone\r\ntwo\rthree\r\r\n")
        'one\ntwo\nthree\n\n'
    """
    return "".join(normalized_chunks([text]))


def normalized_chunks(chunks: Iterable[str]) -> Iterator[str]:
    """Like `normalized`, for a text in chunks cut anywhere; yields no empty chunk."""
    # The decoder holds back a possible half of a line end.
    line_ends = io.IncrementalNewlineDecoder(None, translate=True)
    begun = False
    for chunk in chunks:
        text = chunk if begun else chunk.lstrip(_MARK)
        begun = begun or bool(text)
        if text := line_ends.decode(text):
            yield text
    if text := line_ends.decode("", final=True):
        yield text
