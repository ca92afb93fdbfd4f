"""Word lists: a text as words, or as hashes of words, as in Keras 2."""

import hashlib
from collections.abc import Callable

from lstm import checks
from lstm.errors import InvalidValueError
from lstm.interface import spelled

PUNCTUATION = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'


def split_words(text: str, filters: str, split: str) -> list[str]:
    """Return the words of a text between separators, which are `split` and all of `filters`."""
    separators: dict[str, str | int | None] = dict.fromkeys(filters, split)
    return [word for word in text.translate(str.maketrans(separators)).split(split) if word]


@spelled
def text_to_word_sequence(
    input_text: str, filters: str = PUNCTUATION, lower: bool = True, split: str = " "
) -> list[str]:
    """Return the words of a text.

    Args:
        input_text: the text.
        filters: characters that separate words, as `split` does.
        lower: whether to lower the text first.
        split: separator of words.

    Raises:
        InvalidTypeError: an argument is of the wrong type.
        InvalidValueError: `split` is empty.

    Example:
        >>> from lstm.preprocessing.text import text_to_word_sequence
        >>> text_to_word_sequence("The cat sat. The dog ran!")
        ['the', 'cat', 'sat', 'the', 'dog', 'ran']
    """
    text, separator = checks.string("input_text", input_text), checks.string("split", split)
    if not separator:
        raise InvalidValueError("split", "at least one character", "an empty str")
    text = text.lower() if checks.boolean("lower", lower) else text
    return split_words(text, checks.string("filters", filters), separator)


@spelled
def hashing_trick(
    text: str,
    n: int,
    hash_function: str | Callable[[str], int] | None = None,
    filters: str = PUNCTUATION,
    lower: bool = True,
    split: str = " ",
) -> list[int]:
    """Return a number in [1, n) for each word of a text: the same for the same word.

    Different words may get the same number.

    Args:
        text: the text.
        n: the end of the numbers.
        hash_function: "md5", which is the same in every process; a function of a word; or None for
            Python's `hash`, which differs from process to process.
        filters: characters that separate words, as `split` does.
        lower: whether to lower the text first.
        split: separator of words.

    Raises:
        InvalidTypeError, InvalidValueError: an argument cannot be used.

    Source:
        Weinberger et al., "Feature hashing for large scale multitask learning", 2009.

    Example:
        >>> from lstm.preprocessing.text import hashing_trick
        >>> hashing_trick("The cat sat. The dog ran!", 50, "md5")
        [43, 32, 29, 43, 2, 19]
    """
    end = checks.int_at_least("n", n, 2)
    function = hash if hash_function is None else hash_function
    if not callable(function):
        checks.one_of("hash_function", function, ("md5",))
        function = _md5
    words = text_to_word_sequence(text, filters, lower, split)
    return [function(word) % (end - 1) + 1 for word in words]


@spelled
def one_hot(
    input_text: str,
    n: int,
    filters: str = PUNCTUATION,
    lower: bool = True,
    split: str = " ",
) -> list[int]:
    """Return a number in [1, n) for each word of a text: `hashing_trick` with Python's `hash`.

    (It makes no one-hot rows, in Keras neither; `to_categorical` does.)

    Args:
        input_text: the text.
        n: the end of the numbers.
        filters: characters that separate words, as `split` does.
        lower: whether to lower the text first.
        split: separator of words.

    Raises:
        InvalidTypeError, InvalidValueError: an argument cannot be used.

    Example:
        >>> from lstm.preprocessing.text import one_hot
        >>> first, second, again = one_hot("to be to", 50)
        >>> first == again
        True
    """
    return hashing_trick(input_text, n, None, filters, lower, split)


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)
