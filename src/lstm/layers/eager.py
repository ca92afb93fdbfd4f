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
from lstm.layers.masks import Mask, union
from lstm.layers.rules import Shape
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

    def __array_ufunc__(self, ufunc: np.ufunc, method: Any, *args: Any, **options: Any) -> Any:
        if "out" in options:
            options["out"] = tuple(map(_plain, options["out"]))
        made = getattr(ufunc, method)(*map(_plain, args), **options)
        if isinstance(made, Operators):  # Another argument stands for later values.
            return made
        mask = None
        if method == "__call__":
            mask = _mask_of(ufunc, args, np.shape(made[0] if isinstance(made, tuple) else made))
        several = tuple(
            Tensor.of(np.asarray(y), mask) if isinstance(y, np.ndarray | np.generic) else y
            for y in (made if isinstance(made, tuple) else (made,))
        )
        return several if isinstance(made, tuple) else several[0]


def _plain(x: Any) -> Any:
    return x.view(np.ndarray) if isinstance(x, Tensor) else x


def _mask_of(ufunc: np.ufunc, args: Sequence[Any], shape: tuple[int, ...]) -> Mask | None:
    """Return the mask of what an operator of NumPy makes of arrays, as a model has it.

    It is that of the tensors that have the steps of the result. Plain arrays are constants.
    """
    given = [x for x in args if isinstance(x, Tensor) and x.ndim == len(shape)]
    if ufunc is np.matmul:  # Of each step with a matrix.
        given = given if given and given[0] is args[0] and np.ndim(args[1]) == 2 else []
    elif ufunc.signature is not None:
        return None
    known = [x.mask for x in given if x.mask is not None and x.mask.shape == shape[: x.mask.ndim]]
    axes = max([mask.ndim for mask in known], default=0)
    whole = [x for x in given if axes and x.shape[:axes] == shape[:axes]]
    if not any(x.mask is not None for x in whole):
        return None
    return union(ufunc.__name__, [x.shape for x in whole], [x.mask for x in whole], ragged=False)


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
    numbers = all(x.ndim == 0 for x in values)  # Which the kernels read as arrays of one.
    arrays = tuple(ops.array(np.atleast_1d(x)) for x in values)
    layer.outputs_for([tuple(x.shape) for x in arrays])
    masks = [getattr(x, "mask", None) for x in inputs]
    run, mask = Run(backend, training=training), None
    if any(mask is not None for mask in masks):
        run.masks = masks
        run.shapes = _known_shapes(inputs, [tuple(x.shape) for x in arrays])
        mask = layer.joined_mask(run, arrays, masks)
    of_steps = None if mask is None or mask.ndim < 2 else mask
    owner = _owner(layer) if training else None
    with nullcontext() if owner is None else owner.changing():  # Running statistics.
        outputs, _ = layer.forward(run, *arrays, mask=of_steps)
    mask = layer.mask_after(run, arrays, mask)
    found = [np.array(ops.to_numpy(y)) for y in outputs]
    if numbers:
        found = [y[0] if y.shape[:1] == (1,) else y for y in found]
    made = [Tensor.of(y, mask if k == 0 else None) for k, y in enumerate(found)]
    for weight in (x for x in inputs if isinstance(x, Weight)):
        made[0].weight = weight.path or weight.name
    return made[0] if len(made) == 1 else made


def _known_shapes(inputs: Sequence[Any], shapes: Sequence[Shape]) -> list[Shape]:
    """Return the shapes of inputs with None for the examples, as a model has them.

    Weights have none, nor have arrays of one row, which stands for all examples.
    """
    examples = max(shape[0] or 0 for shape in shapes)

    def has_examples(x: Any, shape: Shape) -> bool:
        several = examples > 1 or isinstance(x, Tensor)
        return several and shape[0] == examples and not isinstance(x, Operators)

    return [
        (None, *shape[1:]) if has_examples(x, shape) else shape
        for x, shape in zip(inputs, shapes, strict=True)
    ]


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
        return checks.indices(argument, values, layer.reads_tokens).reshape(values.shape)
    return np.asarray(values, dtype, order="C")
