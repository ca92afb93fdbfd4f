"""Evaluation: how well a language model predicts a text."""

import heapq
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lstm.callbacks import CallbackList
from lstm.errors import InvalidShapeError
from lstm.text.corpus.corpus import Corpus
from lstm.text.log_probabilities import log_of
from lstm.text.token_model import TokenModel

_STREAMS = 32
_STREAM_LENGTH = 2048
_PROBABILITIES = 2**22
"""Number of probabilities to compute at a time: 16 MB."""


@dataclass(frozen=True)
class Evaluation:
    """How well a model predicts a text.

    Attributes:
        nats: mean of -log p over the tokens, where p is the probability that the model gave.
        bits: the same in bits, -log₂ p.
        perplexity: exp(nats).
        accuracy: share of the tokens that were the most probable ones for the model.
        tokens: number of tokens predicted.
        unknown: number of them that are the unknown token.
        characters: number of characters that they stand for; 1 if they only complete one that
            started before. None where the tokens cannot be turned back into the text: some are
            unknown, or the tokenizer changes texts. All numbers per character or byte are None,
            too, in this case.
        bytes: number of bytes of these characters in UTF-8, or None.
    """

    nats: float
    bits: float
    perplexity: float
    accuracy: float
    tokens: int
    unknown: int
    characters: int | None
    bytes: int | None

    @property
    def unknown_share(self) -> float:
        """Share of the tokens that are unknown: the model predicts only where they occur."""
        return self.unknown / self.tokens

    @property
    def nats_per_character(self) -> float | None:
        """Nats per character, which compare models with different tokens."""
        return None if self.characters is None else self.nats * self.tokens / self.characters

    @property
    def bits_per_character(self) -> float | None:
        """The same in bits."""
        return None if self.characters is None else self.bits * self.tokens / self.characters

    @property
    def bits_per_byte(self) -> float | None:
        """Bits per byte of the text in UTF-8: the size to which the model could compress it."""
        return None if self.bytes is None else self.bits * self.tokens / self.bytes


@dataclass(frozen=True, order=True)
class Surprise:
    """A token that the model did not expect.

    Attributes:
        nats: -log p of the token.
        position: its number in the text, counted from 0.
        token: the token there.
        expected: the most probable token for the model.
        probability: the probability of `expected`.
    """

    nats: float
    position: int
    token: int
    expected: int
    probability: float


def evaluate(
    language_model: TokenModel, corpus: Corpus, telling: CallbackList | None = None
) -> Evaluation:
    """Measure how well a model predicts a corpus, each token from those before it.

    A long text is read as up to 32 parallel streams of at least 2,048 tokens each. A stream starts
    without knowing what is before it.

    Args:
        language_model: the model to evaluate.
        corpus: its tokens.
        telling: the callbacks to inform.

    Raises:
        InvalidShapeError: the corpus has less than 2 tokens.
    """
    telling = telling or CallbackList([], language_model.model, {})
    count, nats, hits, seen, batch = len(corpus) - 1, 0.0, 0, 0, 0

    def begin() -> None:
        telling.tell("on_test_batch_begin", batch, {})

    telling.tell("on_test_begin", {})
    for p, y, _ in _predictions(language_model, corpus, begin):
        nats -= float(_log_probabilities(p, y).sum())
        hits += int((p.argmax(-1) == y).sum())
        seen += len(y)
        telling.tell("on_test_batch_end", batch, {"loss": nats / seen})
        batch += 1
    telling.tell("on_test_end", {"loss": nats / count})
    vocabulary, counts = language_model.vocabulary, corpus.part(1, len(corpus)).counts()
    unknown = 0 if vocabulary.unknown is None else int(counts[vocabulary.unknown])
    exact = vocabulary.reversible and not unknown
    characters, octets = (max(1, int(n)) for n in counts @ vocabulary.lengths)
    mean = nats / count
    return Evaluation(
        nats=mean,
        bits=mean / math.log(2),
        perplexity=math.exp(min(mean, 700)),
        accuracy=hits / count,
        tokens=count,
        unknown=unknown,
        characters=characters if exact else None,
        bytes=octets if exact else None,
    )


def surprises(language_model: TokenModel, corpus: Corpus, count: int) -> list[Surprise]:
    """Return the tokens of a corpus that a model expected least, the most surprising first."""
    found: list[Surprise] = []
    for p, y, positions in _predictions(language_model, corpus):
        nats = -_log_probabilities(p, y)
        for k in np.argsort(-nats, kind="stable")[:count]:
            expected = int(p[k].argmax())
            surprise = Surprise(
                float(nats[k]), int(positions[k]), int(y[k]), expected, float(p[k, expected])
            )
            found.append(surprise)
        found = heapq.nlargest(count, found)
    return found


def _predictions(
    language_model: TokenModel, corpus: Corpus, begin: Callable[[], None] = lambda: None
) -> Iterator[tuple[NDArray[np.floating], NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the probabilities (n, V) for some tokens, these tokens (n), and their positions (n).

    Before each of these `begin` is called.
    """
    count, model = len(corpus) - 1, language_model.model
    if count < 1:
        raise InvalidShapeError("corpus", "at least 2 tokens", len(corpus))
    streams = max(1, min(_STREAMS, count // _STREAM_LENGTH))
    steps = max(1, min(256, _PROBABILITIES // (streams * len(language_model.vocabulary))))
    length = count // streams
    firsts = length * np.arange(streams)
    state, at = model.initial_state(streams), 0
    for x, y in corpus.chunks(streams, steps):
        begin()
        z, state = language_model.advance(x, state)
        p = language_model.probabilities(z)
        positions = firsts[:, None] + np.arange(at + 1, at + 1 + x.shape[1])
        yield p.reshape(-1, p.shape[-1]), y.reshape(-1), positions.reshape(-1)
        at += x.shape[1]
    # The rest is shorter than the number of streams, and continues from the last of them.
    rest = corpus.part(streams * length, len(corpus))
    if len(rest) > 1:
        last = {name: tuple(part[-1:] for part in parts) for name, parts in state.items()}
        for x, y in rest.chunks(1, len(rest)):
            begin()
            z, _ = language_model.advance(x, last)
            p = language_model.probabilities(z)
            yield p[0], y[0], np.arange(streams * length + 1, len(corpus))


def _log_probabilities(p: NDArray[np.floating], y: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return log p of the tokens (n) that came, from probabilities (n, V)."""
    return log_of(np.take_along_axis(p, y[:, None], -1)[:, 0])
