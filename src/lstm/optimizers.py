"""Optimizers: change the weights along their gradients, in one call over the flat buffer."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lstm import checks, saving
from lstm.backends import Backend
from lstm.backends.contract import Array, Recording
from lstm.configured import Configured, described
from lstm.container import pack
from lstm.errors import InvalidTypeError, NotDefinedError
from lstm.interface import set_by_constructor

_LONGEST = {"float32": 1e18, "float64": 1e150}
"""Limits of steps and gradients in each dtype: far above useful sizes, but with finite squares."""


class Optimizer(Configured):
    """Base of all optimizers.

    Attributes:
        step: number of steps taken.
        slots: arrays of the size of the gradients, by name; created at the first step.

    Args:
        learning_rate: size of a step.
        clipnorm: largest norm of the whole gradient; None does not clip.

    Source:
        of clipping: Pascanu, Mikolov & Bengio, "On the difficulty of training recurrent neural
        networks", 2013.
    """

    slot_names: tuple[str, ...] = ()

    never_called: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("_resource_apply_dense", "apply_gradients", "get_updates", "update_step"),
            "update(backend, values, gradients)",
        ),
        **dict.fromkeys(("_create_slots", "build"), "slot_names, of arrays that exist in `update`"),
    }

    state = ("step", "slots")
    checked: ClassVar[Mapping[str, Any]] = {"step": partial(checks.int_at_least, minimum=0)}

    clipnorm: float | None = set_by_constructor()
    slots: dict[str, Array] = set_by_constructor()
    _learning_rate: float = set_by_constructor()

    _dtype = ""  # The dtype in which it computes, once known.
    _backend: Backend | None = None  # The backend of its slots.

    def __init__(self, learning_rate: float, clipnorm: float | None) -> None:
        self.learning_rate = learning_rate
        self.clipnorm = (
            None if clipnorm is None else checks.number("clipnorm", clipnorm, 0, open_low=True)
        )
        self.step = 0
        self.slots = {}

    @property
    def learning_rate(self) -> float:
        """Size of a step; may be changed at any time."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._learning_rate = checks.number("learning_rate", value, 0)

    @property
    def lr(self) -> float:
        """Another name of `learning_rate`, which older programs for Keras use."""
        return self.learning_rate

    @lr.setter
    def lr(self, value: float) -> None:
        self.learning_rate = value

    def check(self, dtype: str) -> None:
        """Check that its arguments are valid numbers in the dtype in which it will compute.

        Raises:
            InvalidValueError: one is infinite in this dtype, or ε is 0.
        """
        self._dtype = dtype
        found = np.finfo(dtype)
        for name in ("learning_rate", "clipnorm", "epsilon", "weight_decay"):
            if isinstance(value := getattr(self, name, None), float):
                low = float(found.tiny) if name == "epsilon" else 0
                checks.number(f"{name} in {dtype}", value, low, float(found.max))

    def _with(self, name: str, value: Any) -> Self:
        changed = super()._with(name, value)
        if self._dtype:
            changed.check(self._dtype)
        return changed

    def prepare(self, backend: Backend, size: int) -> None:
        """Create the slots for this many parameters, unless they exist."""
        if self.slots and next(iter(self.slots.values())).shape[0] != size:
            self.slots, self.step = {}, 0
        if tuple(self.slots) == self.slot_names:
            return
        old, zeros = self.slots, backend.ops.zeros  # An option may have been switched on or off.
        self._backend = backend
        self.slots = {
            name: old[name] if name in old else zeros((size,), backend.dtype)
            for name in self.slot_names
        }

    def restore(self, backend: Backend, slots: Mapping[str, NDArray[Any]], step: int) -> None:
        """Continue from the slots in a file, after this number of steps.

        Slots that the file lacks, such as when momentum was set after the last step, start at zero.
        """
        self._backend = backend
        for name in slots if step else ():
            self.slots[name] = backend.ops.array(np.array(slots[name], backend.dtype))
        self.step = step

    def __getstate__(self) -> dict[str, Any]:
        # In the format of our files; so a copy has its own slots.
        to_numpy = np.asarray if self._backend is None else self._backend.ops.to_numpy
        slots = {name: to_numpy(slot) for name, slot in self.slots.items()}
        return vars(self) | {"slots": bytes(pack(slots, {"kind": "slots"}))}

    def __setstate__(self, state: dict[str, Any]) -> None:
        with saving.unpacking(state["slots"], ("slots",)) as (slots, _):
            vars(self).update(state | {"slots": slots})
            if self._backend is not None:
                self.slots = {name: self._backend.ops.array(x) for name, x in slots.items()}

    def apply(self, backend: Backend, values: Array, gradients: Array) -> bool:
        """Take one step: change `values` (P) in place along `gradients` (P).

        Returns:
            Whether it took the step. It takes none after which a weight, or the square of a
            gradient, might not be a number.

        Raises:
            InvalidTypeError: `update` of a user's class returned something.
        """
        self.prepare(backend, gradients.shape[0])
        norm = backend.ops.clip_by_global_norm(gradients, self._limit)
        if not norm < self.longest(backend.dtype):
            return False
        self.step += 1
        update: Callable[..., object] = self.update  # A user's own may return anything.
        returned = update(backend, values, gradients)
        if returned is not None:
            raise InvalidTypeError(
                f"{type(self).__name__}.update",
                "`values` changed in place, as by `values -= ...`, and nothing returned",
                checks.summary(returned),
            )
        return True

    @property
    def _limit(self) -> float:
        """The norm to which gradients are clipped."""
        return math.inf if self.clipnorm is None else self.clipnorm

    def longest(self, dtype: str) -> float:
        """Return the norm that a gradient has to be below, before it is clipped, for a step."""
        longest = _LONGEST[dtype] / max(1.0, self._learning_rate)
        if longest <= 1:
            return 0.0
        return math.inf if self._limit < longest else longest

    @property
    def recordable(self) -> bool:
        """Whether its steps can be part of a plan: it is of a class of the library, unchanged."""
        own = any(callable(value) for value in vars(self).values())
        return type(self) in OPTIMIZERS.values() and not own

    def identity(self) -> tuple[object, ...]:
        """Return what a recorded step relies on; the learning rate may change."""
        others = (value for name, value in self.arguments().items() if name != "learning_rate")
        return type(self), *others, *map(id, self.slots.values())

    def record(
        self, recording: Recording, backend: Backend, values: Array, gradients: Array
    ) -> None:
        """Record a step, as `apply` takes it, with the variables `numbers`.

        Args:
            recording: the recording, and `backend` with its operations.
            values, gradients: as for `apply`; the slots must be there.
        """
        step, rate, longest = (recording.variable() for _ in range(3))
        recording.clip_by_global_norm(gradients, self._limit)
        recording.stop_unless_below(longest)
        recorded = object.__new__(type(self))
        vars(recorded).update(vars(self), step=step, _learning_rate=rate)
        recorded.update(backend, values, gradients)

    def numbers(self, dtype: str, later: int = 0) -> list[float]:
        """Return the variables of a recorded step: the next, or one so many steps later."""
        return [self.step + 1 + later, self._learning_rate, self.longest(dtype)]

    def update(self, backend: Backend, values: Array, gradients: Array) -> None:
        """Take the step itself, which changes `values` in place; a subclass defines this."""
        raise NotDefinedError(self, "update(backend, values, gradients)")


