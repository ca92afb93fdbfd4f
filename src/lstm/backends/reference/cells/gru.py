"""The gated recurrent unit; docs/theory/gru.md.

The reset gate multiplies the product of the state and the recurrent kernel, not the state.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import RecurrentSpec
from lstm.backends.reference.activations import activation_backward, activation_forward

Array = NDArray[Any]
Arrays = tuple[Array, ...]
Kept = dict[str, Array]


def forward(spec: RecurrentSpec, xw: Array, q: Array, state: Arrays) -> tuple[Arrays, Kept]:
    (h,) = state
    xw_u, xw_s, xw_g = np.split(xw, 3, 1)
    q_u, q_s, q_g = np.split(q, 3, 1)
    u = activation_forward(xw_u + q_u, spec.recurrent_activation)  # (G2), (G3)
    s = activation_forward(xw_s + q_s, spec.recurrent_activation)  # (G4)
    g = activation_forward(xw_g + s * q_g, spec.activation)  # (G5)
    return (u * h + (1 - u) * g,), {"u": u, "s": s, "g": g, "q_g": q_g}  # (G6)


def backward(
    spec: RecurrentSpec, dstate: Arrays, kept: Kept, before: Arrays, after: Arrays
) -> tuple[Array, Array, Arrays]:
    (dh,), (u, s, g, q_g), (h_before,) = dstate, kept.values(), before
    du, dg = dh * (h_before - g), dh * (1 - u)  # (G9)
    dz_g = activation_backward(dg, g, spec.activation)
    ds = dz_g * q_g  # (G10)
    dz_u = activation_backward(du, u, spec.recurrent_activation)  # (G11)
    dz_s = activation_backward(ds, s, spec.recurrent_activation)
    dz = np.concatenate((dz_u, dz_s, dz_g), 1)
    dq = np.concatenate((dz_u, dz_s, s * dz_g), 1)  # (G12)
    return dz, dq, (dh * u,)
