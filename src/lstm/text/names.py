"""Detects file names given as a text: a model would silently learn the name."""

import os
import re
from collections.abc import Sequence

from lstm.errors import InvalidValueError

_LONGEST = 4096
"""Largest length of a path, in characters."""

_ENDING = (
    r"\.(?:txt|text|md|rst|tex|html?|xml|csv|tsv|jsonl?|log|py|srt|epub|pdf|docx?|gz|zip|bz2|xz)"
)
_ROOT = r"(?:~|\.{1,2}|[a-z]:)?[\\/]"
_NAME = re.compile(
    rf"(?:\S+|{_ROOT}.+){_ENDING}|{_ROOT}(?:[\w.-]+[\\/]){{2,}}\S*",
    re.IGNORECASE,
)
"""A word with the ending of a text file, or an absolute path."""

_SEPARATOR = re.compile(r"\w[\\/]|[\\/]\w")
"""Without a separator, the name of a folder is more likely just a word."""


def names_a_file(text: str) -> bool:
    """Whether a text names an existing file or folder, or looks like such a name.

    Example:
        >>> names_a_file("texts/*.txt"), names_a_file("to be or not to be")
        (True, False)
    """
    if len(text) > _LONGEST or "\n" in text or "\r" in text:
        return False
    folder = _SEPARATOR.search(text) is not None and os.path.isdir(text)
    return folder or os.path.isfile(text) or _NAME.fullmatch(text) is not None


def are_names(texts: Sequence[object]) -> bool:
    """Whether there are texts and all are names of files: one among others may be a line."""
    return bool(texts) and all(isinstance(text, str) and names_a_file(text) for text in texts)


def name_instead_of_text(
    argument: str, text: str, file: str = "Path(...)", itself: str = "TextSource.of(...)"
) -> InvalidValueError:
    """Return the error for a text that is more likely the name of a file.

    Args:
        argument: name of the argument in the error.
        text: the text.
        file: what to write to read the file.
        itself: what to write if the name itself is the text.
    """
    shown = text if len(text) < 100 else f"{text[:48]}…{text[-48:]}"
    hint = f"{file} reads it, {itself} takes the name as the text"
    return InvalidValueError(argument, "a text", f"the name of a file, {shown!r} ({hint})")
