"""SimpleRNN and GRU by hand: from one number to the next, without a single array operation.

(R..) and (G..) are the numbers of docs/theory/recurrence.md and docs/theory/gru.md. One sequence of
two units reads two steps of two features, from a state, with a recurrent mask.
"""

import math
from typing import Any

import numpy as np
import pytest

from backend_cases import over_dtypes
from lstm.backends.contract import Ops
from recurrent_calls import functions
from recurrent_cases import BLOCKS, VARIANTS, bias_shape
from tolerances import assert_close

T, D, H = 3, 2, 2


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def numbers(operation: str) -> dict[str, Any]:
    """The arrays of a case as nested lists, its sequence without the axis of the batch."""
    rng = np.random.default_rng(91)
    columns = BLOCKS[operation] * H
    shapes = {"x": (T, D), "w": (D, columns), "r": (H, columns), "h0": (H,), "mu": (H,)}
    shapes |= {"b": bias_shape(operation, H), "dy": (T, H), "dh_n": (H,)}
    return {name: rng.uniform(-1, 1, shape).tolist() for name, shape in shapes.items()}


def product(v: list[float], matrix: list[list[float]], j: int) -> float:
    return sum(v[k] * matrix[k][j] for k in range(len(v)))


def zeros(like: Any) -> Any:
    return [zeros(part) for part in like] if isinstance(like, list) else 0.0


def rnn(a: dict[str, Any]) -> dict[str, Any]:
    """All outputs and gradients of a SimpleRNN."""
    out: dict[str, Any] = {"y": []} | {f"d{name}": zeros(a[name]) for name in ("x", "w", "r", "b")}
    h = a["h0"]
    for x in a["x"]:
        seen = [a["mu"][k] * h[k] for k in range(H)]
        h = [
            math.tanh(product(x, a["w"], j) + product(seen, a["r"], j) + a["b"][j])
            for j in range(H)
        ]
        out["y"].append(h)

    dh = a["dh_n"]
    for t in reversed(range(T)):
        before = out["y"][t - 1] if t else a["h0"]
        dz = [(dh[j] + a["dy"][t][j]) * (1 - out["y"][t][j] ** 2) for j in range(H)]
        for j in range(H):
            out["db"][j] += dz[j]
            for d in range(D):
                out["dw"][d][j] += a["x"][t][d] * dz[j]
                out["dx"][t][d] += dz[j] * a["w"][d][j]
            for k in range(H):
                out["dr"][k][j] += a["mu"][k] * before[k] * dz[j]
        dh = [a["mu"][k] * sum(dz[j] * a["r"][k][j] for j in range(H)) for k in range(H)]
    return out | {"h_n": h, "dh0": dh}


def gru(a: dict[str, Any]) -> dict[str, Any]:
    """All outputs and gradients of a GRU."""
    out: dict[str, Any] = {"y": []} | {f"d{name}": zeros(a[name]) for name in ("x", "w", "r", "b")}
    h, steps = a["h0"], []
    for x in a["x"]:
        before, seen = h, [a["mu"][k] * h[k] for k in range(H)]
        xw = [product(x, a["w"], j) + a["b"][0][j] for j in range(3 * H)]
        q = [product(seen, a["r"], j) + a["b"][1][j] for j in range(3 * H)]
        u = [sigmoid(xw[j] + q[j]) for j in range(H)]
        s = [sigmoid(xw[H + j] + q[H + j]) for j in range(H)]
        g = [math.tanh(xw[2 * H + j] + s[j] * q[2 * H + j]) for j in range(H)]
        h = [u[j] * before[j] + (1 - u[j]) * g[j] for j in range(H)]
        steps.append((before, u, s, g, q[2 * H :]))
        out["y"].append(h)

    dh = a["dh_n"]
    for t in reversed(range(T)):
        before, u, s, g, q_g = steps[t]
        dh = [dh[j] + a["dy"][t][j] for j in range(H)]
        dz = [0.0] * (3 * H)
        for j in range(H):
            dz[j] = dh[j] * (before[j] - g[j]) * u[j] * (1 - u[j])
            dz[2 * H + j] = dh[j] * (1 - u[j]) * (1 - g[j] ** 2)
            dz[H + j] = dz[2 * H + j] * q_g[j] * s[j] * (1 - s[j])
        dq = dz[: 2 * H] + [dz[2 * H + j] * s[j] for j in range(H)]
        for j in range(3 * H):
            out["db"][0][j] += dz[j]
            out["db"][1][j] += dq[j]
            for d in range(D):
                out["dw"][d][j] += a["x"][t][d] * dz[j]
                out["dx"][t][d] += dz[j] * a["w"][d][j]
            for k in range(H):
                out["dr"][k][j] += a["mu"][k] * before[k] * dq[j]
        back = [a["mu"][k] * sum(dq[j] * a["r"][k][j] for j in range(3 * H)) for k in range(H)]
        dh = [dh[k] * u[k] + back[k] for k in range(H)]
    return out | {"h_n": h, "dh0": dh}


