"""Default options, chosen for the size of the text and the time.

The right size of a model depends on how often it can read the text in the available time. A model
that reads it only a few times must learn fast, so it is small. One that reads it often would
memorize it; such a model may be large, if dropout makes it forget a part of what it sees.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lstm.text.architecture import Architecture
from lstm.text.training.options import TrainingOptions, chosen

_SECONDS = 120.0
"""Length of a training run if the user sets neither epochs nor time."""

_EPOCHS = 40
"""More passes over a short text do not help."""


@dataclass(frozen=True)
class _Size:
    """A size of model, and the conditions for which it is right.

    Attributes:
        tokens: smallest length of the text.
        passes: smallest number of passes that there must be time for.
        layers, hidden, lr: the options of the model.
    """

    tokens: int
    passes: float
    layers: int
    hidden: int
    lr: float


# The largest comes first; the last is for all shorter times.
_SIZES = (
    _Size(500_000, 40, 2, 512, 2e-3),
    _Size(250_000, 4, 1, 512, 3e-3),
    _Size(50_000, 4, 1, 256, 4e-3),
    _Size(0, 0, 1, 128, 5e-3),
)

# Dropout, and dropout of the recurrent connection, by how often the text is read; a pass of a model
# with half as many weights as there are tokens counts half.
_DROPOUTS = ((20, 0.5, 0.2), (10, 0.4, 0.1), (3, 0.2, 0.0), (0, 0.0, 0.0))

_TOY = 10_000
"""Number of tokens below which a text can only be memorized."""


def choose(
    given: Mapping[str, Any], tokens: int, vocabulary_size: int, speed: float
) -> tuple[Architecture, TrainingOptions]:
    """Return the given options together with chosen values for the others.

    Args:
        given: arguments of `Architecture` and `TrainingOptions`.
        tokens: number of tokens of the text.
        vocabulary_size: number of different tokens.
        speed: operations per second of the backend that will train.

    Returns:
        `hidden`, `layers`, `lr`, `dropout`, `recurrent_dropout` to suit the text, the machine and
        each other; and `epochs` if `minutes` is not given, or `minutes` if that would be less than
        one epoch.

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
    # A model with far fewer weights than there are tokens could not memorize them.
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
    """Return the number of weights per token. The embedding is a look-up, and costs nothing."""
    return blocks * hidden**2 * (2 * layers - 1) + hidden * vocabulary_size


def _rate(architecture: Architecture) -> float:
    """Return the learning rate of the most similar size."""

    def difference(size: _Size) -> tuple[int, int]:
        return abs(size.hidden - architecture.hidden), abs(size.layers - architecture.layers)

    return min(_SIZES, key=difference).lr
