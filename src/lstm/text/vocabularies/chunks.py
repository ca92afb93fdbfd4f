"""Where a text may be cut so that the tokens of its parts are the tokens of the whole."""

import re
from collections.abc import Iterable, Iterator

from lstm import checks

# Between a character that is no space and one of these spaces a token ends, for words as for
# byte-level BPE. Other spaces do not count, because not everyone agrees on which they are.
_LAST_CUT = re.compile(r".*\S(?=[ \t\n\r])", re.DOTALL)
_UNCUT = re.compile(r"\s*\S+(?:[^\S \t\n\r]\s*\S*)*|\s+")


def split(text: str) -> list[str]:
    """Cut a text wherever it may be cut: mostly into words, each with the space before it.

    Example:
        >>> split("to be,  or not")
        ['to', ' be,', '  or', ' not']
    """
    return _UNCUT.findall(text)


def whole_words(argument: str, chunks: Iterable[str], size: int) -> Iterator[str]:
    """Cut a text that comes in chunks anew, so that no word is cut.

    Args:
        argument: name of `chunks` in errors.
        chunks: the text, cut anywhere.
        size: number of characters that a chunk may have, and a word: only a longer word is cut.

    Returns:
        The same text in chunks of at most 2 size characters.

    Raises:
        InvalidTypeError: a chunk is no str.
        InvalidValueError: a chunk holds a lone surrogate.

    Example:
        >>> list(whole_words("chunks", ["to be o", "r not ", "to be"], size=100))
        ['to be', ' or not', ' to', ' be']
    """
    rest = ""
    for chunk in chunks:
        checks.utf8(argument, chunk)
        for start in range(0, len(chunk), size):
            # What has been searched is not searched again, but for its last character.
            begin = max(0, len(rest) - 1)
            rest += chunk[start : start + size]
            found = _LAST_CUT.match(rest, begin)
            cut = found.end() if found else len(rest) if len(rest) > size else 0
            if cut:
                yield rest[:cut]
                rest = rest[cut:]
    if rest:
        yield rest
