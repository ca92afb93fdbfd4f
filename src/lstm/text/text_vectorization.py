"""TextVectorization: texts as rows of tokens, or as bags of words, as Keras' layer makes them."""

import codecs
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, NotReadyError
from lstm.interface import Interface

Values = NDArray[Any]

MASK, UNKNOWN = "", "[UNK]"

_PUNCTUATION = re.compile(r"""[!"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~']""")
_LOWER = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_STANDARDS = (None, "lower_and_strip_punctuation", "lower", "strip_punctuation")
_SPLITS = (None, "whitespace", "character")
_MODES = {
    "int": "int",
    "multi_hot": "multi_hot",
    "binary": "multi_hot",
    "count": "count",
    "tf_idf": "tf_idf",
    "tf-idf": "tf_idf",
}
_ARGUMENTS = (
    "max_tokens",
    "standardize",
    "split",
    "ngrams",
    "output_mode",
    "output_sequence_length",
    "pad_to_max_tokens",
    "encoding",
    "name",
)


class TextVectorization(Interface):
    """Texts to rows of tokens, the most frequent first, as Keras' layer of that name.

    It is called on texts, before a model, and returns arrays; it cannot be part of a model. Index 0
    is padding and index 1 `"[UNK]"`, which stands for all unknown words. In the modes that count
    words there is no padding, and index 0 is `"[UNK]"`.

    Args:
        max_tokens: the largest size of the vocabulary, with padding and `"[UNK]"`.
        standardize: what is done first: "lower_and_strip_punctuation", "lower", which lowers ASCII
            letters, as in Keras, "strip_punctuation", None for nothing; or a function of an array
            of texts.
        split: how a text is divided: "whitespace", "character", None for not at all; or a function
            from a list of texts to a list of lists of tokens.
        ngrams: n: sequences of up to n tokens are tokens, too; a tuple of such lengths; None.
        output_mode: "int" for the indices of tokens; "multi_hot" for a row with 1 at each word that
            occurs, "count" for how often it does, "tf_idf" for that times log(1 + N / (1 + m)),
            where m of the N texts of `adapt` have the word.
        output_sequence_length: in the mode "int", the length of all rows; by default that of the
            longest text.
        pad_to_max_tokens: in the other modes, whether rows have `max_tokens` numbers even if there
            are fewer words.
        vocabulary: the tokens in order, with or without those for padding and unknown words; or a
            file with one in each line. By default `adapt` finds them.
        idf_weights: with a vocabulary and the mode "tf_idf", the weight of each word.
        encoding: that of texts that are bytes.
        name: accepted for compatibility.

    Raises:
        InvalidTypeError, InvalidValueError: an argument cannot be used.

    Example:
        >>> from lstm.text import TextVectorization
        >>> vectorize = TextVectorization(max_tokens=5000, output_sequence_length=4)
        >>> vectorize.adapt(["foo bar", "bar baz", "baz bada boom"])
        >>> vectorize.get_vocabulary()
        ['', '[UNK]', 'baz', 'bar', 'foo', 'boom', 'bada']
        >>> vectorize(["Foo, qux bar!", "qux baz"])
        array([[4, 1, 3, 0],
               [1, 2, 0, 0]])
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: str | Callable[..., Any] | None = "lower_and_strip_punctuation",
        split: str | Callable[..., Any] | None = "whitespace",
        ngrams: int | Sequence[int] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Sequence[str] | str | PathLike[str] | None = None,
        idf_weights: Sequence[float] | None = None,
        encoding: str = "utf-8",
        name: str | None = None,
    ) -> None:
        self.output_mode = _MODES[checks.one_of("output_mode", output_mode, _MODES)]
        specials = [MASK, UNKNOWN] if self.output_mode == "int" else [UNKNOWN]
        self._specials = specials
        self.max_tokens = max_tokens
        if max_tokens is not None:
            self.max_tokens = checks.int_at_least("max_tokens", max_tokens, len(specials) + 1)
        self.standardize = standardize
        if not callable(standardize):
            self.standardize = checks.one_of("standardize", standardize, _STANDARDS)
        self.split = split if callable(split) else checks.one_of("split", split, _SPLITS)
        self.ngrams = ngrams
        self._widths = _widths(ngrams)
        self.output_sequence_length = None
        if output_sequence_length is not None:
            if self.output_mode != "int":
                expected = 'None unless output_mode is "int"'
                raise InvalidValueError("output_sequence_length", expected, output_sequence_length)
            self.output_sequence_length = checks.positive_int(
                "output_sequence_length", output_sequence_length
            )
        self.pad_to_max_tokens = checks.boolean("pad_to_max_tokens", pad_to_max_tokens)
        self.encoding = checks.string("encoding", encoding)
        try:
            codecs.lookup(encoding)
        except LookupError:
            expected = "the name of an encoding, such as 'utf-8'"
            raise InvalidValueError("encoding", expected, repr(encoding)) from None
        self.name = "text_vectorization" if name is None else checks.string("name", name)
        self._index: dict[str, int] = {}
        self._idf = np.zeros(0)
        self._given = vocabulary is not None
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)
        elif idf_weights is not None:
            raise InvalidValueError("idf_weights", "None without a vocabulary", "weights")

    # ---- the vocabulary

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Find the vocabulary of texts: the most frequent words first, ties in reverse order.

        Args:
            data: texts; or batches of them.
            batch_size: accepted for compatibility.
            steps: how many batches to read; all by default.

        Raises:
            InvalidValueError: there are no words, or the vocabulary was given.
            InvalidTypeError: a text is no text.
        """
        if self._given:
            raise InvalidValueError("data", "none, because the vocabulary was given", "texts")
        counts: Counter[str] = Counter()
        of_texts: Counter[str] = Counter()
        texts = 0
        limit = None if steps is None else checks.positive_int("steps", steps)
        for k, batch in enumerate(_batches(data)):
            if k == limit:
                break
            for tokens in self._tokens(self._texts(batch)):
                counts.update(tokens)
                of_texts.update(set(tokens))
                texts += 1
        for special in (MASK, UNKNOWN):
            counts.pop(special, None)
        if not counts:
            raise InvalidValueError("data", "texts with at least one word", f"{texts} without")
        ranked = sorted(counts, key=lambda word: (counts[word], word.encode()), reverse=True)
        if self.max_tokens is not None:
            ranked = ranked[: self.max_tokens - len(self._specials)]
        self._use(ranked)
        idf = np.log(1 + texts / (1 + np.array([of_texts[word] for word in ranked])))
        self._idf = np.array([idf.mean(), *idf])

    def set_vocabulary(
        self,
        vocabulary: Sequence[str] | str | PathLike[str],
        idf_weights: Sequence[float] | None = None,
    ) -> None:
        """Use these tokens.

        Args:
            vocabulary: the tokens in order, with or without those for padding and unknown words; or
                a file with one in each line.
            idf_weights: the weight of each token, needed in the mode "tf_idf".

        Raises:
            InvalidValueError: a token comes twice, there are too many, or weights are missing.
        """
        given = _vocabulary(vocabulary)
        count = len(self._specials)
        found = given[:count] == self._specials
        tokens = given[count:] if found else given
        twice = [token for token, n in Counter(tokens).items() if n > 1]
        if twice or MASK in tokens or not tokens:
            expected = "different tokens, at least one, none of them empty"
            raise InvalidValueError("vocabulary", expected, repr(twice[0] if twice else given[:9]))
        size = count + len(tokens)
        if self.max_tokens is not None and size > self.max_tokens:
            expected = f"at most {self.max_tokens} tokens (max_tokens)"
            raise InvalidValueError("vocabulary", expected, size)
        self._idf = self._weights(idf_weights, len(given), found)
        self._given = True
        self._use(tokens)

    def _weights(self, weights: Sequence[float] | None, size: int, found: bool) -> Values:
        """Return a weight for `"[UNK]"`, which may be among the tokens (`found`), and for all."""
        if (weights is not None) != (self.output_mode == "tf_idf"):
            expected = 'a weight for each token in the mode "tf_idf", else None'
            raise InvalidValueError("idf_weights", expected, f"{weights!r:.40}")
        if weights is None:
            return np.zeros(0)
        idf = checks.numbers("idf_weights", weights).astype(np.float64)
        checks.shape("idf_weights", idf.shape, (size,))
        return idf if found else np.array([idf.mean(), *idf])

    def _use(self, tokens: Sequence[str]) -> None:
        self._index = {token: k for k, token in enumerate(tokens, len(self._specials))}

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """Return the tokens in order.

        Args:
            include_special_tokens: whether those for padding and unknown words are among them.
        """
        specials = self._specials if include_special_tokens else []
        return [*specials, *self._index]

    def vocabulary_size(self) -> int:
        """Return the number of tokens, with those for padding and unknown words."""
        return len(self._specials) + len(self._index)

    # ---- texts

    def __call__(self, inputs: Any) -> Values:
        """Return a row for each text.

        Args:
            inputs: texts, each a str or bytes, (N) or (N, 1); or one text, which gives one row.

        Returns:
            (N, T) in the mode "int", (N) without splitting; in others (N, words). They are int64,
            but float32 in the mode "tf_idf".

        Raises:
            NotReadyError: there is no vocabulary yet.
            InvalidTypeError: a text is no text.
        """
        if not self._index:
            raise NotReadyError("no vocabulary yet: call adapt(texts), or pass vocabulary")
        alone = isinstance(inputs, str | bytes)
        tokens = self._tokens(self._texts(inputs))
        known, unknown = self._index, self._specials.index(UNKNOWN)
        if self.output_mode == "int":
            known = known | {MASK: 0}
        indices = [[known.get(token, unknown) for token in row] for row in tokens]
        found = self._padded(indices) if self.output_mode == "int" else self._counted(indices)
        if self.split is None and self.output_mode == "int" and self._widths is None:
            found = found[:, 0]
        return found[0] if alone else found

    def _padded(self, indices: Sequence[Sequence[int]]) -> Values:
        length = self.output_sequence_length
        if length is None:
            length = max(map(len, indices), default=0)
        found = np.zeros((len(indices), length), np.int64)
        for row, values in zip(found, indices, strict=True):
            row[: len(values)] = values[:length]
        return found

    def _counted(self, indices: Sequence[Sequence[int]]) -> Values:
        size = self.vocabulary_size()
        if self.pad_to_max_tokens and self.max_tokens is not None:
            size = self.max_tokens
        found = np.zeros((len(indices), size), np.int64)
        for row, values in zip(found, indices, strict=True):
            np.add.at(row, list(values), 1)
        if self.output_mode == "multi_hot":
            return np.minimum(found, 1)
        if self.output_mode == "tf_idf":
            weights = np.zeros(size, np.float32)
            weights[: len(self._idf)] = self._idf
            return found.astype(np.float32) * weights
        return found

    def _texts(self, inputs: Any) -> list[str]:
        """Return texts as a list of str."""
        if isinstance(inputs, str | bytes):
            inputs = [inputs]
        rows = inputs.tolist() if isinstance(inputs, np.ndarray) else inputs
        if not isinstance(rows, list | tuple):
            raise InvalidTypeError("inputs", "texts", f"{inputs!r:.40}")
        texts = []
        for row in rows:
            if isinstance(row, list | tuple | np.ndarray):
                if len(row) != 1:
                    raise InvalidShapeError("inputs", "texts (N) or (N, 1)", f"{len(row)} in a row")
                row = row[0]
            if isinstance(row, bytes):
                row = self._decoded(row)
            if not isinstance(row, str):
                raise InvalidTypeError("inputs", "texts", f"{row!r:.40}")
            texts.append(str(row))
        return texts

    def _decoded(self, text: bytes) -> str:
        try:
            return text.decode(self.encoding)
        except UnicodeDecodeError as error:
            got = f"{text[error.start : error.end]!r} at byte {error.start} of {text!r:.40}"
            raise InvalidValueError("inputs", f"bytes of {self.encoding!r}", got) from error

    def _tokens(self, texts: list[str]) -> list[list[str]]:
        """Return the tokens of each text."""
        if callable(self.standardize):
            texts = self._texts(np.asarray(self.standardize(np.asarray(texts, dtype=str))))
        elif self.standardize is not None:
            texts = [_standardized(text, self.standardize) for text in texts]
        if callable(self.split):
            tokens = _tokens_of(self.split(texts), len(texts))
        else:
            tokens = [_divided(text, self.split) for text in texts]
        if self._widths is None:
            return tokens
        return [[gram for n in self._widths for gram in _grams(row, n)] for row in tokens]

    # ---- description

    def get_config(self) -> dict[str, Any]:
        """Return its arguments with the vocabulary, as JSON values, for `from_config`.

        Raises:
            InvalidTypeError: a function is among them.
        """
        config: dict[str, Any] = {name: getattr(self, name) for name in _ARGUMENTS}
        for name in ("standardize", "split"):
            if callable(config[name]):
                raise InvalidTypeError(name, "a name, for a config", "a function")
        if isinstance(self.ngrams, Sequence):
            config["ngrams"] = list(self.ngrams)
        config["vocabulary"] = self.get_vocabulary() if self._index else None
        weighted = self.output_mode == "tf_idf" and self._index
        config["idf_weights"] = self._idf.tolist() if weighted else None
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Rebuild what `get_config` described; the vocabulary is then given."""
        return cls(**config)


def _widths(ngrams: int | Sequence[int] | None) -> tuple[int, ...] | None:
    if ngrams is None:
        return None
    if isinstance(ngrams, int | np.integer):
        return tuple(range(1, checks.positive_int("ngrams", ngrams) + 1))
    given = checks.sequence("ngrams", ngrams, "an integer, or a tuple of them")
    return tuple(checks.positive_int("ngrams", n) for n in given)


def _standardized(text: str, how: str) -> str:
    lowered = text if how == "strip_punctuation" else text.translate(_LOWER)
    return lowered if how == "lower" else _PUNCTUATION.sub("", lowered)


def _tokens_of(made: Any, count: int) -> list[list[str]]:
    """Return what a function of the user made of `count` texts, if it is a list for each."""
    rows = list(made) if isinstance(made, Iterable) else [made]
    if len(rows) != count or any(isinstance(row, str) or np.ndim(row) == 0 for row in rows):
        expected = f"a list of tokens for each of {count} texts"
        raise InvalidTypeError("result of split", expected, f"{made!r:.60}")
    return [[str(token) for token in row] for row in rows]


def _divided(text: str, how: str | None) -> list[str]:
    if how == "character":
        return list(text)
    # ASCII white space alone, as in Keras.
    return [text] if how is None else [part for part in re.split("[ \t\n\v\f\r]", text) if part]


def _grams(tokens: Sequence[str], n: int) -> list[str]:
    return [" ".join(tokens[k : k + n]) for k in range(len(tokens) - n + 1)]


def _batches(data: Any) -> Iterable[Any]:
    """Return batches of texts: what is given, if it is texts."""
    if isinstance(data, list | tuple | np.ndarray | str):
        return [data]
    if not isinstance(data, Iterable):
        raise InvalidTypeError("data", "texts, or batches of them", f"{data!r:.40}")
    return data


def _vocabulary(vocabulary: Any) -> list[str]:
    if isinstance(vocabulary, str | PathLike):
        path = checks.path("vocabulary", vocabulary)
        try:
            with open(path, encoding="utf-8") as file:
                return file.read().splitlines()
        except (OSError, ValueError) as error:
            got = f"{path} ({checks.reason(error)})"
            raise InvalidValueError("vocabulary", "a file that can be read", got) from None
    given = checks.sequence("vocabulary", vocabulary, "a list of tokens, or a file of them")
    return [checks.string("vocabulary", token) for token in given]
