"""Names of files where a text is wanted: a model would learn the name, and nobody would notice."""

import os
import re
from collections.abc import Sequence

from lstm.errors import InvalidValueError

_LONGEST = 4096
"""Characters of the path of a file, at most."""

_ENDING = (
    r"\.(?:txt|text|md|rst|tex|html?|xml|csv|tsv|jsonl?|log|py|srt|epub|pdf|docx?|gz|zip|bz2|xz)"
)
_ROOT = r"(?:~|\.{1,2}|[a-z]:)?[\\/]"
_NAME = re.compile(
    rf"(?:\S+|{_ROOT}.+){_ENDING}|{_ROOT}(?:[\w.-]+[\\/]){{2,}}\S*",
    re.IGNORECASE,
)
"""A word with the ending of a file of text, or a path from a root on."""

_SEPARATOR = re.compile(r"\w[\\/]|[\\/]\w")
"""Without one, a word that a folder is called by is rather a word."""


def names_a_file(text: str) -> bool:
    """Whether a text is the name of a file or folder that exists, or looks like one.

    Example:
        >>> names_a_file("texts/*.txt"), names_a_file("to be or not to be")
        (True, False)
    """
    if len(text) > _LONGEST or "\n" in text or "\r" in text:
        return False
    folder = _SEPARATOR.search(text) is not None and os.path.isdir(text)
    return folder or os.path.isfile(text) or _NAME.fullmatch(text) is not None


def are_names(texts: Sequence[object]) -> bool:
    """Whether there are texts, and all are names of files: one among others may be a line."""
    return bool(texts) and all(isinstance(text, str) and names_a_file(text) for text in texts)


def name_instead_of_text(
    argument: str, text: str, file: str = "Path(...)", itself: str = "TextSource.of(...)"
) -> InvalidValueError:
    """The error that a text is rather the name of a file.

    Args:
        argument: name of the argument in the error.
        text: the text.
        file: what to write to read the file.
        itself: what to write where the name is the text.
    """
    shown = text if len(text) < 100 else f"{text[:48]}…{text[-48:]}"
    hint = f"{file} reads it, {itself} takes the name as the text"
    return InvalidValueError(argument, "a text", f"the name of a file, {shown!r} ({hint})")
