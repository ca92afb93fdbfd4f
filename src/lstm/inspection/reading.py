"""Reading: the states, gates and expectations of a language model while it reads a text."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.inspection.probe import Probe
from lstm.inspection.recording import Quantities, recorded
from lstm.text import Corpus, LanguageModel
from lstm.text.corpus.sources import TextLike
from lstm.text.log_probabilities import log_of

_AT_ONCE = 512
"""Tokens to read at a time, so that memory does not grow with the text."""


_MEMORY = 2**32
"""Largest number of bytes of states and gates to keep."""


@dataclass(frozen=True)
class Reading:
    """What a language model did while it read T tokens.

    Values at t are known after token t was read, except surprise, expected and probabilities, which
    describe the prediction of token t before it.

    Attributes:
        pieces: the text of each token; empty if a token only starts a character.
        tokens: (T,), int64.
        surprise: (T,), -log p of each token in nats; NaN for the first of a text, which has no
            prediction.
        expected: (T, K), the K most probable tokens, the most probable first; -1 for the first of
            a text.
        probabilities: (T, K), the probabilities of the expected tokens.
        layers: the states and gates of each layer by their letters, (T, H) each; see `record`.
        characters: number of characters of the whole text; an unknown token counts as one.
    """

    pieces: tuple[str, ...]
    tokens: NDArray[np.int64]
    surprise: NDArray[np.float64]
    expected: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    layers: dict[str, Quantities]
    characters: int

    @property
    def text(self) -> str:
        """The text that was read."""
        return "".join(self.pieces)

    @property
    def sampled(self) -> bool:
        """Whether this is only a part of the text."""
        return len(self.text) < self.characters


def readings(model: LanguageModel, corpus: TextLike | Corpus, *, top: int = 5) -> Iterator[Reading]:
    """Read a text of any size, and yield the readings piece by piece.

    Args:
        model: a language model.
        corpus: the text, or its tokens.
        top: number K of expected tokens.

    Returns:
        Readings of up to 512 tokens that together are the whole text: the state is carried.

    Raises:
        InvalidTypeError: `model` is not a language model.
        InvalidValueError: there is no text.
    """
    probe, tokens = _probe(model), _tokens(model, corpus)
    count = min(checks.positive_int("top", top), len(model.vocabulary))
    return _readings(model, probe, tokens, len(tokens), count)


def read(
    model: LanguageModel,
    corpus: TextLike | Corpus,
    *,
    characters: int = 20_000,
    top: int = 5,
    progress: Callable[[int, int], None] | None = None,
) -> Reading:
    """Read the start of a text, and return the reading.

    Args:
        model: a language model.
        corpus: the text, or its tokens.
        characters: largest number to read. A layer of 256 units needs 6 kB for each.
        top: number K of expected tokens.
        progress: called with the number of tokens read, and the total.

    Raises:
        InvalidTypeError: `model` is not a language model.
        InvalidValueError: there is no text, or the states and gates of this many characters would
            need more than 4 GB of memory.

    Example:
        >>> import lstm
        >>> model = lstm.LanguageModel.train("abracadabra " * 40, hidden=16, epochs=2, seed=0)
        >>> reading = lstm.inspection.read(model, "abracadabra")
        >>> reading.pieces[:4], reading.layers["lstm"]["c"].shape
        (('a', 'b', 'r', 'a'), (11, 16))
    """
    probe, tokens = _probe(model), _tokens(model, corpus)
    most = checks.positive_int("characters", characters)
    lengths = model.vocabulary.lengths[:, 0]
    # A token of bytes may hold no whole character, but four always do.
    ends = np.cumsum(lengths[tokens.tokens[: 4 * most]])
    count = min(checks.positive_int("top", top), len(model.vocabulary))
    length = max(1, int((ends <= most).sum()))
    _check_memory(probe, length, characters)
    return _joined(_readings(model, probe, tokens, length, count), length, progress)


def checked_unit(layers: Mapping[str, Quantities], layer: str, unit: int) -> None:
    """Check that a layer and a unit in it exist.

    Raises:
        InvalidValueError: they do not.
    """
    units = layers[checks.one_of("layer", layer, tuple(layers))]["h"].shape[-1]
    if checks.int_at_least("unit", unit, 0) >= units:
        raise InvalidValueError("unit", f"a unit of {layer}, 0 to {units - 1}", unit)


def _probe(model: LanguageModel) -> Probe:
    if not isinstance(model, LanguageModel):
        raise InvalidTypeError("model", "a LanguageModel", type(model).__name__)
    return Probe(model.model)


def _check_memory(probe: Probe, length: int, characters: int) -> None:
    """Refuse to keep states and gates of `length` tokens if they do not fit in memory.

    Raises:
        InvalidValueError: they need too much.
    """
    numbers = 0
    for place in probe.places:
        units, layout = place.layer.units, place.layer.spec.layout
        numbers += sum(layout.widths(units)) + units * len(layout.gates)
    most = _MEMORY // (numbers * np.dtype(probe.model.backend.dtype).itemsize)
    if length > most:
        raise InvalidValueError("characters", f"at most {most} of this model (4 GB)", characters)


def _tokens(model: LanguageModel, corpus: TextLike | Corpus) -> Corpus:
    tokens = model.encoded(corpus)
    if not len(tokens):
        raise InvalidValueError("corpus", "a text that is not empty", "no tokens")
    return tokens


def _readings(
    model: LanguageModel, probe: Probe, tokens: Corpus, length: int, top: int
) -> Iterator[Reading]:
    """Yield readings of the first tokens of a text."""
    vocabulary = model.vocabulary
    characters, _ = tokens.characters_and_bytes(vocabulary.lengths)
    state, decoder, p = None, vocabulary.decoder(), None
    for start in range(0, length, _AT_ONCE):
        part = np.array(tokens.tokens[start : min(start + _AT_ONCE, length)], np.int64)
        found = recorded(probe, part[None], state)
        state = found.state
        # The prediction after token t belongs to token t + 1.
        after = model.probabilities_of_output(found.outputs[0][0])
        first = np.full_like(after[:1], np.nan) if p is None else p
        before, p = np.concatenate((first, after[:-1])), after[-1:]
        expected = _most_probable(before, top)
        surprise = -log_of(np.take_along_axis(before, part[:, None], 1)[:, 0])
        probabilities = np.take_along_axis(before, expected, 1).astype(np.float64)
        if start == 0:
            expected[0], probabilities[0] = -1, 0
        last = start + len(part) == length
        pieces = [
            decoder.decode([token], final=last and k == len(part) - 1)
            for k, token in enumerate(part.tolist())
        ]
        layers = {
            name: {key: values[0] for key, values in quantities.items()}
            for name, quantities in found.layers.items()
        }
        yield Reading(tuple(pieces), part, surprise, expected, probabilities, layers, characters)


def _most_probable(p: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Return the most probable tokens (T, K) of p (T, V), in order; V may be large, K is not."""
    some = np.argpartition(-p, count - 1, -1)[:, :count]
    order = np.argsort(-np.take_along_axis(p, some, 1), -1, kind="stable")
    return np.take_along_axis(some, order, 1)


def _joined(
    parts: Iterator[Reading], length: int, progress: Callable[[int, int], None] | None
) -> Reading:
    """Join consecutive readings of `length` tokens to one."""
    pieces: list[str] = []
    plain: dict[str, NDArray[Any]] = {}
    layers: dict[str, Quantities] = {}

    def append(to: dict[str, NDArray[Any]], name: str, values: NDArray[Any]) -> None:
        if name not in to:  # Allocated at once: joining at the end would need twice the memory.
            to[name] = np.empty((length, *values.shape[1:]), values.dtype)
        to[name][len(pieces) : len(pieces) + len(values)] = values

    for part in parts:
        for name in ("tokens", "surprise", "expected", "probabilities"):
            append(plain, name, getattr(part, name))
        for layer, quantities in part.layers.items():
            for letter, values in quantities.items():
                append(layers.setdefault(layer, {}), letter, values)
        pieces += part.pieces
        if progress is not None:
            progress(len(pieces), length)
    return Reading(tuple(pieces), **plain, layers=layers, characters=part.characters)
