"""The gated recurrent unit; docs/theory/gru.md.

The reset gate multiplies the product of the state and the recurrent kernel; or, with
"reset_before", the state before the product, which the loop around the cell then computes in two
parts: the candidate's follows `reset`, and `reset_backward` precedes that of the gates.
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
    before = "reset_before" in spec.options
    u = activation_forward(xw_u + q_u, spec.recurrent_activation)  # (G2), (G3)
    s = activation_forward(xw_s + q_s, spec.recurrent_activation)  # (G4)
    g = activation_forward(xw_g + (q_g if before else s * q_g), spec.activation)  # (G5)
    return (u * h + (1 - u) * g,), {"u": u, "s": s, "g": g, "q_g": q_g}  # (G6)


def backward(
    spec: RecurrentSpec, dstate: Arrays, kept: Kept, before: Arrays, after: Arrays
) -> tuple[Array, Array, Arrays]:
    (dh,), (u, s, g, q_g), (h_before,) = dstate, kept.values(), before
    du, dg = dh * (h_before - g), dh * (1 - u)  # (G9)
    dz_g = activation_backward(dg, g, spec.activation)
    dz_u = activation_backward(du, u, spec.recurrent_activation)  # (G11)
    if "reset_before" in spec.options:
        later = np.zeros_like(s)
        dz, dq = (dz_u, later, dz_g), (dz_u, later, later)
    else:
        dz_s = reset_backward(spec, dz_g * q_g, s)  # (G10)
        dz, dq = (dz_u, dz_s, dz_g), (dz_u, dz_s, s * dz_g)  # (G12)
    return np.concatenate(dz, 1), np.concatenate(dq, 1), (dh * u,)


def reset(spec: RecurrentSpec, xw: Array, q: Array) -> Array:
    """Return the reset gates."""
    _, xw_s, _ = np.split(xw, 3, 1)
    _, q_s, _ = np.split(q, 3, 1)
    return activation_forward(xw_s + q_s, spec.recurrent_activation)  # (G4)


def reset_backward(spec: RecurrentSpec, ds: Array, s: Array) -> Array:
    """Return the gradient of what the reset gates are computed from."""
    return activation_backward(ds, s, spec.recurrent_activation)  # (G11)
