"""Chunks: where to cut a text so that the tokens of its parts are the tokens of the whole."""

import re
from collections.abc import Iterable, Iterator

from lstm import checks
from lstm.errors import InvalidTypeError
from lstm.text.names import are_names, name_instead_of_text, names_a_file

# A token ends between a character that is not a space and one of these spaces, for words and for
# byte-level BPE alike. Other spaces do not count, because definitions of them differ.
_LAST_CUT = re.compile(r".*\S(?=[ \t\n\r])", re.DOTALL)
_UNCUT = re.compile(r"\s*\S+(?:[^\S \t\n\r]\s*\S*)*|\s+")

_FILE = "source(Path(...))"
"""What reads a file, in messages."""


def only_chunk(text: str) -> list[str]:
    """Return a text that a user passed as its only chunk.

    Raises:
        InvalidTypeError: it is no str.
        InvalidValueError: it names a file.
    """
    checks.string("text", text)
    if names_a_file(text):
        file, itself = f"from_chunks({_FILE})", "from_chunks(TextSource.of(...))"
        raise name_instead_of_text("text", text, file, itself)
    return [text]


def chunks_of(chunks: Iterable[str]) -> Iterable[str]:
    """Return the chunks of a text that a user passed as an iterable of chunks, or whole.

    Raises:
        InvalidTypeError: it is neither.
        InvalidValueError: it is a list of names of files.
    """
    if not isinstance(chunks, Iterable):
        expected = f"a text in chunks, such as {_FILE}"
        raise InvalidTypeError("chunks", expected, type(chunks).__name__)
    if isinstance(chunks, str):
        chunks = [chunks]
    if isinstance(chunks, list | tuple) and are_names(chunks):
        raise name_instead_of_text("chunks", chunks[0], _FILE)
    return chunks


def split(text: str) -> list[str]:
    """Cut a text wherever it may be cut: mostly into words, each with the space before it.

    Example:
        >>> split("to be,  or not")
        ['to', ' be,', '  or', ' not']
    """
    return _UNCUT.findall(text)


def whole_words(argument: str, chunks: Iterable[str], size: int) -> Iterator[str]:
    """Cut a text that arrives in chunks again, so that no word is cut.

    Args:
        argument: name of `chunks` in errors.
        chunks: the text, cut anywhere.
        size: largest number of characters of a word: only longer words are cut.

    Returns:
        The same text in chunks of at most 2 size characters.

    Raises:
        InvalidTypeError: a chunk is not a str.
        InvalidValueError: a chunk holds a lone surrogate.

    Example:
        >>> list(whole_words("chunks", ["to be o", "r not ", "to be"], size=100))
        ['to be', ' or not', ' to', ' be']
    """
    rest = ""
    for chunk in chunks:
        checks.utf8(argument, chunk)
        for start in range(0, len(chunk), size):
            # Nothing is searched twice except the last character.
            begin = max(0, len(rest) - 1)
            rest += chunk[start : start + size]
            found = _LAST_CUT.match(rest, begin)
            cut = found.end() if found else len(rest) if len(rest) > size else 0
            if cut:
                yield rest[:cut]
                rest = rest[cut:]
    if rest:
        yield rest
