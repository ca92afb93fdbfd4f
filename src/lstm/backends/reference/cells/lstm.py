"""The LSTM; docs/theory/gates.md and docs/theory/backward.md."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import RecurrentSpec
from lstm.backends.reference.activations import activation_backward, activation_forward

Array = NDArray[Any]
Arrays = tuple[Array, ...]
Kept = dict[str, Array]


def forward(spec: RecurrentSpec, xw: Array, q: Array, state: Arrays) -> tuple[Arrays, Kept]:
    _, c = state
    z = xw + q  # (L1)
    z_i, *z_f, z_g, z_o = np.split(z, spec.layout.blocks, 1)
    i = activation_forward(z_i, spec.recurrent_activation)  # (L2)
    f = activation_forward(z_f[0], spec.recurrent_activation) if z_f else 1 - i  # (L3), (L12)
    g = activation_forward(z_g, spec.activation)  # (L4)
    o = activation_forward(z_o, spec.recurrent_activation)  # (L5)
    c = f * c + i * g  # (L6)
    h = o * activation_forward(c, spec.activation)  # (L7)
    return (h, c), {"i": i, "f": f, "g": g, "o": o}


def backward(
    spec: RecurrentSpec, dstate: Arrays, kept: Kept, before: Arrays, after: Arrays
) -> tuple[Array, Array, Arrays]:
    (dh, dc), (i, f, g, o) = dstate, kept.values()
    (_, c_before), (_, c) = before, after
    a = activation_forward(c, spec.activation)
    do = dh * a  # (B2)
    dc = dc + activation_backward(dh * o, a, spec.activation)  # (B3)
    di, df, dg = dc * g, dc * c_before, dc * i  # (B4)
    if coupled := "coupled" in spec.options:
        di = di - df  # (B17)
    dz_i = activation_backward(di, i, spec.recurrent_activation)  # (B5)
    dz_f = [] if coupled else [activation_backward(df, f, spec.recurrent_activation)]
    dz_g = activation_backward(dg, g, spec.activation)
    dz_o = activation_backward(do, o, spec.recurrent_activation)
    dz = np.concatenate((dz_i, *dz_f, dz_g, dz_o), 1)
    return dz, dz, (np.zeros_like(dh), dc * f)  # (B6)