class SGD(Optimizer):
    """Stochastic gradient descent: v = momentum·v - lr·g; p += v.

    The velocity v includes the learning rate: a new rate affects only new gradients.

    Args:
        learning_rate: size of a step.
        momentum: share of the last velocity that is kept, in [0, 1).
        nesterov: look ahead along the velocity: p += momentum·v - lr·g.
        clipnorm: largest norm of the whole gradient; None does not clip.

    Source:
        of momentum: Sutskever et al., "On the importance of initialization and momentum in deep
        learning", 2013.
    """

    slot_names = ("momentum",)

    def __init__(
        self,
        learning_rate: float = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        *,
        clipnorm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, clipnorm)
        self.momentum = checks.number("momentum", momentum, 0, 1, open_high=True)
        self.nesterov = checks.boolean("nesterov", nesterov)

    def restore(self, backend: Backend, slots: Mapping[str, NDArray[Any]], step: int) -> None:
        if "velocity" in slots:
            # Old files hold it without the learning rate, which was applied at each step.
            slots = {"momentum": -self.learning_rate * slots["velocity"]}
        super().restore(backend, slots, step)

    def update(self, backend: Backend, values: Array, gradients: Array) -> None:
        backend.ops.sgd_step(
            values,
            gradients,
            self.slots["momentum"],
            self.learning_rate,
            self.momentum,
            self.nesterov,
        )


