"""Held: checks what the passes of users' layers and losses return."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm import checks
from lstm.backends.contract import Array, Cache, Ops
from lstm.errors import InvalidShapeError, InvalidTypeError
from lstm.interface import overrides_computation
from lstm.layers.base import Arrays, Gradients, Layer, Run
from lstm.layers.masks import Mask
from lstm.layers.rules import promised
from lstm.losses import Loss


def held(layer: Layer) -> "Layer | Held":
    """Return a layer that computes as the library unchanged, and a user's layer as `Held`."""
    return Held(layer) if overrides_computation(type(layer)) else layer


class Held:
    """A user's layer whose results are checked against what the layer declares.

    An output with another shape than in `output_shapes`, or a gradient with another shape than its
    input, could pass silently: it may fit the next layer by chance, or by broadcasting.
    """

    def __init__(self, layer: Layer) -> None:
        self.name = layer.name
        self.layer = layer

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        returned = self.layer.forward(run, *inputs, mask=mask)
        match returned:
            case (tuple() | list() as outputs, cache):
                pass
            case _:
                raise InvalidTypeError(
                    f"forward of {self.name}",
                    "(outputs, cache), with the outputs in a tuple",
                    checks.summary(returned),
                )
        shapes = [tuple(x.shape) for x in inputs]
        expected = promised(self.layer, self.layer.output_shapes(*shapes))
        if len(outputs) != len(expected):
            raise InvalidShapeError(
                f"forward of {self.name}",
                f"as many outputs as output_shapes says, {len(expected)}",
                checks.summary(outputs),
            )
        for y, shape in zip(outputs, expected, strict=True):
            if not hasattr(y, "shape"):
                raise InvalidTypeError(f"output of {self.name}", "an array", checks.summary(y))
            checks.shape(f"output of {self.name}", tuple(y.shape), shape)
        if run.node in run.new_states:
            self._check_state(run, shapes)
        return tuple(outputs), (shapes, cache)

    def _check_state(self, run: Run, shapes: Sequence[tuple[int, ...]]) -> None:
        """Check the state that the layer left for the next chunk."""
        batch = shapes[0][:1]
        expected = [(*batch, *shape) for shape in self.layer.state_shapes(*shapes)]
        got = [part.shape for part in run.new_states[run.node]]
        if got != expected:
            raise InvalidShapeError(
                f"state of {self.name}", f"arrays of shapes {expected}, as state_shapes says", got
            )

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        shapes, inner = cache
        returned = self.layer.backward(run, inner, *gradients, need=need)
        if not isinstance(returned, tuple | list) or len(returned) != len(shapes):
            raise InvalidTypeError(
                f"backward of {self.name}",
                f"a tuple with one gradient for each input, {len(shapes)} in all",
                checks.summary(returned),
            )
        for dx, shape, needed in zip(returned, shapes, need, strict=True):
            if needed and (not hasattr(dx, "shape") or tuple(dx.shape) != shape):
                raise InvalidShapeError(
                    f"backward of {self.name}",
                    f"for its input a gradient of shape {shape}",
                    checks.summary(dx),
                )
        return tuple(returned)

    def joined_mask(self, run: Run, inputs: Arrays, masks: Sequence[Mask | None]) -> Mask | None:
        return self.layer.joined_mask(run, inputs, masks)

    def mask_after(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        return self.layer.mask_after(run, inputs, mask)

    @property
    def learns(self) -> bool:
        return self.layer.learns


def held_loss(loss: Loss) -> Loss:
    """Return a loss that computes as the library unchanged, and a user's loss as `HeldLoss`."""
    return HeldLoss(loss) if overrides_computation(type(loss)) else loss


class HeldLoss(Loss):
    """A user's loss, whose results are checked: a number and its gradient."""

    def __init__(self, loss: Loss) -> None:
        self._loss = loss

    def forward(
        self, ops: Ops, y: Array, target: Array, weight: Array | None
    ) -> tuple[float, Cache]:
        return self._checked("forward", self._loss.forward(ops, y, target, weight), y)

    def forward_within(
        self, ops: Ops, y: Array, target: Array, weight: Array | None, steps: Mask | None
    ) -> tuple[float, Cache]:
        if steps is None:
            return self.forward(ops, y, target, weight)
        returned = self._loss.forward_within(ops, y, target, weight, steps)
        return self._checked("forward_within", returned, y)

    def _checked(self, method: str, returned: Any, y: Array) -> tuple[float, Cache]:
        match returned:
            case (value, cache) if _is_number(value):
                return float(value), (tuple(y.shape), cache)
        raise InvalidTypeError(
            f"{method} of {type(self._loss).__name__}",
            "(loss, cache), with the loss a number",
            checks.summary(returned),
        )

    def backward(self, ops: Ops, cache: Cache) -> Array:
        shape, inner = cache
        dy = self._loss.backward(ops, inner)
        if not hasattr(dy, "shape") or tuple(dy.shape) != shape:
            raise InvalidShapeError(
                f"backward of {type(self._loss).__name__}",
                f"the gradient of the output, of shape {shape}",
                checks.summary(dy),
            )
        return dy


def _is_number(value: object) -> bool:
    """Whether a value is a real number, perhaps as an array without axes."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    return isinstance(value, int | float | np.integer | np.floating)
