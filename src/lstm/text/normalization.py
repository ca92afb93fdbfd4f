r"""Normalization: the one form in which every text is read, wherever it comes from.

A byte order mark at the start goes, and the line ends \r\n and \r become \n, as they do where
Python opens a file as text. Nothing else is changed.
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
    """As `normalized`, of a text in chunks that are cut anywhere; none that it gives is empty."""
    # It holds back what may be half a line end.
    line_ends = io.IncrementalNewlineDecoder(None, translate=True)
    begun = False
    for chunk in chunks:
        text = chunk if begun else chunk.lstrip(_MARK)
        begun = begun or bool(text)
        if text := line_ends.decode(text):
            yield text
    if text := line_ends.decode("", final=True):
        yield text