def original_gru(a: dict[str, Any]) -> dict[str, Any]:
    """All outputs and gradients of a GRU whose reset gate multiplies the state."""
    out: dict[str, Any] = {"y": []} | {f"d{name}": zeros(a[name]) for name in ("x", "w", "r", "b")}
    h, steps = a["h0"], []
    for x in a["x"]:
        before, seen = h, [a["mu"][k] * h[k] for k in range(H)]
        xw = [product(x, a["w"], j) + a["b"][j] for j in range(3 * H)]
        u = [sigmoid(xw[j] + product(seen, a["r"], j)) for j in range(H)]
        s = [sigmoid(xw[H + j] + product(seen, a["r"], H + j)) for j in range(H)]
        again = [s[k] * seen[k] for k in range(H)]
        g = [math.tanh(xw[2 * H + j] + product(again, a["r"], 2 * H + j)) for j in range(H)]
        h = [u[j] * before[j] + (1 - u[j]) * g[j] for j in range(H)]
        steps.append((before, seen, u, s, again, g))
        out["y"].append(h)

    dh = a["dh_n"]
    for t in reversed(range(T)):
        before, seen, u, s, again, g = steps[t]
        dh = [dh[j] + a["dy"][t][j] for j in range(H)]
        dz = [0.0] * (3 * H)
        for j in range(H):
            dz[j] = dh[j] * (before[j] - g[j]) * u[j] * (1 - u[j])
            dz[2 * H + j] = dh[j] * (1 - u[j]) * (1 - g[j] ** 2)
        dagain = [sum(dz[2 * H + j] * a["r"][k][2 * H + j] for j in range(H)) for k in range(H)]
        for k in range(H):
            dz[H + k] = dagain[k] * seen[k] * s[k] * (1 - s[k])
        for j in range(3 * H):
            out["db"][j] += dz[j]
            for d in range(D):
                out["dw"][d][j] += a["x"][t][d] * dz[j]
                out["dx"][t][d] += dz[j] * a["w"][d][j]
            for k in range(H):
                out["dr"][k][j] += (seen if j < 2 * H else again)[k] * dz[j]
        dseen = [
            sum(dz[j] * a["r"][k][j] for j in range(2 * H)) + s[k] * dagain[k] for k in range(H)
        ]
        dh = [dh[k] * u[k] + a["mu"][k] * dseen[k] for k in range(H)]
    return out | {"h_n": h, "dh0": dh}


@over_dtypes
@pytest.mark.parametrize("operation", VARIANTS)
def test_outputs_and_gradients(ops: Ops, dtype: str, operation: str) -> None:
    a = numbers(operation)
    expected = {"rnn": rnn, "gru": gru, "gru-reset_before": original_gru}[operation](a)
    x, dy, h0, mu, dh_n = (np.array([a[name]], dtype) for name in ("x", "dy", "h0", "mu", "dh_n"))
    w, r, b = (np.array(a[name], dtype) for name in ("w", "r", "b"))
    dw, dr, db = np.zeros_like(w), np.zeros_like(r), np.zeros_like(b)

    forward, backward = functions(ops, operation)
    activations = ("tanh", "sigmoid") if operation != "rnn" else ("tanh",)
    y, h_n, cache = forward(x, w, r, b, h0, None, mu, False, *activations, True)
    dx, dh0 = backward(dy, dh_n, cache, dw, dr, db, True)

    results = {"y": y[0], "h_n": h_n[0], "dx": dx[0], "dh0": dh0[0], "dw": dw, "dr": dr, "db": db}
    for name, result in results.items():
        assert_close(result, expected[name], "lstm", terms=T)


@over_dtypes
def test_order_of_the_blocks_of_a_gru(ops: Ops, dtype: str) -> None:
    # With linear gates and no kernels, each bias is the value of its gate.
    u, s, g, q = np.array([[0.2, 0.7], [0.5, -0.3], [0.4, -0.6], [0.9, 0.8]])
    b = np.array([[*u, *s, *g], [0, 0, 0, 0, *q]], dtype)
    x, w, r = (np.zeros(shape, dtype) for shape in ((1, 1, 1), (1, 6), (2, 6)))
    h0 = np.array([[-0.4, 0.9]], dtype)
    y, *_ = functions(ops, "gru")[0](x, w, r, b, h0, None, None, False, "linear", "linear", False)
    assert_close(y, [u * h0 + (1 - u) * (g + s * q)], "lstm")
