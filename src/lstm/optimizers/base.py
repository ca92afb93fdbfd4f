"""Optimizer: the base of all optimizers: how a step is taken."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

from lstm import checks
from lstm.backends import Backend
from lstm.backends.contract import Array, Recording
from lstm.errors import InvalidTypeError, NotDefinedError
from lstm.interface import of_library
from lstm.optimizers.state import AVERAGE, COLLECTED, OptimizerState

_LONGEST = {"float32": 1e18, "float64": 1e150}
"""Limits of steps and gradients in each dtype: far above useful sizes, but with finite squares."""


class Numbers(NamedTuple):
    """What differs from step to step: numbers, or the variables of a recorded step.

    Attributes:
        step: number of the step, counted from 1.
        rate: its learning rate.
        longest: what the norm of a gradient has to be below.
        decay: -rate·weight_decay, the share of a weight that is added to it.
        due: 0 where the gradient is only collected, for a later step.
        memory, fresh: shares of the old average, and of the weights, in the new average.
        overwrites: 0 where the weights do not become their average.
    """

    step: int
    rate: float
    longest: float
    decay: float
    due: float
    memory: float
    fresh: float
    overwrites: float


class Optimizer(OptimizerState):
    """Base of all optimizers.

    Attributes:
        step: number of steps taken.
        waiting: number of gradients collected since, with `gradient_accumulation_steps`.
        slots: arrays of the size of the gradients, by name; created at the first step.

    Args:
        learning_rate: size of a step, or a schedule of it; `lr` is another name.
        weight_decay: share of each weight, times the learning rate, that every step removes.
        clipnorm: largest norm of the gradient of each weight; None does not clip.
        clipvalue: largest absolute value of each number of a gradient.
        global_clipnorm: largest norm of the whole gradient.
        use_ema: keep a running average of the weights, which a model has at the end of `fit`.
        ema_momentum: memory of this average, in [0, 1].
        ema_overwrite_frequency: the weights become their average after every so many steps.
        loss_scale_factor: changes nothing: gradients are float32, and do not get too small.
        gradient_accumulation_steps: average so many gradients for one step.
        name: its name; that of the class by default.

    Raises:
        InvalidValueError: more than one way to clip, or a number out of its range.

    Source:
        of clipping: Pascanu, Mikolov & Bengio, "On the difficulty of training recurrent neural
        networks", 2013; of the average: Polyak & Juditsky, "Acceleration of stochastic
        approximation by averaging", 1992.
    """

    never_called: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("_resource_apply_dense", "apply_gradients", "get_updates", "update_step"),
            "update(backend, values, gradients)",
        ),
        **dict.fromkeys(("_create_slots", "build"), "slot_names, of arrays that exist in `update`"),
    }

    absent_attributes: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("get_weights", "set_weights", "variables", "weights"), "slots and step are its state"
        ),
        **dict.fromkeys(("apply_gradients", "minimize"), "train_on_batch of a model takes a step"),
    }

    # ---- steps

    def apply(self, backend: Backend, values: Array, gradients: Array) -> bool:
        """Take one step: change `values` (P) in place along `gradients` (P).

        Args:
            backend: the backend of the arrays.
            values, gradients: the weights, and their gradients, which it may overwrite.

        Returns:
            Whether it took the step, or collected the gradient for one. It does neither where a
            weight, or the square of a gradient, might not be a number afterwards.

        Raises:
            InvalidTypeError: `update` of a user's class returned something.
            InvalidValueError: the schedule of the learning rate returned no such rate.
        """
        self.prepare(backend, values)
        numbers = self.numbers(backend.dtype)
        if not self._measured(backend, gradients) < numbers.longest:
            return False
        self._take(backend, values, gradients, numbers, _where)
        self.advance(1)
        return True

    def record(
        self, recording: Recording, backend: Backend, values: Array, gradients: Array
    ) -> None:
        """Record a step, as `apply` takes it, with the variables `numbers`.

        Args:
            recording: the recording, and `backend` with its operations.
            values, gradients: as for `apply`; `prepare` was called with them.
        """
        variables: list[Any] = [recording.variable() for _ in Numbers._fields]
        numbers = Numbers(*variables)
        self._measured(backend, gradients)
        recording.stop_unless_below(numbers.longest)
        self._take(backend, values, gradients, numbers, recording.where)

    def numbers(self, dtype: str, later: int = 0) -> Numbers:
        """Return the variables of a recorded step: the next, or one so many batches later.

        Raises:
            InvalidValueError: the schedule of the learning rate returned no such rate.
        """
        batch, every, often = self.batches + later, self.every, self.ema_overwrite_frequency
        before, waiting = divmod(batch, every)
        rate, memory = self._rate(batch), self.ema_momentum if before else 0.0
        return Numbers(
            before + 1,
            rate,
            self._longest(dtype, rate),
            -rate * (self.weight_decay or 0.0),
            float(waiting + 1 == every),
            memory,
            1 - memory,
            float(often is not None and (before + 1) % often == 0),
        )

    def finish(self, backend: Backend, values: Array) -> None:
        """Let the weights (P) become their average, if there is one."""
        if self.use_ema and AVERAGE in self.slots:
            backend.ops.mix(values, 0.0, self.slots[AVERAGE], 1.0)

    def finalize_variable_values(self, var_list: Iterable[Any]) -> None:
        """Let weights become their average, if there is one; at the end of `fit`, all do.

        Args:
            var_list: weights that learn, of the model that was trained.
        """
        if self.use_ema and AVERAGE in self.slots:
            for weight in var_list:
                weight.owner.take(weight, self.slots[AVERAGE])

    def update(self, backend: Backend, values: Array, gradients: Array) -> None:
        """Take the step itself, which changes `values` in place; a subclass defines this."""
        raise NotDefinedError(self, "update(backend, values, gradients)")

    @property
    def recordable(self) -> bool:
        """Whether its steps can be part of a plan: it is of a class of the library, unchanged."""
        schedule = self._learning_rate
        own = any(callable(x) and x is not schedule for x in vars(self).values())
        return of_library(type(self)) and not own

    def identity(self) -> tuple[object, ...]:
        """Return what a recorded step relies on; the learning rate may change."""
        kind, values = type(self), vars(self)  # The learning rate is in none of that name.
        return kind, *map(values.get, kind._names), *map(id, self.slots.values())

    # ---- the parts of a step

    def _measured(self, backend: Backend, gradients: Array) -> float:
        """Return the norm of the whole gradient, and clip it, unless it is only collected."""
        if self.gradient_accumulation_steps:
            return backend.ops.clip_by_norm(gradients, self._ends[-1:], math.inf)
        return self._clip(backend, gradients)

    def _clip(self, backend: Backend, gradients: Array) -> float:
        """Clip a gradient, and return its norm before."""
        ops = backend.ops
        if self.clipnorm is not None:
            return ops.clip_by_norm(gradients, self._ends, self.clipnorm)
        limit = math.inf if self.global_clipnorm is None else self.global_clipnorm
        norm = ops.clip_by_norm(gradients, self._ends[-1:], limit)
        if self.clipvalue is not None:
            ops.clip_by_value(gradients, self.clipvalue)
        return norm

    def _longest(self, dtype: str, rate: float) -> float:
        """Return the norm that a gradient has to be below, before it is clipped, for a step."""
        longest = _LONGEST[dtype] / max(1.0, rate)
        if longest <= 1:
            return 0.0
        limit = self.clipnorm or self.clipvalue or self.global_clipnorm
        clipped = limit is not None and limit < longest
        return math.inf if clipped and not self.gradient_accumulation_steps else longest

    def _take(
        self,
        backend: Backend,
        values: Array,
        gradients: Array,
        numbers: Numbers,
        where: Callable[[float, Callable[[], None]], None],
    ) -> None:
        """Take or record a step with these numbers, after the gradient was measured."""
        ops = backend.ops

        def change() -> None:
            if self.gradient_accumulation_steps:
                collected = self.slots[COLLECTED]
                ops.mix(gradients, 0.0, collected, 1 / self.every)
                ops.fill(collected, 0.0)
                self._clip(backend, gradients)
            if self.weight_decay:
                ops.mix(values, 1.0, values, numbers.decay)  # (O5)
            self._update(backend, values, gradients, numbers)

        if self.gradient_accumulation_steps:
            ops.mix(self.slots[COLLECTED], 1.0, gradients, 1.0)
            where(numbers.due, change)
        else:
            change()
        if self.use_ema:
            average = self.slots[AVERAGE]
            ops.mix(average, numbers.memory, values, numbers.fresh)
            if self.ema_overwrite_frequency:
                where(numbers.overwrites, lambda: ops.mix(values, 0.0, average, 1.0))

    def _update(self, backend: Backend, values: Array, gradients: Array, numbers: Numbers) -> None:
        """Call `update`, to which the step and the learning rate are those of this step."""
        step, state = self.step, vars(self)
        state |= {"step": numbers.step, "_now": numbers.rate}
        update: Callable[..., object] = self.update  # A user's own may return anything.
        try:
            returned = update(backend, values, gradients)
        finally:
            state |= {"step": step, "_now": None}
        if returned is not None:
            raise InvalidTypeError(
                f"{type(self).__name__}.update",
                "`values` changed in place, as by `values -= ...`, and nothing returned",
                checks.summary(returned),
            )


def _where(number: float, change: Callable[[], None]) -> None:
    if number:
        change()