class RMSprop(Optimizer):
    """Steps divided by a running root mean square s of the gradient: p -= lr·g / √(s + ε).

    Args:
        learning_rate: size of a step.
        rho: memory of the mean square, in [0, 1).
        momentum: share of the last step that is added to the next, in [0, 1).
        epsilon: ε, added below the root: gradients far below √ε, 3e-4 by default, lead to steps in
            proportion to them.
        centered: divide by the standard deviation instead: subtract the square of the mean from s.
        clipnorm: largest norm of the whole gradient; None does not clip.

    Source:
        Tieleman & Hinton, "Lecture 6.5: rmsprop", 2012; centered, and with momentum: Graves,
        "Generating sequences with recurrent neural networks", 2013.
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        *,
        clipnorm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, clipnorm)
        self.rho = checks.number("rho", rho, 0, 1, open_high=True)
        self.momentum = checks.number("momentum", momentum, 0, 1, open_high=True)
        self.epsilon = checks.number("epsilon", epsilon, 0, open_low=True)
        self.centered = checks.boolean("centered", centered)
        kept = {"mean_square": True, "mean": self.centered, "momentum": self.momentum > 0}
        self.slot_names = tuple(name for name, needed in kept.items() if needed)

    def update(self, backend: Backend, values: Array, gradients: Array) -> None:
        backend.ops.rmsprop_step(
            values,
            gradients,
            self.slots["mean_square"],
            self.slots.get("mean"),
            self.slots.get("momentum"),
            self.learning_rate,
            self.rho,
            self.momentum,
            self.epsilon,
        )


class Adam(Optimizer):
    """Steps along the mean gradient m, divided by its root mean square, both unbiased.

    p -= lr · √(1 - β₂ᵗ) / (1 - β₁ᵗ) · m / (√v + ε) in step t.

    Args:
        learning_rate: size of a step.
        beta_1: memory of the mean, in [0, 1).
        beta_2: memory of the mean square, in [0, 1).
        epsilon: added to the root before the correction of its bias.
        weight_decay: share of each weight, times the learning rate, that every step removes.
        clipnorm: largest norm of the whole gradient; None does not clip.

    Source:
        Kingma & Ba, "Adam: a method for stochastic optimization", 2015, in the form at the end of
        section 2, whose epsilon is ours.
    """

    slot_names = ("mean", "mean_square")

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        *,
        weight_decay: float = 0.0,
        clipnorm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, clipnorm)
        self.beta_1 = checks.number("beta_1", beta_1, 0, 1, open_high=True)
        self.beta_2 = checks.number("beta_2", beta_2, 0, 1, open_high=True)
        self.epsilon = checks.number("epsilon", epsilon, 0, open_low=True)
        self.weight_decay = checks.number("weight_decay", weight_decay, 0)

    def update(self, backend: Backend, values: Array, gradients: Array) -> None:
        backend.ops.adam_step(
            values,
            gradients,
            self.slots["mean"],
            self.slots["mean_square"],
            self.step,
            self.learning_rate,
            self.beta_1,
            self.beta_2,
            self.epsilon,
            self.weight_decay,
        )


class AdamW(Adam):
    """Adam with weight decay separate from the gradient.

    Args:
        weight_decay: share of each weight, times the learning rate, that every step removes.

    The other arguments are those of `Adam`.

    Source:
        Loshchilov & Hutter, "Decoupled weight decay regularization", 2019.
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        *,
        clipnorm: float | None = None,
    ) -> None:
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, weight_decay=weight_decay, clipnorm=clipnorm
        )


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
}


def get(spec: str | Optimizer | dict[str, Any]) -> Optimizer:
    """Return an optimizer from its name, its saved form or itself.

    Raises:
        InvalidValueError: no optimizer has that name.
    """
    if isinstance(spec, Optimizer):
        return spec
    if isinstance(spec, dict) and "config" in spec:
        return described("optimizer", spec, OPTIMIZERS, "name")
    if not isinstance(spec, str):
        raise InvalidTypeError("optimizer", "the name of an optimizer or an Optimizer", repr(spec))
    return OPTIMIZERS[checks.one_of("optimizer", spec.lower(), OPTIMIZERS)].made_with({})
