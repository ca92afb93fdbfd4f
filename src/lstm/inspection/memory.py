"""Memory: how far back a language model looks, by changed tokens, contexts and positions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidShapeError
from lstm.inspection.reading import Reading
from lstm.inspection.windows import windows_of
from lstm.text import Corpus, LanguageModel
from lstm.text.corpus.sources import TextLike
from lstm.text.log_probabilities import log_of

NOTICEABLE = 0.01
"""A change of the loss, in nats, below which a token counts as forgotten."""

_PROBABILITIES = 2**22
"""Number of probabilities to compute at a time: 16 MB."""


@dataclass(frozen=True)
class Memory:
    """How much a token some steps back affects the loss.

    Attributes:
        lags: (K,), how far back the token is; 1 is the last one before the token to predict.
        change: (K,), the change of the loss of the next token if that token is replaced: the mean
            of `|Δ nats|`.
        length: the effective memory: the longest of these lags with a change of at least 0.01 nats;
            0 if there is none.
    """

    lags: NDArray[np.int64]
    change: NDArray[np.float64]
    length: int


@dataclass(frozen=True)
class Context:
    """How well a model predicts with a context of some length.

    Attributes:
        lengths: (K,), number of tokens read since the zero state, from 1.
        nats: (K,), the mean loss of the next token.
    """

    lengths: NDArray[np.int64]
    nats: NDArray[np.float64]

    def smoothed(self, count: int = 24) -> "Context":
        """Return means over groups of lengths, each longer than the last by a constant factor.

        Args:
            count: largest number of groups.

        Returns:
            The longest length of each group, and its mean loss.
        """
        ends = np.unique(np.geomspace(1, len(self.nats), count).round().astype(np.int64))
        sums = np.add.reduceat(self.nats, np.append(0, ends[:-1]))
        return Context(self.lengths[ends - 1], sums / np.diff(ends, prepend=0))


@dataclass(frozen=True)
class Position:
    """How well a model predicts the parts of a text.

    Attributes:
        starts: (K,), the number of the first token of each part.
        nats: (K,), the mean loss of its tokens.
    """

    starts: NDArray[np.int64]
    nats: NDArray[np.float64]


def memory(
    model: LanguageModel,
    corpus: TextLike | Corpus,
    *,
    longest: int = 200,
    windows: int = 64,
    seed: int = 0,
) -> Memory:
    """Change one token some steps back, and measure the change of the loss.

    Args:
        model: a language model.
        corpus: a text like the training text, or its tokens.
        longest: the longest lag; shorter if the text is.
        windows: number of places in the text to try.
        seed: seed of the places and of the replacements, which are drawn from the text.

    Raises:
        InvalidTypeError: `model` is not a language model.
        InvalidShapeError: the text has fewer than 3 tokens, or all are the same.

    Source:
        Khandelwal et al., "Sharp nearby, fuzzy far away: how neural language models use context",
        2018.

    Example:
        >>> import lstm
        >>> model = lstm.LanguageModel.train("abracadabra " * 40, hidden=16, epochs=2, seed=0)
        >>> lstm.inspection.memory(model, "abracadabra " * 20, longest=8).lags.tolist()
        [1, 2, 3, 4, 6, 8]
    """
    texts = windows_of(model, corpus, longest + 1, windows, seed)
    tokens, rng = model.encoded(corpus).tokens, np.random.default_rng(seed)
    longest = texts.shape[1] - 1
    lags = np.unique(np.geomspace(1, longest, min(longest, 24)).round().astype(np.int64))
    plain, change = _last_nats(model, texts), np.empty(len(lags))
    for k, lag in enumerate(lags):
        changed = texts.copy()
        changed[:, -1 - lag] = _others(texts[:, -1 - lag], tokens, rng)
        change[k] = np.abs(_last_nats(model, changed) - plain).mean()
    noticed = lags[change >= NOTICEABLE]
    return Memory(lags, change, int(noticed.max(initial=0)))


def context(
    model: LanguageModel,
    corpus: TextLike | Corpus,
    *,
    longest: int = 200,
    windows: int = 256,
    seed: int = 0,
) -> Context:
    """Measure how the loss falls as a model, starting from a zero state, reads more of the text.

    Args:
        model: a language model.
        corpus: a text like the training text, or its tokens.
        longest: the longest context; shorter if the text is.
        windows: number of places in the text where a context starts.
        seed: seed of the places.

    Raises:
        InvalidTypeError: `model` is not a language model.
        InvalidShapeError: the text has fewer than 3 tokens.

    Example:
        >>> import lstm
        >>> model = lstm.LanguageModel.train("abracadabra " * 40, hidden=16, epochs=2, seed=0)
        >>> lstm.inspection.context(model, "abracadabra " * 20, longest=8).nats.shape
        (8,)
    """
    texts = windows_of(model, corpus, longest + 1, windows, seed)
    return Context(np.arange(1, texts.shape[1]), _nats(model, texts).mean(0))


def position(reading: Reading, parts: int = 50) -> Position:
    """Return how the loss changes along a text that was read in one go.

    Args:
        reading: the result of `read`.
        parts: number of equal parts of the text; fewer if it is short.

    Raises:
        InvalidShapeError: the text has fewer than 2 tokens.

    Example:
        >>> import lstm
        >>> model = lstm.LanguageModel.train("abracadabra " * 40, hidden=16, epochs=2, seed=0)
        >>> reading = lstm.inspection.read(model, "abracadabra " * 20)
        >>> lstm.inspection.position(reading, parts=3).starts.tolist()
        [1, 81, 161]
    """
    nats = reading.surprise[1:]
    if not len(nats):
        raise InvalidShapeError("reading", "at least 2 tokens", len(reading.tokens))
    pieces = np.array_split(nats, min(checks.positive_int("parts", parts), len(nats)))
    starts = np.cumsum([1, *(len(piece) for piece in pieces[:-1])])
    return Position(starts, np.array([piece.mean() for piece in pieces]))


def _others(
    tokens: NDArray[np.int64], among: NDArray[np.unsignedinteger], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return, for each token, another one, drawn by frequency in the text."""
    others = tokens.copy()
    for _ in range(100):
        same = others == tokens
        if not same.any():
            return others
        others[same] = among[rng.integers(0, len(among), int(same.sum()))]
    raise InvalidShapeError("corpus", "a text with different tokens", "one with hardly any")


def _nats(model: LanguageModel, texts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the loss (B, T - 1) of every token except the first of texts (B, T)."""
    steps = texts.shape[1] - 1
    at_once = max(1, _PROBABILITIES // (steps * len(model.vocabulary)))
    found = []
    for start in range(0, len(texts), at_once):
        part = texts[start : start + at_once]
        z, _ = model.advance(part[:, :-1], model.model.initial_state(len(part)))
        p = model.probabilities(z)
        found.append(-log_of(np.take_along_axis(p, part[:, 1:, None], -1)[..., 0]))
    return np.concatenate(found)


def _last_nats(model: LanguageModel, texts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the loss (B,) of the last token of each text."""
    before = model.read(texts[:, :-2], model.model.initial_state(len(texts)))
    z, _ = model.advance(texts[:, -2:-1], before)
    p = model.probabilities(z[:, 0])
    return -log_of(np.take_along_axis(p, texts[:, -1:], 1)[:, 0])
