"""Examination: all results of `lstm.inspection` for a language model and a text, at once."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from lstm import checks
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.inspection.flow import GradientFlow, gradient_flow_of_text
from lstm.inspection.memory import Context, Memory, Position, context, memory, position
from lstm.inspection.properties import PROPERTIES, Property
from lstm.inspection.reading import Reading, read
from lstm.inspection.saturation import Saturation, saturation
from lstm.inspection.units import FEWEST, UnitScore, find_units
from lstm.text import Corpus, LanguageModel
from lstm.text.corpus.sources import TextLike
from lstm.text.corpus.unknown_tokens import unknown_share

CHARACTERS = 20_000
"""Number of characters to read by default."""

Found = TypeVar("Found")


@dataclass(frozen=True)
class Examination:
    """The results of an examination of a model.

    Attributes:
        model: the model.
        reading: what the model did while it read.
        units: for each property, the unit that follows it best, the surest first; empty for a text
            of fewer than 100 tokens.
        saturation: how far its gates are open, by layer and gate.
        position: its loss along the text.
        memory, context, gradient: how far back it looks, how much a context of some length helps,
            and how far back a gradient reaches; None if the text is too short or too uniform.
    """

    model: LanguageModel
    reading: Reading
    units: tuple[UnitScore, ...]
    saturation: dict[str, dict[str, Saturation]]
    position: Position
    memory: Memory | None
    context: Context | None
    gradient: GradientFlow | None

    @property
    def nats(self) -> float:
        """The mean surprise of a token."""
        return float(self.reading.surprise[1:].mean())

    @property
    def bits(self) -> float:
        """The same in bits."""
        return self.nats / math.log(2)

    @property
    def unknown_share(self) -> float:
        """Share of the tokens read that are unknown to the model."""
        return unknown_share(self.model.vocabulary, self.reading.tokens)


def examine(
    model: LanguageModel,
    corpus: TextLike | Corpus,
    *,
    characters: int = CHARACTERS,
    properties: Mapping[str, Property] = PROPERTIES,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Examination:
    """Let a model read the start of a text, and compute all results of `lstm.inspection`.

    Memory, context and gradients are measured at places all over the text.

    Args:
        model: a language model.
        corpus: the text, or its tokens.
        characters: largest number to read. A layer of 256 units needs 6 kB of memory for each.
        properties: the properties to look for in units; see `find_units`.
        seed: seed of the places and of the controls.
        progress: called with a description of each step.

    Raises:
        InvalidTypeError: `model` is not a language model.
        InvalidShapeError: a property returns another number of values.
        InvalidValueError: the text has fewer than 2 tokens, or a character that the model does not
            know.

    Example:
        >>> import lstm
        >>> text = "one two. " * 60
        >>> model = lstm.LanguageModel.train(text, hidden=16, epochs=3, seed=0)
        >>> found = lstm.inspection.examine(model, text, characters=200)
        >>> len(found.reading.pieces), found.reading.sampled, len(found.units) > 2
        (200, True, True)
    """
    checks.int_at_least("seed", seed, 0)
    tell = progress or (lambda doing: None)
    if not isinstance(model, LanguageModel):
        raise InvalidTypeError("model", "a LanguageModel", type(model).__name__)
    tokens = model.encoded(corpus)

    def read_so_far(done: int, total: int) -> None:
        tell(f"reading the text, {100 * done // total} %")

    reading = read(model, tokens, characters=characters, progress=read_so_far)
    if len(reading.tokens) < 2:
        argument = "characters" if reading.sampled else "corpus"
        raise InvalidValueError(argument, "at least 2 tokens, one to predict", reading.text)
    tell("looking for units")
    enough = len(reading.tokens) >= FEWEST
    units = find_units(reading, properties, seed=seed) if enough else []
    tell("looking at the gates")
    gates = saturation([reading.layers])
    along = position(reading)
    tell("measuring the memory")
    memorized = _found(lambda: memory(model, tokens, seed=seed))
    known = _found(lambda: context(model, tokens, seed=seed))
    tell("following gradients")
    flow = _found(lambda: gradient_flow_of_text(model, tokens, seed=seed))
    best = best_units(units)
    return Examination(model, reading, best, gates, along, memorized, known, flow)


def best_units(scores: list[UnitScore]) -> tuple[UnitScore, ...]:
    """Return the first score of each property."""
    best: dict[str, UnitScore] = {}
    for score in scores:
        best.setdefault(score.property, score)
    return tuple(best.values())


def _found(measure: Callable[[], Found]) -> Found | None:
    """Return a measurement, or None if the text is too short or too uniform for it."""
    try:
        return measure()
    except InvalidShapeError:
        return None
