"""The simple recurrent layer; docs/theory/recurrence.md."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import RecurrentSpec
from lstm.backends.reference.activations import activation_backward, activation_forward

Array = NDArray[Any]
Arrays = tuple[Array, ...]
Kept = dict[str, Array]


def forward(spec: RecurrentSpec, xw: Array, q: Array, state: Arrays) -> tuple[Arrays, Kept]:
    z = xw + q  # (R1)
    return (activation_forward(z, spec.activation),), {}  # (R2)


def backward(
    spec: RecurrentSpec, dstate: Arrays, kept: Kept, before: Arrays, after: Arrays
) -> tuple[Array, Array, Arrays]:
    (dh,), (h,) = dstate, after
    dz = activation_backward(dh, h, spec.activation)  # (R5)
    return dz, dz, (np.zeros_like(dh),)
