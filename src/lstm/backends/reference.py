"""The contract in NumPy: the living definition of every operation, beside docs/theory/.

Written to be read. float32 and float64; any array that NumPy accepts. What each function takes and
returns is said in `lstm.backends.ops`. It does without every trick that makes kernels fast: no
packed weights, no fused gates, no threads of its own.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.ops import (
    ActivationName,
    Cache,
    Choice,
    LSTMWeights,
    PointwiseLossName,
    State,
)

Array = NDArray[Any]

NAME = "reference"
DTYPES = ("float32", "float64")


# ---- arrays


def array(values: Array) -> Array:
    return np.asarray(values)


def to_numpy(x: Array) -> Array:
    return x


def zeros(shape: Sequence[int], dtype: str) -> Array:
    return np.zeros(shape, dtype)


def fill(x: Array, value: float) -> None:
    x[...] = value


def assign(x: Array, values: Array) -> None:
    x[...] = values


# ---- shapes


def reshape(x: Array, shape: Sequence[int]) -> Array:
    return x.reshape(shape)


def transpose(x: Array, axes: Sequence[int]) -> Array:
    return np.ascontiguousarray(x.transpose(axes))


def flip(x: Array, axis: int) -> Array:
    return np.ascontiguousarray(np.flip(x, axis))


def concatenate(xs: Sequence[Array], axis: int) -> Array:
    return np.concatenate(xs, axis)


def split(x: Array, sizes: Sequence[int], axis: int) -> list[Array]:
    return [np.ascontiguousarray(part) for part in np.split(x, np.cumsum(sizes)[:-1], axis)]


def repeat(x: Array, count: int, axis: int) -> Array:
    return np.repeat(np.expand_dims(x, axis), count, axis)


def slice_forward(x: Array, index: tuple[int | slice, ...]) -> Array:
    return np.ascontiguousarray(x[index])


def slice_backward(dy: Array, index: tuple[int | slice, ...], shape: Sequence[int]) -> Array:
    dx = np.zeros(shape, dy.dtype)
    dx[index] = dy
    return dx


# ---- elementwise and reductions


def add(xs: Sequence[Array]) -> Array:
    total = xs[0].copy()
    for x in xs[1:]:
        total += x
    return total


def multiply(x: Array, y: Array) -> Array:
    return x * y


def sum(x: Array, axis: int) -> Array:
    return x.sum(axis)


def scale(x: Array, factor: float) -> Array:
    return x * x.dtype.type(factor)


def sigmoid(x: Array) -> Array:
    # tanh never overflows, whatever x is.
    return 0.5 * np.tanh(0.5 * x) + 0.5


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True, initial=-np.inf))
    return e / e.sum(-1, keepdims=True)


def scale_features(x: Array, factor: Array) -> Array:
    return x * factor[:, None]


def activation_forward(x: Array, activation: ActivationName) -> Array:
    match activation:
        case "linear":
            return x
        case "relu":
            return np.maximum(x, 0)
        case "tanh":
            return np.tanh(x)
        case "sigmoid":
            return sigmoid(x)
        case "hard_sigmoid":
            return np.clip(x / 6 + 0.5, 0, 1)
        case "softmax":
            return softmax(x)


def activation_backward(dy: Array, y: Array, activation: ActivationName) -> Array:
    match activation:
        case "linear":
            return dy
        case "relu":
            return dy * (y > 0)
        case "tanh":
            return dy * (1 - y * y)
        case "sigmoid":
            return dy * y * (1 - y)
        case "hard_sigmoid":
            return dy * ((y > 0) & (y < 1)) / 6
        case "softmax":
            return y * (dy - (dy * y).sum(-1, keepdims=True))


def dropout_forward(x: Array, u: Array, rate: float) -> Array:
    return np.where(u >= rate, x / x.dtype.type(1 - rate), x.dtype.type(0))


def dropout_backward(dy: Array, u: Array, rate: float) -> Array:
    return dropout_forward(dy, u, rate)


# ---- layers


def embedding_forward(tokens: Array, w: Array) -> Array:
    return w[tokens]


def embedding_backward(dy: Array, tokens: Array, dw: Array) -> None:
    np.add.at(dw, tokens.reshape(-1), dy.reshape(-1, dw.shape[1]))


def linear_forward(
    x: Array, w: Array, b: Array | None, activation: ActivationName
) -> tuple[Array, Cache]:
    z = x @ w if b is None else x @ w + b
    y = activation_forward(z, activation)
    return y, (x, w, y, activation)


def linear_backward(
    dy: Array, cache: Cache, dw: Array | None, db: Array | None, need_dx: bool
) -> Array | None:
    x, w, y, activation = cache
    dz = activation_backward(dy, y, activation)
    rows = dz.reshape(-1, w.shape[1])
    if dw is not None:
        dw += x.reshape(-1, w.shape[0]).T @ rows
    if db is not None:
        db += rows.sum(0)
    return dz @ w.T if need_dx else None


def conv1d_forward(
    x: Array,
    w: Array,
    b: Array | None,
    stride: int,
    dilation: int,
    padding: tuple[int, int],
    activation: ActivationName,
) -> tuple[Array, Cache]:
    padded = np.pad(x, ((0, 0), padding, (0, 0)))
    size = w.shape[0]
    steps = max(0, (padded.shape[1] - dilation * (size - 1) - 1) // stride + 1)
    z = np.zeros((x.shape[0], steps, w.shape[2]), x.dtype)
    for k in range(size):
        z += padded[:, _taps(k, steps, stride, dilation)] @ w[k]
    if b is not None:
        z += b
    y = activation_forward(z, activation)
    return y, (padded, w, y, stride, dilation, padding, activation)


def _taps(k: int, steps: int, stride: int, dilation: int) -> slice:
    """The inputs that element k of the kernel meets, one for each output step."""
    return slice(k * dilation, k * dilation + stride * (steps - 1) + 1 if steps else 0, stride)


def conv1d_backward(
    dy: Array, cache: Cache, dw: Array | None, db: Array | None, need_dx: bool
) -> Array | None:
    padded, w, y, stride, dilation, padding, activation = cache
    dz = activation_backward(dy, y, activation)
    dpadded = np.zeros_like(padded)
    for k in range(w.shape[0]):
        taps = _taps(k, dz.shape[1], stride, dilation)
        if dw is not None:
            dw[k] += np.tensordot(padded[:, taps], dz, ((0, 1), (0, 1)))
        if need_dx:
            dpadded[:, taps] += dz @ w[k].T
    if db is not None:
        db += dz.sum((0, 1))
    return dpadded[:, padding[0] : padded.shape[1] - padding[1]] if need_dx else None


def lstm_forward(
    x: Array,
    w: Array,
    r: Array,
    b: Array | None,
    h0: Array | None,
    c0: Array | None,
    mask: Array | None,
    recurrent_mask: Array | None,
    reverse: bool,
    activation: ActivationName,
    recurrent_activation: ActivationName,
    keep_cache: bool,
) -> tuple[Array, Array, Array, Cache]:
    (B, T), H = x.shape[:2], r.shape[0]
    h = np.zeros((B, H), r.dtype) if h0 is None else h0
    c = np.zeros((B, H), r.dtype) if c0 is None else c0
    hs, cs = np.empty((B, T, H), r.dtype), np.empty((B, T, H), r.dtype)
    gates = np.empty((B, T, 4 * H), r.dtype)
    xw = _input_side(x, w, b)

    for t in _order(T, reverse):
        seen = h if recurrent_mask is None else h * recurrent_mask  # (L10)
        z = xw[:, t] + seen @ r  # (L1)
        i = activation_forward(z[:, :H], recurrent_activation)  # (L2)
        f = activation_forward(z[:, H : 2 * H], recurrent_activation)  # (L3)
        g = activation_forward(z[:, 2 * H : 3 * H], activation)  # (L4)
        o = activation_forward(z[:, 3 * H :], recurrent_activation)  # (L5)
        c_new = f * c + i * g  # (L6)
        h_new = o * activation_forward(c_new, activation)  # (L7)
        if mask is not None:  # (L8)
            m = mask[:, t, None]
            c_new, h_new = np.where(m, c_new, c), np.where(m, h_new, h)
        c, h = c_new, h_new
        cs[:, t], hs[:, t] = c, h
        gates[:, t] = np.concatenate((i, f, g, o), 1)

    options = mask, recurrent_mask, reverse, activation, recurrent_activation
    cache = (x, w, r, h0, c0, options, hs, cs, gates)
    return hs, h, c, cache if keep_cache else None


def lstm_backward(
    dy: Array | None,
    dh_n: Array | None,
    dc_n: Array | None,
    cache: Cache,
    dw: Array | None,
    dr: Array | None,
    db: Array | None,
    need_dx: bool,
) -> tuple[Array | None, Array, Array]:
    x, w, r, h0, c0, options, hs, cs, gates = cache
    mask, recurrent_mask, reverse, activation, recurrent_activation = options
    (B, T), H = x.shape[:2], r.shape[0]
    h_prev, c_prev = _before(hs, h0, reverse), _before(cs, c0, reverse)
    dh = np.zeros((B, H), r.dtype) if dh_n is None else dh_n
    dc = np.zeros((B, H), r.dtype) if dc_n is None else dc_n
    dz = np.empty((B, T, 4 * H), r.dtype)

    for t in reversed(_order(T, reverse)):
        i, f, g, o = np.split(gates[:, t], 4, 1)
        if dy is not None:
            dh = dh + dy[:, t]  # (B1)
        dh_in, dc_in = dh, dc
        a = activation_forward(cs[:, t], activation)
        do = dh * a  # (B2)
        dc = dc + activation_backward(dh * o, a, activation)  # (B3)
        di, df, dg = dc * g, dc * c_prev[:, t], dc * i  # (B4)
        dz[:, t, :H] = activation_backward(di, i, recurrent_activation)  # (B5)
        dz[:, t, H : 2 * H] = activation_backward(df, f, recurrent_activation)
        dz[:, t, 2 * H : 3 * H] = activation_backward(dg, g, activation)
        dz[:, t, 3 * H :] = activation_backward(do, o, recurrent_activation)
        dc = dc * f  # (B6)
        if mask is not None:
            dz[:, t] *= mask[:, t, None]
        dh = dz[:, t] @ r.T  # (B7)
        if recurrent_mask is not None:
            dh = dh * recurrent_mask  # (B14)
        if mask is not None:  # (B8)
            m = mask[:, t, None]
            dc, dh = np.where(m, dc, dc_in), np.where(m, dh, dh_in)

    if dw is not None:
        _add_kernel_gradient(dw, x, dz)  # (B9)
    if dr is not None:
        if recurrent_mask is not None:
            h_prev = h_prev * recurrent_mask[:, None]  # (B15)
        dr += _summed_product(h_prev, dz)  # (B10)
    if db is not None:
        db += dz.sum((0, 1))  # (B11)
    dx = dz @ w.T if need_dx and not _tokens(x) else None  # (B12)
    return dx, dh, dc


def rnn_forward(
    x: Array,
    w: Array,
    r: Array,
    b: Array | None,
    h0: Array | None,
    mask: Array | None,
    recurrent_mask: Array | None,
    reverse: bool,
    activation: ActivationName,
    keep_cache: bool,
) -> tuple[Array, Array, Cache]:
    (B, T), H = x.shape[:2], r.shape[0]
    h = np.zeros((B, H), r.dtype) if h0 is None else h0
    hs = np.empty((B, T, H), r.dtype)
    xw = _input_side(x, w, b)

    for t in _order(T, reverse):
        seen = h if recurrent_mask is None else h * recurrent_mask  # (L10)
        z = xw[:, t] + seen @ r  # (R1)
        h_new = activation_forward(z, activation)  # (R2)
        if mask is not None:
            h_new = np.where(mask[:, t, None], h_new, h)  # (R3)
        h = hs[:, t] = h_new

    cache = (x, w, r, h0, mask, recurrent_mask, reverse, activation, hs)
    return hs, h, cache if keep_cache else None


def rnn_backward(
    dy: Array | None,
    dh_n: Array | None,
    cache: Cache,
    dw: Array | None,
    dr: Array | None,
    db: Array | None,
    need_dx: bool,
) -> tuple[Array | None, Array]:
    x, w, r, h0, mask, recurrent_mask, reverse, activation, hs = cache
    (B, T), H = x.shape[:2], r.shape[0]
    h_prev = _before(hs, h0, reverse)
    dh = np.zeros((B, H), r.dtype) if dh_n is None else dh_n
    dz = np.empty((B, T, H), r.dtype)

    for t in reversed(_order(T, reverse)):
        if dy is not None:
            dh = dh + dy[:, t]  # (R4)
        dh_in = dh
        dz[:, t] = activation_backward(dh, hs[:, t], activation)  # (R5)
        if mask is not None:
            dz[:, t] *= mask[:, t, None]
        dh = dz[:, t] @ r.T  # (R6)
        if recurrent_mask is not None:
            dh = dh * recurrent_mask  # (B14)
        if mask is not None:
            dh = np.where(mask[:, t, None], dh, dh_in)  # (R7)

    if dw is not None:
        _add_kernel_gradient(dw, x, dz)  # (R8)
    if dr is not None:
        if recurrent_mask is not None:
            h_prev = h_prev * recurrent_mask[:, None]  # (B15)
        dr += _summed_product(h_prev, dz)  # (R9)
    if db is not None:
        db += dz.sum((0, 1))  # (R10)
    dx = dz @ w.T if need_dx and not _tokens(x) else None  # (R11)
    return dx, dh


def gru_forward(
    x: Array,
    w: Array,
    r: Array,
    b: Array | None,
    h0: Array | None,
    mask: Array | None,
    recurrent_mask: Array | None,
    reverse: bool,
    activation: ActivationName,
    recurrent_activation: ActivationName,
    keep_cache: bool,
) -> tuple[Array, Array, Cache]:
    (B, T), H = x.shape[:2], r.shape[0]
    h = np.zeros((B, H), r.dtype) if h0 is None else h0
    hs, gates = np.empty((B, T, H), r.dtype), np.empty((B, T, 4 * H), r.dtype)
    xw = _input_side(x, w, None if b is None else b[0])

    for t in _order(T, reverse):
        seen = h if recurrent_mask is None else h * recurrent_mask  # (L10)
        q = seen @ r if b is None else seen @ r + b[1]  # (G1)
        z_us = xw[:, t, : 2 * H] + q[:, : 2 * H]  # (G2)
        u = activation_forward(z_us[:, :H], recurrent_activation)  # (G3)
        s = activation_forward(z_us[:, H:], recurrent_activation)  # (G4)
        z_g = xw[:, t, 2 * H :] + s * q[:, 2 * H :]  # (G2)
        g = activation_forward(z_g, activation)  # (G5)
        h_new = u * h + (1 - u) * g  # (G6)
        if mask is not None:
            h_new = np.where(mask[:, t, None], h_new, h)  # (G7)
        h = hs[:, t] = h_new
        gates[:, t] = np.concatenate((u, s, g, q[:, 2 * H :]), 1)

    options = mask, recurrent_mask, reverse, activation, recurrent_activation
    cache = (x, w, r, h0, options, hs, gates)
    return hs, h, cache if keep_cache else None


def gru_backward(
    dy: Array | None,
    dh_n: Array | None,
    cache: Cache,
    dw: Array | None,
    dr: Array | None,
    db: Array | None,
    need_dx: bool,
) -> tuple[Array | None, Array]:
    x, w, r, h0, options, hs, gates = cache
    mask, recurrent_mask, reverse, activation, recurrent_activation = options
    (B, T), H = x.shape[:2], r.shape[0]
    h_prev = _before(hs, h0, reverse)
    dh = np.zeros((B, H), r.dtype) if dh_n is None else dh_n
    dz, dq = np.empty((B, T, 3 * H), r.dtype), np.empty((B, T, 3 * H), r.dtype)

    for t in reversed(_order(T, reverse)):
        u, s, g, q_g = np.split(gates[:, t], 4, 1)
        if dy is not None:
            dh = dh + dy[:, t]  # (G8)
        dh_in = dh
        du, dg = dh * (h_prev[:, t] - g), dh * (1 - u)  # (G9)
        dz_g = activation_backward(dg, g, activation)
        ds = dz_g * q_g  # (G10)
        dz[:, t, :H] = activation_backward(du, u, recurrent_activation)  # (G11)
        dz[:, t, H : 2 * H] = activation_backward(ds, s, recurrent_activation)
        dz[:, t, 2 * H :] = dz_g
        if mask is not None:
            dz[:, t] *= mask[:, t, None]
        dq[:, t, : 2 * H] = dz[:, t, : 2 * H]  # (G12)
        dq[:, t, 2 * H :] = s * dz[:, t, 2 * H :]
        back = dq[:, t] @ r.T
        if recurrent_mask is not None:
            back = back * recurrent_mask  # (B14)
        dh = dh * u + back  # (G13)
        if mask is not None:
            dh = np.where(mask[:, t, None], dh, dh_in)  # (G14)

    if dw is not None:
        _add_kernel_gradient(dw, x, dz)  # (G15)
    if dr is not None:
        if recurrent_mask is not None:
            h_prev = h_prev * recurrent_mask[:, None]  # (B15)
        dr += _summed_product(h_prev, dq)  # (G16)
    if db is not None:
        db += np.stack((dz.sum((0, 1)), dq.sum((0, 1))))  # (G17)
    dx = dz @ w.T if need_dx and not _tokens(x) else None  # (G18)
    return dx, dh


def _tokens(x: Array) -> bool:
    """Whether `x` holds tokens (B, T) rather than vectors (B, T, D)."""
    return x.ndim == 2


def _input_side(x: Array, w: Array, b: Array | None) -> Array:
    """x·w + b of all steps; for tokens, x being rows of the identity, rows of w."""
    xw = w[x] if _tokens(x) else x @ w
    return xw if b is None else xw + b


def _add_kernel_gradient(dw: Array, x: Array, dz: Array) -> None:
    """dw += Σ x_tᵀ·dz_t."""
    if _tokens(x):
        np.add.at(dw, x, dz)
    else:
        dw += _summed_product(x, dz)


def _summed_product(x: Array, dz: Array) -> Array:
    """Σ x_tᵀ·dz_t over all steps and sequences."""
    return x.reshape(-1, x.shape[2]).T @ dz.reshape(-1, dz.shape[2])


def _order(T: int, reverse: bool) -> range:
    """The time steps in the order in which they are computed."""
    return range(T - 1, -1, -1) if reverse else range(T)


def _before(states: Array, initial: Array | None, reverse: bool) -> Array:
    """For each step of `states` (B, T, H), the state that it started from."""
    B, _, H = states.shape
    first = np.zeros((B, 1, H), states.dtype) if initial is None else initial[:, None]
    if reverse:
        return np.concatenate((states, first), 1)[:, 1:]
    return np.concatenate((first, states), 1)[:, :-1]


# ---- losses


def softmax_cross_entropy_forward(
    z: Array, target: Array, weight: Array | None
) -> tuple[float, Cache]:
    shifted = z - z.max(-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    target, weight = _distribution(z, target), _weights(z[..., 0], weight)
    return float(-(weight * (target * log_p).sum(-1)).sum()), (log_p, target, weight)


def softmax_cross_entropy_backward(cache: Cache) -> Array:
    log_p, target, weight = cache
    p = np.exp(log_p)
    return weight[..., None] * (p * target.sum(-1, keepdims=True) - target)


def linear_softmax_cross_entropy(
    x: Array,
    w: Array,
    b: Array | None,
    target: Array,
    weight: Array | None,
    dw: Array | None,
    db: Array | None,
    need_dx: bool,
) -> tuple[float, Array | None]:
    z, linear = linear_forward(x, w, b, "linear")
    loss, cache = softmax_cross_entropy_forward(z, target, weight)
    dz = softmax_cross_entropy_backward(cache)
    return loss, linear_backward(dz, linear, dw, db, need_dx)


def cross_entropy_forward(p: Array, target: Array, weight: Array | None) -> tuple[float, Cache]:
    total = p.sum(-1, keepdims=True)
    total = np.where(total == 0, np.inf, total)
    target, weight = _distribution(p, target), _weights(p[..., 0], weight)
    q, inside = _limited(p / total)  # (E1)
    loss = -(weight * (target * np.log(q)).sum(-1)).sum()  # (E2)
    return float(loss), (q, inside, total, target, weight)


def cross_entropy_backward(cache: Cache) -> Array:
    q, inside, total, target, weight = cache
    dq = -weight[..., None] * target / q * inside  # (E3)
    return (dq - (dq * q).sum(-1, keepdims=True)) / total  # (E4)


def pointwise_loss_forward(
    loss: PointwiseLossName, y: Array, target: Array, weight: Array | None, delta: float
) -> tuple[float, Cache]:
    error, weight = y - target, _weights(y, weight)
    match loss:
        case "squared_error":
            value, slope = error**2, 2 * error
        case "absolute_error":
            value, slope = np.abs(error), np.sign(error)
        case "huber":
            slope = np.clip(error, -delta, delta)
            value = slope * (error - slope / 2)
        case "binary_cross_entropy":
            q, inside = _limited(y)
            value = -target * np.log(q) - (1 - target) * np.log(1 - q)
            slope = ((1 - target) / (1 - q) - target / q) * inside
        case "sigmoid_cross_entropy":
            value = np.logaddexp(0, y) - target * y
            slope = sigmoid(y) - target
    return float((weight * value).sum()), weight * slope


def pointwise_loss_backward(cache: Cache) -> Array:
    return cache


def _limited(q: Array) -> tuple[Array, Array]:
    """q with neither it nor 1 - q too small for a loss; and where that changed nothing."""
    least, most = q.dtype.type(1e-7), q.dtype.type(1 - 1e-7)
    return np.clip(q, least, most), (q >= least) & (q <= most)


def _weights(positions: Array, weight: Array | None) -> Array:
    if weight is not None:
        return weight
    return np.full(positions.shape, 1 / max(1, positions.size), positions.dtype)


def _distribution(z: Array, target: Array) -> Array:
    """Integer targets (...) as one-hot rows (..., V); distributions as they are."""
    if target.ndim == z.ndim:
        return target
    rows = np.zeros(z.shape, z.dtype)
    np.put_along_axis(rows, target[..., None], 1, -1)
    return rows


# ---- optimizers


def clip_by_global_norm(g: Array, max_norm: float) -> float:
    wide = g.astype(np.float64)  # in float32 the square of an exploding gradient overflows
    norm = float(np.sqrt(wide @ wide))
    if norm > max_norm:
        g *= max_norm / norm
    return norm


def sgd_step(p: Array, g: Array, v: Array, lr: float, momentum: float, nesterov: bool) -> None:
    v *= momentum
    v -= lr * g  # (O1)
    p += momentum * v - lr * g if nesterov else v  # (O2)


def rmsprop_step(
    p: Array,
    g: Array,
    s: Array,
    m: Array | None,
    v: Array | None,
    lr: float,
    rho: float,
    momentum: float,
    eps: float,
) -> None:
    s *= rho
    s += (1 - rho) * g * g  # (O3)
    spread = s
    if m is not None:
        m *= rho
        m += (1 - rho) * g
        spread = np.maximum(s - m * m, 0)  # rounding may take it below
    step = lr * g / np.sqrt(spread + eps)  # (O4)
    if v is not None:
        v *= momentum
        v += step
        step = v
    p -= step


def adam_step(
    p: Array,
    g: Array,
    m: Array,
    s: Array,
    step: int,
    lr: float,
    beta_1: float,
    beta_2: float,
    eps: float,
    weight_decay: float,
) -> None:
    if weight_decay:
        p *= 1 - lr * weight_decay  # (O5)
    m *= beta_1
    m += (1 - beta_1) * g  # (O6)
    s *= beta_2
    s += (1 - beta_2) * g * g  # (O3)
    unbiased = lr * math.sqrt(1 - beta_2**step) / (1 - beta_1**step)
    p -= unbiased * m / (np.sqrt(s) + eps)  # (O7)


# ---- generation


def sample(
    z: Array, u: NDArray[Any], recent: NDArray[np.int64], choice: Choice
) -> NDArray[np.int64]:
    z = _penalized(z, recent, choice.repetition_penalty)
    ranked = np.argsort(-z, axis=-1, kind="stable")
    if choice.temperature == 0:
        return ranked[:, 0]
    p = softmax(np.take_along_axis(z, ranked, -1).astype(np.float64) / choice.temperature)
    if choice.top_k:
        p[:, choice.top_k :] = 0
        p /= p.sum(-1, keepdims=True)
    before = np.cumsum(p, -1) - p
    p[(before >= choice.top_p) | (p < choice.min_p * p[:, :1])] = 0
    cumulative = np.cumsum(p, -1)
    rank = (cumulative <= u[:, None] * cumulative[:, -1:]).sum(-1)
    return np.take_along_axis(ranked, rank[:, None], -1)[:, 0]


def _penalized(z: Array, recent: NDArray[np.int64], penalty: float) -> Array:
    """Logits z (B, V), those of recent tokens (B, W) made less probable."""
    z = z.copy()
    for row, tokens in zip(z, recent, strict=True):
        repeated = np.unique(tokens[tokens >= 0])
        row[repeated] = np.where(
            row[repeated] > 0, row[repeated] / penalty, row[repeated] * penalty
        )
    return z


def generate(
    tokens: Array,
    embedding: Array,
    layers: Sequence[LSTMWeights],
    w: Array,
    b: Array | None,
    states: Sequence[State],
    recent: NDArray[np.int64],
    u: NDArray[Any],
    choice: Choice,
) -> tuple[NDArray[np.int64], list[State]]:
    drawn = np.empty(u.shape, np.int64)
    states = list(states)
    for n in range(u.shape[1]):
        x = embedding_forward(tokens, embedding)[:, None]
        for k, (weights, (h, c)) in enumerate(zip(layers, states, strict=True)):
            x, h, c, _ = lstm_forward(
                x, *weights, h, c, None, None, False, "tanh", "sigmoid", keep_cache=False
            )
            states[k] = h, c
        z, _ = linear_forward(x[:, 0], w, b, "linear")
        tokens = drawn[:, n] = sample(z, u[:, n], recent, choice)
        if recent.shape[1]:
            recent = np.concatenate([recent[:, 1:], tokens[:, None]], 1)
    return drawn, states
