"""OptimizerState: what an optimizer remembers: how many steps it took, and its slots."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, Unpack

import numpy as np
from numpy.typing import NDArray

from lstm import checks, storage
from lstm.backends import Backend
from lstm.backends.contract import Array
from lstm.container import pack
from lstm.interface import set_by_constructor
from lstm.optimizers.hyperparameters import Hyperparameters, OptimizerOptions
from lstm.optimizers.schedules import LearningRateSchedule

AVERAGE, COLLECTED = "average", "gradient_accumulator"
"""The slots of the options that all optimizers have."""


class OptimizerState(Hyperparameters):
    """An optimizer as far as it remembers something; `Optimizer` explains the attributes."""

    slot_names: tuple[str, ...] = ()

    state = ("step", "waiting", "slots")
    checked: ClassVar[Mapping[str, Any]] = {
        name: partial(checks.int_at_least, minimum=0) for name in ("step", "waiting")
    }

    slots: dict[str, Array] = set_by_constructor()

    _backend: Backend | None = None  # The backend of its slots.
    _ends: NDArray[np.int64] = np.array([-1])  # Where each weight ends, as a model says.

    def __init__(
        self, learning_rate: float | LearningRateSchedule, **options: Unpack[OptimizerOptions]
    ) -> None:
        super().__init__(learning_rate, **options)
        self.slots = {}

    @property
    def iterations(self) -> int:
        """Another name of `step`, Keras'."""
        return self.step

    def advance(self, batches: int) -> None:
        """Count batches whose gradients were taken."""
        self.step, self.waiting = divmod(self.batches + batches, self.every)

    # ---- slots

    @property
    def _all_slots(self) -> tuple[str, ...]:
        collected = (COLLECTED,) if self.gradient_accumulation_steps else ()
        return (*self.slot_names, *collected, *((AVERAGE,) if self.use_ema else ()))

    def initial_value(self, slot: str) -> float:
        """Return the number that a slot is filled with at first."""
        return 0.0

    def prepare(
        self, backend: Backend, values: Array, ends: NDArray[np.int64] | None = None
    ) -> None:
        """Create the slots for these parameters (P), unless they exist.

        Args:
            backend: the backend of the arrays.
            values: the parameters.
            ends: where in them each weight ends; if it was never said, they are a single one.
        """
        size, ops = values.shape[0], backend.ops
        if ends is not None:
            self._ends = ends
        elif [*self._ends[-1:]] != [size]:
            self._ends = np.array([size], np.int64)
        if self.slots and next(iter(self.slots.values())).shape[0] != size:
            self.slots, self.step, self.waiting = {}, 0, 0
        if tuple(self.slots) == self._all_slots:
            return
        old = self.slots  # An option may have been switched on or off.
        self._backend, self.slots = backend, {}
        for name in self._all_slots:
            if name not in old:
                old[name] = ops.zeros((size,), backend.dtype)
                if name == AVERAGE:
                    ops.mix(old[name], 0.0, values, 1.0)
                elif first := self.initial_value(name):
                    ops.fill(old[name], first)
            self.slots[name] = old[name]

    def restore(self, backend: Backend, slots: Mapping[str, NDArray[Any]], batches: int) -> None:
        """Continue from the slots in a file, after this number of batches.

        Slots that the file lacks, such as when momentum was set after the last step, start anew.
        """
        self._backend, self.slots = backend, {}
        for name in slots if batches else ():
            self.slots[name] = backend.ops.array(np.array(slots[name], backend.dtype))
        self.step, self.waiting = divmod(batches, self.every)

    def __getstate__(self) -> dict[str, Any]:
        # In the format of our files; so a copy has its own slots.
        to_numpy = np.asarray if self._backend is None else self._backend.ops.to_numpy
        slots = {name: to_numpy(slot) for name, slot in self.slots.items()}
        kept = {name: value for name, value in vars(self).items() if name != "_ends"}
        return kept | {"slots": bytes(pack(slots, {"kind": "slots"}))}

    def __setstate__(self, state: dict[str, Any]) -> None:
        with storage.unpacking(state["slots"], ("slots",)) as (slots, _):
            vars(self).update(state | {"slots": slots})
            if self._backend is not None:
                self.slots = {name: self._backend.ops.array(x) for name, x in slots.items()}
