"""Names of files where a text is wanted: a model would learn the name, and nobody would notice."""

import os
import re

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


def names_a_file(text: str) -> bool:
    """Whether a text is the name of a file or folder that exists, or looks like one.

    Example:
        >>> names_a_file("texts/*.txt"), names_a_file("to be or not to be")
        (True, False)
    """
    if len(text) > _LONGEST or "\n" in text or "\r" in text:
        return False
    folder = os.sep in text and any(map(str.isalnum, text)) and os.path.isdir(text)
    return folder or os.path.isfile(text) or _NAME.fullmatch(text) is not None


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
    hint = f"{file} reads it, {itself} takes its {len(text)} characters"
    return InvalidValueError(argument, "a text", f"the name of a file, {shown!r} ({hint})")
