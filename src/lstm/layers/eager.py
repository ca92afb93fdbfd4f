"""Eager: layers that compute at once, because they are called on arrays."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.backends import Backend
from lstm.backends import backend as chosen_backend
from lstm.errors import InvalidTypeError
from lstm.layers.definition import Definition
from lstm.layers.masks import Mask
from lstm.layers.run import Run
from lstm.layers.symbolic import Operators, has_operands
from lstm.layers.weight import Holder, Owner, Weight


class Tensor(np.ndarray):
    """An array that a layer or a function computed, with the padding in it."""

    mask: Mask | None = None
    weight: str | None = None
    """The name of the weight that it was computed of, which no model learns through it."""

    @classmethod
    def of(cls, values: NDArray[Any], mask: Mask | None = None) -> "Tensor":
        """Return values as such an array."""
        tensor = np.asarray(values).view(cls)
        tensor.mask = mask
        return tensor

    def numpy(self) -> NDArray[Any]:
        """Return it as a plain array of NumPy."""
        return np.asarray(self)


def as_array(x: Any) -> Any:
    """Return the numbers of a list as an array, and anything else, such as arrays, as it is."""
    return np.asarray(x) if isinstance(x, list | tuple) and not has_operands(x) else x


def compute(layer: Definition, inputs: Sequence[Any], *, training: bool = False) -> Any:
    """Return what a layer with `forward` makes of arrays, or of weights.

    Raises:
        InvalidTypeError: an input is neither.
        LSTMError: the layer cannot read them.
    """
    backend = _backend(layer)
    ops = backend.ops
    values = [_values(layer, x, backend.dtype) for x in inputs]
    arrays = tuple(map(ops.array, values))
    layer.outputs_for([tuple(x.shape) for x in arrays])
    masks = [getattr(x, "mask", None) for x in inputs]
    run, mask = Run(backend, training=training), None
    if any(mask is not None for mask in masks):
        run.masks = masks
        run.shapes = [
            tuple(x.shape) if isinstance(given, Operators) else (None, *x.shape[1:])
            for given, x in zip(inputs, arrays, strict=True)
        ]
        mask = layer.joined_mask(run, arrays, masks)
    of_steps = None if mask is None or mask.ndim < 2 else mask
    owner = _owner(layer) if training else None
    with nullcontext() if owner is None else owner.changing():  # Running statistics.
        outputs, _ = layer.forward(run, *arrays, mask=of_steps)
    mask = layer.mask_after(run, arrays, mask)
    made = [
        Tensor.of(np.array(ops.to_numpy(y)), mask if k == 0 else None)
        for k, y in enumerate(outputs)
    ]
    for weight in (x for x in inputs if isinstance(x, Weight)):
        made[0].weight = weight.path or weight.name
    return made[0] if len(made) == 1 else made


def _backend(layer: Definition) -> Backend:
    """Return the backend of the layer's weights, or the chosen one."""
    owner = _owner(layer)
    return chosen_backend() if owner is None else owner.backend


def _owner(layer: Definition) -> Owner | None:
    """Return the owner of the buffers of the layer's weights, if a model has them."""
    for weight in layer.own_weights.values():
        if weight.owner is not None and not isinstance(weight.owner, Holder):
            return weight.owner
    return None


def _values(layer: Definition, x: Any, dtype: str) -> NDArray[Any]:
    """Return an input as numbers, or as tokens for a layer that reads those."""
    if isinstance(x, Operators | Weight):
        x = x.numpy()  # type: ignore[union-attr]
    argument = f"input of {layer.name}"
    if not isinstance(x, np.ndarray | list | tuple | int | float | np.generic):
        raise InvalidTypeError(argument, "tensors or arrays", type(x).__name__)
    values = checks.numbers(argument, x)
    if layer.reads_tokens:
        return checks.indices(argument, values, layer.reads_tokens)
    return np.ascontiguousarray(values, dtype)
