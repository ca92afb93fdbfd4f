"""Tokenizer: words to integers as in Keras 2, the most frequent first; unseen ones are dropped."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidTypeError, InvalidValueError, LSTMError, NotReadyError
from lstm.interface import Interface
from lstm.text.word_lists import PUNCTUATION, split_words

OOV_INDEX = 1
_ARGUMENTS = ("num_words", "filters", "lower", "split", "char_level", "oov_token")


class Tokenizer(Interface):
    """Words or characters to integers, the most frequent first, as in Keras 2.

    Index 0 is left free for padding. A text is a str, which is lowered, filtered and split, or a
    list of tokens, which is only lowered. As in Keras, a str is always the text itself, never the
    name of a file, and its line ends stay. With `char_level`, every character of a str is a token,
    nothing is filtered, and a bare str in place of a list of texts means one text per character,
    as in Keras.

    Args:
        num_words: keep only indices below it in sequences; None keeps all. Counting goes on for
            every word, so it may be changed after fitting.
        filters: characters that separate words, as `split` does.
        lower: whether to lower every text first.
        split: separator of words.
        char_level: whether tokens are characters instead of words.
        oov_token: takes index 1 and stands for every word that is unseen or cut by `num_words`;
            with None, such words are dropped.

    Attributes:
        word_index: index by word: 1-based, by falling frequency, ties by first appearance.
        index_word: word by index.
        word_counts: occurrences by word, in the order of first appearance.
        word_docs: in how many texts a word occurs, by word.
        index_docs: the same by index.
        document_count: how many texts were fitted.

    Raises:
        InvalidTypeError: an argument is of the wrong type.
        InvalidValueError: `num_words` is below 1, `split` or `oov_token` is empty.

    Example:
        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["The cat saw the dog.", "The dog ran!"])
        >>> tokenizer.word_index
        {'the': 1, 'dog': 2, 'cat': 3, 'saw': 4, 'ran': 5}
        >>> tokenizer.texts_to_sequences(["The dog saw a bird"])
        [[1, 2, 4]]
    """

    kind: ClassVar[str] = "keras_tokenizer"

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = PUNCTUATION,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
    ) -> None:
        for argument, text in {"filters": filters, "split": split, "oov_token": oov_token}.items():
            if argument != "oov_token" or text is not None:
                checks.string(argument, text)
            if argument != "filters" and text == "":
                raise InvalidValueError(argument, "at least one character", "an empty str")
        self.num_words = None if num_words is None else checks.positive_int("num_words", num_words)
        self.filters = filters
        self.lower = checks.boolean("lower", lower)
        self.split = split
        self.char_level = checks.boolean("char_level", char_level)
        self.oov_token = oov_token
        self.document_count = 0
        self.word_counts: Counter[str] = Counter()
        self.word_docs: Counter[str] = Counter()
        self._sequence_docs: Counter[int] = Counter()
        self._counted_texts = True  # Not in configs from before there were `word_docs`.
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}

    def fit_on_texts(self, texts: Iterable[str | Sequence[str]]) -> None:
        """Count the words of `texts` and rebuild the index; earlier counts stay.

        Args:
            texts: texts, each a str or a list of tokens; any iterable.

        Raises:
            InvalidTypeError: a text is neither, or `texts` is a single str (but see `char_level`).
            InvalidValueError: there is no text.

        Example:
            >>> tokenizer = Tokenizer(oov_token="?")
            >>> tokenizer.fit_on_texts([["to", "be"], "or not to be"])
            >>> tokenizer.word_index
            {'?': 1, 'to': 2, 'be': 3, 'or': 4, 'not': 5}
        """
        counts: Counter[str] = Counter()
        of_texts: Counter[str] = Counter()
        documents = 0
        for words in self._split_all(texts):
            counts.update(words)
            of_texts.update(list(dict.fromkeys(words)))
            documents += 1
        if not documents:
            raise InvalidValueError("texts", "at least one text", "none")
        self.word_counts.update(counts)
        self.word_docs.update(of_texts)
        self.document_count += documents
        self._index_words()

    def texts_to_sequences(self, texts: Iterable[str | Sequence[str]]) -> list[list[int]]:
        """Return the indices of the words of each text.

        Args:
            texts: texts, each a str or a list of tokens; any iterable.

        Returns:
            One list of indices per text: shorter than the text where words are unknown, unless
            there is an `oov_token`.

        Raises:
            NotReadyError: the tokenizer has seen no text yet.
            InvalidTypeError: a text is neither, or `texts` is a single str (but see `char_level`).

        Example:
            >>> tokenizer = Tokenizer(num_words=3, oov_token="?")
            >>> tokenizer.fit_on_texts(["to be or not to be"])
            >>> tokenizer.texts_to_sequences(["be to me"])
            [[1, 2, 1]]
        """
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(
        self, texts: Iterable[str | Sequence[str]]
    ) -> Iterator[list[int]]:
        """Yield what `texts_to_sequences` returns, one text after the other."""
        self._check_fitted()
        for words in self._split_all(texts):
            yield [index for word in words if (index := self._index_of(word)) is not None]

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """Return the words of each sequence, joined by spaces (characters too, as in Keras).

        Args:
            sequences: lists or arrays of indices. An unknown index, such as 0 for padding, becomes
                the `oov_token`; it is dropped if there is no `oov_token`.

        Returns:
            One text per sequence.

        Raises:
            NotReadyError: the tokenizer has seen no text yet.
            InvalidTypeError: a sequence holds something other than integers.

        Example:
            >>> tokenizer = Tokenizer()
            >>> tokenizer.fit_on_texts(["to be or not to be"])
            >>> tokenizer.sequences_to_texts([[0, 0, 1, 2]])
            ['to be']
        """
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Iterable[int]]) -> Iterator[str]:
        """Yield what `sequences_to_texts` returns, one sequence after the other."""
        self._check_fitted()
        for sequence in sequences:
            yield " ".join(self._words_of(sequence))

    def fit_on_sequences(self, sequences: Iterable[Iterable[int]]) -> None:
        """Count in how many sequences each index occurs, for the mode "tfidf"; no word is learned.

        Args:
            sequences: lists of indices.

        Example:
            >>> tokenizer = Tokenizer(num_words=4)
            >>> tokenizer.fit_on_sequences([[1, 2], [1, 1]])
            >>> tokenizer.index_docs
            {1: 2, 2: 1}
        """
        for sequence in sequences:
            whole = (checks.integer("sequences", n, "sequences of integers") for n in sequence)
            self._sequence_docs.update(list(dict.fromkeys(whole)))
            self.document_count += 1

    @property
    def index_docs(self) -> dict[int, int]:
        of_words = {self.word_index[word]: count for word, count in self.word_docs.items()}
        return dict(Counter(of_words) + self._sequence_docs)

    def texts_to_matrix(
        self, texts: Iterable[str | Sequence[str]], mode: str = "binary"
    ) -> NDArray[np.float64]:
        """Return a row for each text, with a number for each word: `sequences_to_matrix`.

        Example:
            >>> tokenizer = Tokenizer()
            >>> tokenizer.fit_on_texts(["to be or not to be"])
            >>> tokenizer.texts_to_matrix(["be or be"], "count")
            array([[0., 0., 2., 1., 0.]])
        """
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(
        self, sequences: Iterable[Sequence[int]], mode: str = "binary"
    ) -> NDArray[np.float64]:
        """Return a row for each sequence, with a number for each index below `num_words`.

        Args:
            sequences: lists of indices.
            mode: "binary", whether it occurs; "count", how often, n; "freq", n divided by the
                length of the sequence; "tfidf", (1 + log n)·log(1 + N / (1 + m)), where m of the N
                texts that were fitted have the word.

        Returns:
            (texts, num_words), or one column more than there are words if that is None. Column 0
            belongs to no word.

        Raises:
            NotReadyError: the tokenizer has seen no text yet, and `num_words` is None or the mode
                "tfidf"; or it is from an old config, without what "tfidf" needs.
            InvalidValueError: `mode` is none of these.
        """
        checks.one_of("mode", mode, ("binary", "count", "freq", "tfidf"))
        if self.num_words is None or (mode == "tfidf" and not self.document_count):
            self._check_fitted()
        if mode == "tfidf" and not self._counted_texts:
            raise NotReadyError(
                "tfidf needs in how many texts each word occurs, and the config of this tokenizer "
                "did not say: fit a new one"
            )
        rows = list(sequences)
        for row in rows:
            if not isinstance(row, Sequence | np.ndarray):
                raise InvalidTypeError("sequences", "a list of sequences", repr(row))
        columns = self.num_words or len(self.word_index) + 1
        matrix, documents = np.zeros((len(rows), columns)), self.index_docs
        for found, row in zip(matrix, rows, strict=True):
            for index, n in Counter(row).items():
                if not 0 <= checks.integer("sequences", index, "sequences of integers") < columns:
                    continue
                found[index] = {"binary": 1.0, "count": n, "freq": n / len(row)}.get(mode, 0.0)
                if mode == "tfidf":
                    rarity = self.document_count / (1 + documents.get(index, 0))
                    found[index] = (1 + math.log(n)) * math.log(1 + rarity)
        return matrix

    def get_config(self) -> dict[str, Any]:
        """Return what `to_json` holds: arguments, and tables as JSON, in the form of Keras 2."""
        tables = {
            "word_counts": self.word_counts,
            "word_docs": self.word_docs,
            "index_docs": self.index_docs,
            "index_word": self.index_word,
            "word_index": self.word_index,
        }
        plain = {name: getattr(self, name) for name in (*_ARGUMENTS, "document_count")}
        return plain | {name: json.dumps(table) for name, table in tables.items()}

    def to_json(self) -> str:
        """Return it as JSON in the form of Keras 2, for `tokenizer_from_json`."""
        return json.dumps({"class_name": "Tokenizer", "config": self.get_config()})

    def to_config(self) -> dict[str, Any]:
        """Return a description that JSON can hold and that `from_config` reads.

        Returns:
            The kind of this class, its arguments and its counts.

        Example:
            >>> tokenizer = Tokenizer(char_level=True)
            >>> tokenizer.fit_on_texts(["noon"])
            >>> tokenizer.to_config()["word_counts"]
            [['n', 2], ['o', 2]]
        """
        config = {
            "kind": self.kind,
            "num_words": self.num_words,
            "filters": self.filters,
            "lower": self.lower,
            "split": self.split,
            "char_level": self.char_level,
            "oov_token": self.oov_token,
            "document_count": self.document_count,
            # Pairs, because ties go by order and not every JSON tool keeps the order of an object.
            "word_counts": [[word, count] for word, count in self.word_counts.items()],
            "word_docs": [[word, count] for word, count in self.word_docs.items()],
        }
        if not self._counted_texts:
            del config["word_docs"]
        if self._sequence_docs:
            config["sequence_docs"] = [[n, count] for n, count in self._sequence_docs.items()]
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Tokenizer":
        """Return the tokenizer that `to_config` described.

        Args:
            config: what `to_config` returned, perhaps through JSON.

        Returns:
            A tokenizer with the same indices, which can be fitted further.

        Raises:
            InvalidValueError: the description is of another kind, incomplete or damaged.

        Example:
            >>> tokenizer = Tokenizer()
            >>> tokenizer.fit_on_texts(["to be or not to be"])
            >>> Tokenizer.from_config(tokenizer.to_config()).word_index
            {'to': 1, 'be': 2, 'or': 3, 'not': 4}
        """
        checks.saved_form(config, cls.kind, [*_ARGUMENTS, "document_count", "word_counts"])
        tokenizer = cls(**{argument: config[argument] for argument in _ARGUMENTS})
        tokenizer.document_count = checks.int_at_least(
            "document_count", config["document_count"], 0
        )
        tokenizer.word_counts.update(_counts("word_counts", config["word_counts"]))
        tokenizer._counted_texts = "word_docs" in config or not tokenizer.word_counts
        tokenizer.word_docs.update(_counts("word_docs", config.get("word_docs", [])))
        for index, count in config.get("sequence_docs", []):
            number = checks.integer("sequence_docs", index)
            tokenizer._sequence_docs[number] = checks.positive_int("sequence_docs", count)
        if not tokenizer.word_docs.keys() <= tokenizer.word_counts.keys():
            raise InvalidValueError("word_docs", "words of word_counts", "others")
        tokenizer._index_words()
        return tokenizer

    def _index_words(self) -> None:
        ranked = [word for word, _ in self.word_counts.most_common() if word != self.oov_token]
        vocabulary = ranked if self.oov_token is None else [self.oov_token, *ranked]
        self.index_word = dict(enumerate(vocabulary, start=OOV_INDEX))
        self.word_index = {word: index for index, word in self.index_word.items()}

    def _check_fitted(self) -> None:
        if not self.word_index:
            raise NotReadyError("the tokenizer knows no words yet: call fit_on_texts first")

    def _split_all(self, texts: Iterable[str | Sequence[str]]) -> Iterator[Sequence[str]]:
        if not isinstance(texts, Iterable) or (isinstance(texts, str) and not self.char_level):
            raise InvalidTypeError("texts", "a list of texts", f"{texts!r:.40}")
        for text in texts:
            yield self._split(text)

    def _split(self, text: str | Sequence[str]) -> Sequence[str]:
        if not isinstance(text, str):
            tokens = list(text) if isinstance(text, Iterable) else [text]
            for token in tokens:
                if not isinstance(token, str):
                    raise InvalidTypeError("texts", "each text a str or a list of str", repr(token))
            return [token.lower() for token in tokens] if self.lower else tokens
        if self.lower:
            text = text.lower()
        if self.char_level:
            return text
        return split_words(text, self.filters, self.split)

    def _index_of(self, word: str) -> int | None:
        index = self.word_index.get(word)
        if index is None or self._is_cut(index):
            return None if self.oov_token is None else OOV_INDEX
        return index

    def _words_of(self, sequence: Iterable[int]) -> Iterator[str]:
        if not isinstance(sequence, Iterable):
            raise InvalidTypeError("sequences", "a list of sequences", repr(sequence))
        for index in sequence:
            if not isinstance(index, int | np.integer):
                raise InvalidTypeError("sequences", "sequences of integers", repr(index))
            word = self.index_word.get(int(index))
            word = self.oov_token if word is None or self._is_cut(index) else word
            if word is not None:
                yield word

    def _is_cut(self, index: int) -> bool:
        return self.num_words is not None and index >= self.num_words


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """Return the tokenizer that `Tokenizer.to_json` wrote, here or in Keras 2.

    Raises:
        InvalidTypeError, InvalidValueError: it did not write that.

    Example:
        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["to be or not to be"])
        >>> tokenizer_from_json(tokenizer.to_json()).word_index
        {'to': 1, 'be': 2, 'or': 3, 'not': 4}
    """
    expected = "the result of Tokenizer.to_json"
    try:
        config = json.loads(checks.string("json_string", json_string))["config"]
        tables = {
            name: [*json.loads(config[name]).items()] for name in ("word_counts", "word_docs")
        }
        config = {**config, **tables, "kind": Tokenizer.kind}
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        if isinstance(error, LSTMError):
            raise
        raise InvalidValueError("json_string", expected, f"{json_string!r:.40}") from error
    return Tokenizer.from_config(config)


def _counts(argument: str, pairs: Any) -> dict[str, int]:
    """Return counts by word, from pairs in a config."""
    try:
        counts = [(word, count) for word, count in pairs]
    except (TypeError, ValueError) as error:
        got = f"{pairs!r:.40}"
        raise InvalidValueError(argument, "pairs of a word and its count", got) from error
    return {
        checks.string(argument, word): checks.positive_int(argument, count)
        for word, count in counts
    }
