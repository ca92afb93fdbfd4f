"""Properties: numbers for each character of a text that a unit may have learned to follow."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Property = Callable[[str], ArrayLike]
"""Returns the values (N,) for a text of N characters."""

_FAR = 80
"""Largest position: a line may have no end."""


def line_position(text: str) -> NDArray[np.float64]:
    """Number of characters before each in its line, at most 80."""
    return _since(text, "\n")


def word_position(text: str) -> NDArray[np.float64]:
    """Number of characters before each in its word, at most 80; 0 outside words."""
    letters = np.array([c.isalnum() for c in text], np.bool_)
    begins = letters & ~np.concatenate(([False], letters[:-1]))
    return np.where(letters, _counted(begins), 0.0)


def paragraph_position(text: str) -> NDArray[np.float64]:
    """Number of lines before each character in its paragraph, at most 80."""
    lines = text.split("\n")
    begins = np.array([not line.strip() for line in lines])
    counts = _counted(begins)
    return np.repeat(counts, [len(line) + 1 for line in lines])[: len(text)]


def indentation(text: str) -> NDArray[np.float64]:
    """Number of spaces at the start of the line of each character; a tab counts as 4."""
    lines = text.split("\n")
    begins = (line[: len(line) - len(line.lstrip(" \t"))] for line in lines)
    found = [len(begin.replace("\t", "    ")) for begin in begins]
    return np.repeat(np.array(found, np.float64), [len(line) + 1 for line in lines])[: len(text)]


def inside_quotes(text: str) -> NDArray[np.bool_]:
    """Whether a double quotation mark is open: a second straight one closes the first."""
    straight = np.cumsum([c == '"' for c in text]) % 2 == 1
    depth = np.cumsum([(c == "“") - (c == "”") for c in text])
    return straight | (depth > 0)


def inside_brackets(text: str) -> NDArray[np.bool_]:
    """Whether a bracket is open: round, square or curly."""
    depth = np.cumsum([(c in "([{") - (c in ")]}") for c in text])
    # A closing bracket without an opening one does not count.
    return depth > np.minimum.accumulate(np.minimum(depth, 0))


def after_colon(text: str) -> NDArray[np.bool_]:
    """Whether the last character that is not white space was a colon."""
    return _last_visible(text, ":")


def after_sentence(text: str) -> NDArray[np.bool_]:
    """Whether the last character that is not white space ended a sentence."""
    return _last_visible(text, ".!?")


def capital(text: str) -> NDArray[np.bool_]:
    """Whether each character is a capital letter."""
    return np.array([c.isupper() for c in text], np.bool_)


def vowel(text: str) -> NDArray[np.bool_]:
    """Whether each character is one of a, e, i, o, u."""
    return np.array([c in "aeiouAEIOU" for c in text], np.bool_)


def space(text: str) -> NDArray[np.bool_]:
    """Whether each character is white space."""
    return np.array([c.isspace() for c in text], np.bool_)


PROPERTIES: dict[str, Property] = {
    function.__name__: function
    for function in (
        line_position,
        word_position,
        paragraph_position,
        indentation,
        inside_quotes,
        inside_brackets,
        after_colon,
        after_sentence,
        capital,
        vowel,
        space,
    )
}
"""The properties that `find_units` looks for by default, by name."""


def _since(text: str, mark: str) -> NDArray[np.float64]:
    """Return the number of characters between each and the mark before it."""
    begins = np.array([True, *[c == mark for c in text]])[:-1]
    return _counted(begins)


def _counted(begins: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return positions counted from 0 at each True, up to 80."""
    at = np.arange(len(begins))
    first = np.maximum.accumulate(np.where(begins, at, 0))
    return np.minimum(at - first, _FAR).astype(np.float64)


def _last_visible(text: str, marks: str) -> NDArray[np.bool_]:
    """Whether the last character up to each that is not white space is one of these."""
    visible = np.array([not c.isspace() for c in text])
    marked = np.array([c in marks for c in text])
    last = np.maximum.accumulate(np.where(visible, np.arange(len(text)), 0))
    return marked[last]
