"""TrainingOptions: how to train a language model, as a value that a file can hold."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from lstm import checks
from lstm.errors import InvalidValueError
from lstm.optimizers import Adam
from lstm.text.architecture import Architecture

SCHEDULES = ("cosine", "one-cycle", "plateau", "constant")
"""How the learning rate changes during training."""

_STEPS = 32
"""Fewest steps in an epoch, if the text allows: with fewer, a short text is hardly learned."""

_LARGEST = float(np.finfo(np.float32).max)
"""The largest number that a model can compute with."""


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How to train a language model.

    Args:
        seq_len: tokens over which the gradient is propagated back, T.
        batch_size: streams read in parallel, B; fewer for a short text, so that an epoch has at
            least 32 steps.
        epochs: passes over the text; 10 if `minutes` is not given either.
        minutes: time after which to stop.
        lr: peak of the learning rate.
        schedule: "cosine" falls to a fiftieth, "one-cycle" rises slowly and falls to 0, "plateau"
            halves after every two validations without improvement, "constant" stays.
        warmup: share of training during which the learning rate rises from 0, in [0, 1); 0.3 for
            "one-cycle" and 0.02 for the others by default.
        clip: largest norm of the gradient; 0 does not clip.
        weight_decay: share of each weight, times the learning rate, that a step removes.
        patience: validations without improvement after which to stop; None never stops early.
        val_fraction: share of the text, at its end, to validate on, in [0, 1).
        test_fraction: share of the text, after that, that training never sees, in [0, 1).
    """

    seq_len: int = 64
    batch_size: int = 32
    epochs: int | None = None
    minutes: float | None = None
    lr: float = 5e-3
    schedule: str = "cosine"
    warmup: float | None = None
    clip: float = 1.0
    weight_decay: float = 0.0
    patience: int | None = None
    val_fraction: float = 0.1
    test_fraction: float = 0.0

    def __post_init__(self) -> None:
        checks.positive_int("seq_len", self.seq_len)
        checks.positive_int("batch_size", self.batch_size)
        if self.epochs is not None:
            checks.positive_int("epochs", self.epochs)
        if self.minutes is not None:
            checks.number("minutes", self.minutes, 0, open_low=True)
        checks.number("lr", self.lr, 0, _LARGEST, open_low=True)
        checks.one_of("schedule", self.schedule, SCHEDULES)
        if self.warmup is not None:
            checks.number("warmup", self.warmup, 0, 1, open_high=True)
        checks.number("clip", self.clip, 0, _LARGEST)
        checks.number("weight_decay", self.weight_decay, 0, _LARGEST)
        if self.patience is not None:
            checks.positive_int("patience", self.patience)
        checks.number("val_fraction", self.val_fraction, 0, 1, open_high=True)
        checks.number("test_fraction", self.test_fraction, 0, 1, open_high=True)

    def streams(self, tokens: int) -> int:
        """Return the number of streams in which to read this many tokens."""
        return max(1, min(self.batch_size, (tokens - 1) // (_STEPS * self.seq_len)))

    def optimizer(self) -> Adam:
        """Return a new optimizer, at the peak of the learning rate."""
        return Adam(self.lr, global_clipnorm=self.clip or None, weight_decay=self.weight_decay)


def chosen(options: Mapping[str, Any]) -> tuple[Architecture, TrainingOptions]:
    """Sort arguments into the two values that they belong to.

    Raises:
        InvalidTypeError, InvalidValueError: there is no such option, or it is out of range.
    """
    of_model = {field.name for field in fields(Architecture)}
    of_training = [field.name for field in fields(TrainingOptions)]
    for name in options:
        checks.one_of("option", name, [*sorted(of_model), *of_training])
    return (
        Architecture(**{name: options[name] for name in options if name in of_model}),
        TrainingOptions(**{name: options[name] for name in options if name not in of_model}),
    )


def restored(config: Mapping[str, Any]) -> tuple[Architecture, TrainingOptions]:
    """Return the two values that `to_config` described.

    Raises:
        InvalidTypeError, InvalidValueError: see `chosen`; or an option is missing, for which a
            resumed training run must not use the default.
    """
    # Before there was a choice, all cells were LSTM cells.
    config = {"cell": "lstm", **config}
    found = chosen(config)
    if missing := to_config(*found).keys() - config.keys():
        raise InvalidValueError("chosen", "all options", f"none for {', '.join(sorted(missing))}")
    return found


def to_config(architecture: Architecture, training: TrainingOptions) -> dict[str, Any]:
    """Return both as JSON values, which `restored` reads."""
    return asdict(architecture) | asdict(training)
