"""Hyperparameters: the arguments that all optimizers have, and the learning rate."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, Self, TypedDict, cast

import numpy as np

from lstm import checks
from lstm.configured import Configured
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.interface import of_library, set_by_constructor
from lstm.optimizers import schedules
from lstm.optimizers.learning_rate import LearningRate
from lstm.optimizers.schedules import LearningRateSchedule

_CLIPPING = "clipnorm", "clipvalue", "global_clipnorm"
"""The ways to clip a gradient, of which an optimizer has at most one."""


class CommonOptions(TypedDict, total=False):
    """The keyword arguments that every optimizer accepts, but for `weight_decay`."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None
    name: str | None


class OptimizerOptions(CommonOptions, total=False):
    """The keyword arguments that every optimizer accepts."""

    weight_decay: float | None


class Hyperparameters(Configured):
    """What all optimizers are made with; `Optimizer` explains the arguments."""

    rate_above_0: ClassVar[bool] = False
    """Whether no step is possible at a learning rate of 0."""

    step: int = set_by_constructor()
    waiting: int = set_by_constructor()
    _learning_rate: float | LearningRateSchedule = set_by_constructor()

    _dtype = ""  # The dtype in which it computes, once known.
    _now: float | None = None  # The learning rate in `update`, a variable in a recording.

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule,
        *,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        self.learning_rate = learning_rate
        self.weight_decay = _or_none(checks.number, "weight_decay", weight_decay, 0)
        above_0 = partial(_or_none, partial(checks.number, low=0, open_low=True))
        self.clipnorm = above_0("clipnorm", clipnorm)
        self.clipvalue = above_0("clipvalue", clipvalue)
        self.global_clipnorm = above_0("global_clipnorm", global_clipnorm)
        given = [name for name in _CLIPPING if getattr(self, name) is not None]
        if len(given) > 1:
            raise InvalidValueError(given[1], f"None beside {given[0]}", getattr(self, given[1]))
        self.use_ema = checks.boolean("use_ema", use_ema)
        self.ema_momentum = checks.number("ema_momentum", ema_momentum, 0, 1)
        self.ema_overwrite_frequency = _or_none(
            checks.positive_int, "ema_overwrite_frequency", ema_overwrite_frequency
        )
        self.loss_scale_factor = above_0("loss_scale_factor", loss_scale_factor)
        self.gradient_accumulation_steps = _or_none(
            checks.int_at_least, "gradient_accumulation_steps", gradient_accumulation_steps, 2
        )
        self.name = type(self).__name__.lower() if name is None else checks.string("name", name)

        self.step = self.waiting = 0

    @property
    def every(self) -> int:
        """Number of gradients for a step."""
        return self.gradient_accumulation_steps or 1

    @property
    def batches(self) -> int:
        """Number of gradients taken: that of the steps, where none are accumulated."""
        return self.step * self.every + self.waiting

    # ---- the learning rate

    @property
    def learning_rate(self) -> LearningRate:
        """Size of the next step; may be set at any time, unless it follows a schedule."""
        if self._now is not None:  # NumPy treats no other float as float32 beside float32.
            return cast(LearningRate, self._now)
        return LearningRate.of(self, self._rate(self.batches))

    @learning_rate.setter
    def learning_rate(self, value: float | LearningRateSchedule) -> None:
        chosen = schedules.get("learning_rate", value)
        scheduled = isinstance(vars(self).get("_learning_rate"), LearningRateSchedule)
        if isinstance(chosen, float):
            checks.number("learning_rate", chosen, 0, open_low=self.rate_above_0)
            if scheduled:
                raise InvalidTypeError(
                    "learning_rate",
                    f"another schedule, because {type(self).__name__} was made with one: make it "
                    "with a number if you, or a callback, are to set its learning rate",
                    chosen,
                )
        self._learning_rate, self._now = chosen, None

    @property
    def lr(self) -> LearningRate:
        """Another name of `learning_rate`, which older programs for Keras use."""
        return self.learning_rate

    @lr.setter
    def lr(self, value: float) -> None:
        self.learning_rate = value

    @property
    def scheduled(self) -> bool:
        """Whether the learning rate follows a schedule."""
        return isinstance(self._learning_rate, LearningRateSchedule)

    def _rate(self, batch: int) -> float:
        """Return the learning rate after so many batches."""
        rate = self._learning_rate
        return rate if isinstance(rate, float) else rate.rate(batch, above_0=self.rate_above_0)

    # ---- all arguments

    def kept(self, name: str) -> Any:
        return self._learning_rate if name == "learning_rate" else super().kept(name)

    def check(self, dtype: str) -> None:
        """Check that its arguments are valid numbers in the dtype in which it will compute.

        Raises:
            InvalidValueError: one is infinite in this dtype, or ε is 0.
        """
        self._dtype = dtype
        found = np.finfo(dtype)
        for name, value in self.arguments().items():
            if isinstance(value, float):
                least = float(found.tiny) if name == "epsilon" else min(value, 0.0)
                checks.number(f"{name} in {dtype}", value, least, float(found.max))

    def _with(self, name: str, value: Any) -> Self:
        changed = super()._with(name, value)
        if self._dtype:
            changed.check(self._dtype)
        return changed

    @property
    def storable(self) -> bool:
        """Whether a file can hold what it is: it is of a class of the library, as its schedule."""
        rate = self._learning_rate
        return of_library(type(self)) and (not self.scheduled or of_library(type(rate)))

    def settings(self) -> dict[str, Any]:
        """Return the arguments that a backup holds: all of them, or a rate that may change."""
        if self.storable:
            return self.get_config()
        return {} if self.scheduled else {"learning_rate": self._learning_rate}

    def take_settings(self, saved: Mapping[str, Any]) -> None:
        """Take over the result of `settings`."""
        now = self.settings()
        for name, value in saved.items():
            if now.get(name) != value:
                setattr(self, name, value)


def _or_none(check: Callable[..., Any], name: str, value: object, *limits: float) -> Any:
    """Return an argument that may be None, checked otherwise."""
    return None if value is None else check(name, value, *limits)
