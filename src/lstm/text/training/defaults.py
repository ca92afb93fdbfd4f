"""What is chosen for the size of a text and the time, where the user does not choose.

How large a model should be is a question of how often it can read the text in the time that there
is. One that reads it but a few times has to learn fast and is small. One that reads it often would
know it by heart in the end; it may be large, if it has to forget a part of what it sees.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lstm.text.architecture import Architecture
from lstm.text.training.options import TrainingOptions, chosen

_SECONDS = 120.0
"""What a training may take if the user says nothing of epochs or time."""

_EPOCHS = 40
"""More than that of a short text brings nothing."""


@dataclass(frozen=True)
class _Size:
    """A model, and when it is the right one.

    Attributes:
        tokens: length of the text at least.
        passes: how often there must be time to read it.
        layers, hidden, lr: what the model then is.
    """

    tokens: int
    passes: float
    layers: int
    hidden: int
    lr: float


# The largest comes first; the last is for whoever has less time than that.
_SIZES = (
    _Size(500_000, 10, 2, 512, 2e-3),
    _Size(250_000, 4, 1, 512, 3e-3),
    _Size(50_000, 4, 1, 256, 4e-3),
    _Size(0, 0, 1, 128, 5e-3),
)

# Dropout, and dropout of the recurrent connection, by how often the text is read; a pass of a model
# with half as many weights as there are tokens counts half.
_DROPOUTS = ((20, 0.5, 0.2), (10, 0.4, 0.1), (3, 0.2, 0.0), (0, 0.0, 0.0))

_TOY = 10_000
"""Tokens of a text so short that it can only be learned by heart."""


def choose(
    given: Mapping[str, Any], tokens: int, vocabulary_size: int, speed: float
) -> tuple[Architecture, TrainingOptions]:
    """The options that are given, with those chosen that are not.

    Args:
        given: arguments of `Architecture` and `TrainingOptions`.
        tokens: number of tokens of the text.
        vocabulary_size: number of different ones.
        speed: operations in a second, of the backend that will train.

    Returns:
        `hidden`, `layers`, `lr`, `dropout`, `recurrent_dropout` as they suit the text, the machine
        and each other; `epochs` where `minutes` is not given, or `minutes` where that would be less
        than one.

    Raises:
        InvalidTypeError, InvalidValueError: see `chosen`.
    """
    architecture, training = chosen(given)
    if "hidden" in given or "layers" in given:
        sizes = [_Size(0, 0, architecture.layers, architecture.hidden, _rate(architecture))]
    else:
        sizes = list(_SIZES)
    seconds = _SECONDS if training.minutes is None else 60 * training.minutes
    for size in sizes:
        weights = _weights(architecture.layout.blocks, size.layers, size.hidden, vocabulary_size)
        # Two operations for each weight and token, forward once and backward twice.
        passes = speed * seconds / (6.0 * weights * tokens)
        if training.epochs is not None:
            passes = training.epochs if training.minutes is None else min(passes, training.epochs)
        if tokens >= size.tokens and passes >= size.passes:
            break
    # A model of far fewer weights than there are tokens could not learn them by heart.
    seen = 0 if tokens < _TOY else passes * min(1.0, weights / tokens)
    dropout, recurrent = next((d, r) for least, d, r in _DROPOUTS if seen >= least)
    found: dict[str, Any] = {
        "hidden": size.hidden,
        "layers": size.layers,
        "dropout": dropout,
        "recurrent_dropout": recurrent,
        "lr": size.lr,
    }
    if training.minutes is None and passes >= 1:
        found["epochs"] = min(round(passes), _EPOCHS)
    elif training.minutes is None:
        found["minutes"] = _SECONDS / 60  # Not enough for a pass.
    return chosen({**found, **given})


def _weights(blocks: int, layers: int, hidden: int, vocabulary_size: int) -> int:
    """Number of weights that a token meets. The embedding is part of a table, and costs nothing."""
    return blocks * hidden**2 * (2 * layers - 1) + hidden * vocabulary_size


def _rate(architecture: Architecture) -> float:
    """The learning rate of the size that is the most like it."""

    def difference(size: _Size) -> tuple[int, int]:
        return abs(size.hidden - architecture.hidden), abs(size.layers - architecture.layers)

    return min(_SIZES, key=difference).lr
