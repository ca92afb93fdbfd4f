"""Int8 weights of layers: which they are, and how files hold them."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.backends import Backend
from lstm.backends.contract import MOST_INPUTS
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.interface import overrides_computation
from lstm.layers.definition import Definition
from lstm.layers.weight import Weight

Tensors = Mapping[str, NDArray[Any]]


def int8_weights(layer: Definition) -> dict[str, int]:
    """Return the weights of a layer that can be int8, and the axis of their outputs.

    There are none if a user's class computes with them, or if sums would not fit into 32 bits.
    """
    if overrides_computation(type(layer)):
        return {}
    found = {name: axis for name, axis in layer.int8_axes.items() if name in layer.own_weights}
    inputs = [layer.own_weights[name].value.shape[1 - axis] for name, axis in found.items()]
    return found if all(size <= MOST_INPUTS for size in inputs) else {}


def scale_names(weights: Mapping[str, Weight]) -> dict[str, str]:
    """Return for each int8 weight the name of its scale in a file."""
    names: dict[str, str] = {}
    for name, weight in weights.items():
        if weight.is_int8:
            scale = f"{name}/scale"
            while scale in weights or scale in names.values():
                scale += "_"
            names[name] = scale
    return names


def tensors_of(weights: Mapping[str, Weight], scales: Mapping[str, str]) -> dict[str, Any]:
    """Return the arrays of weights by name, of int8 ones their numbers and scales."""
    tensors: dict[str, NDArray[Any]] = {}
    for name, weight in weights.items():
        if name in scales:
            tensors[name], scale = weight.int8_parts()
            tensors[scales[name]] = scale.astype(np.float32)
        else:
            tensors[name] = weight.to_numpy()
    return tensors


def take_int8(
    layers: Mapping[str, Definition], tensors: Tensors, scales: Any, backend: Backend
) -> None:
    """Give layers the int8 weights of a file.

    Args:
        layers: by the names that come before those of their weights.
        tensors: the arrays of the file.
        scales: the result of `scale_names`, from any source.
        backend: the backend of the weights.

    Raises:
        InvalidShapeError, InvalidTypeError, InvalidValueError: a weight cannot be int8, or its
            numbers or scales are not such.
    """
    if not isinstance(scales, Mapping):
        raise InvalidTypeError("int8", "names of scales by weight", type(scales).__name__)
    known = {
        f"{name}/{key}": (layer.own_weights[key], axis)
        for name, layer in layers.items()
        for key, axis in int8_weights(layer).items()
    }
    for name, scale in scales.items():
        if name not in known:
            raise InvalidValueError("int8", f"weights of {_listed(known)}", repr(name))
        weight, axis = known[name]
        values, scales_of_it = checked_parts(name, tensors[name], tensors[scale], axis)
        found = backend.ops.quantized(values, scales_of_it.astype(backend.dtype), axis)
        weight.take_int8(backend, found)


def checked_parts(
    name: str, values: NDArray[Any], scale: NDArray[Any], axis: int
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return the numbers and scales of a weight, checked.

    Raises:
        InvalidShapeError, InvalidTypeError, InvalidValueError: they are not such.
    """
    if values.dtype != np.int8:
        raise InvalidTypeError(name, "int8 numbers", f"dtype {values.dtype}")
    if (values == -128).any():
        raise InvalidValueError(name, "int8 numbers of at least -127", -128)
    if scale.dtype != np.float32:
        raise InvalidTypeError(f"scale of {name}", "float32 numbers", f"dtype {scale.dtype}")
    if scale.shape != values.shape[axis : axis + 1]:
        raise InvalidShapeError(
            f"scale of {name}", f"shape {values.shape[axis : axis + 1]}", scale.shape
        )
    checks.finite(f"scale of {name}", scale)
    if (scale < 0).any():
        raise InvalidValueError(f"scale of {name}", "numbers of at least 0", scale.min())
    return values, scale


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "no layer"
