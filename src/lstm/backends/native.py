"""The contract in C++: float32, on as many threads as there are cores to use.

Allocates the arrays and calls the kernels of `cpp/`. What each function means is said in
`lstm.backends.ops`, and line by line in `lstm.backends.reference`.
"""

import math
import os
import sys
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.backends import _kernels, reference
from lstm.backends.cores import usable_cores
from lstm.backends.ops import ActivationName, Cache, Choice, LSTMWeights, PointwiseLossName, State
from lstm.errors import InvalidValueError

Array = NDArray[Any]

NAME = "native"
DTYPES = ("float32",)

# Moving numbers about without computing is NumPy's own business.
add = reference.add
assign = reference.assign
concatenate = reference.concatenate
fill = reference.fill
flip = reference.flip
multiply = reference.multiply
repeat = reference.repeat
reshape = reference.reshape
scale = reference.scale
slice_backward = reference.slice_backward
slice_forward = reference.slice_forward
split = reference.split
sum = reference.sum
to_numpy = reference.to_numpy
transpose = reference.transpose
zeros = reference.zeros

_ACTIVATIONS = {name: code for code, name in enumerate(get_args(ActivationName))}
_LOSSES = {name: code for code, name in enumerate(get_args(PointwiseLossName))}


def array(values: Array) -> Array:
    # The kernels read contiguous and aligned memory: what is not is copied here, once.
    flags = values.flags
    return values if flags.c_contiguous and flags.aligned else values.copy()


def _tokens(x: Array) -> Array:
    """Tokens in one row, contiguous."""
    return np.ascontiguousarray(x).reshape(-1)


def _rows(x: Array) -> Array:
    """(..., N) as (rows, N)."""
    return x.reshape(-1, x.shape[-1]) if x.shape[-1] else x.reshape(0, 0)


def _empty(shape: tuple[int, ...]) -> Array:
    # Large arrays come from memory that is kept for the next step.
    if math.prod(shape) < 1 << 18:
        return np.empty(shape, np.float32)
    return _kernels.empty(shape)


def _like(x: Array) -> Array:
    return _empty(x.shape)


def scale_features(x: Array, factor: Array) -> Array:
    y = _like(x)
    _kernels.scale_features(x, factor, y)
    return y


def activation_forward(x: Array, activation: ActivationName) -> Array:
    if activation == "linear":
        return x
    y = _like(x)
    _kernels.activation_forward(_rows(x), _ACTIVATIONS[activation], _rows(y))
    return y


def activation_backward(dy: Array, y: Array, activation: ActivationName) -> Array:
    if activation == "linear":
        return dy
    dx = _like(y)
    _kernels.activation_backward(_rows(dy), _rows(y), _ACTIVATIONS[activation], _rows(dx))
    return dx


def dropout_forward(x: Array, u: Array, rate: float) -> Array:
    y = _like(x)
    _kernels.dropout(x.reshape(-1), u.reshape(-1), rate, y.reshape(-1))
    return y


def dropout_backward(dy: Array, u: Array, rate: float) -> Array:
    return dropout_forward(dy, u, rate)


def embedding_forward(tokens: Array, w: Array) -> Array:
    y = _empty((*tokens.shape, w.shape[1]))
    _kernels.embedding_forward(_tokens(tokens), w, y.reshape(-1, w.shape[1]))
    return y


def embedding_backward(dy: Array, tokens: Array, dw: Array) -> None:
    _kernels.embedding_backward(dy.reshape(-1, dw.shape[1]), _tokens(tokens), dw)


def linear_forward(
    x: Array, w: Array, b: Array | None, activation: ActivationName
) -> tuple[Array, Cache]:
    D, F = w.shape
    y = _empty((*x.shape[:-1], F))
    _kernels.linear_forward(x.reshape(-1, D), w, b, _ACTIVATIONS[activation], y.reshape(-1, F))
    return y, (x, w, y, activation)


def linear_backward(
    dy: Array, cache: Cache, dw: Array | None, db: Array | None, need_dx: bool
) -> Array | None:
    x, w, y, activation = cache
    D, F = w.shape
    dx = _like(x) if need_dx else None
    _kernels.linear_backward(
        dy.reshape(-1, F),
        x.reshape(-1, D),
        w,
        y.reshape(-1, F),
        _ACTIVATIONS[activation],
        None if activation == "linear" else _empty((y.size // F, F)),
        dw,
        db,
        None if dx is None else dx.reshape(-1, D),
    )
    return dx


def conv1d_forward(
    x: Array,
    w: Array,
    b: Array | None,
    stride: int,
    dilation: int,
    padding: tuple[int, int],
    activation: ActivationName,
) -> tuple[Array, Cache]:
    steps = max(
        0, (x.shape[1] + padding[0] + padding[1] - dilation * (len(w) - 1) - 1) // stride + 1
    )
    y = _empty((len(x), steps, w.shape[2]))
    code = _ACTIVATIONS[activation]
    _kernels.conv1d_forward(x, w, b, stride, dilation, padding[0], code, y)
    return y, (x, w, y, stride, dilation, padding, activation)


def conv1d_backward(
    dy: Array, cache: Cache, dw: Array | None, db: Array | None, need_dx: bool
) -> Array | None:
    x, w, y, stride, dilation, padding, activation = cache
    dx = _like(x) if need_dx else None
    dz = None if activation == "linear" else _like(y)
    code = _ACTIVATIONS[activation]
    _kernels.conv1d_backward(dy, x, w, y, stride, dilation, padding[0], code, dz, dw, db, dx)
    return dx


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
    gates = _empty((B, T, 4 * H)) if keep_cache else None
    masked_h = None if recurrent_mask is None else _empty((B, T, H))
    c, y = _empty((B, T, H) if keep_cache else (B, H)), _empty((B, T, H))
    vectors, tokens = (None, np.ascontiguousarray(x)) if x.ndim == 2 else (x, None)
    codes = _ACTIVATIONS[activation], _ACTIVATIONS[recurrent_activation]
    options = mask, recurrent_mask, reverse, *codes
    _kernels.lstm_forward(vectors, tokens, w, r, b, h0, c0, *options, gates, masked_h, c, y)
    if T:
        last = 0 if reverse else T - 1
        h_n, c_n = y[:, last].copy(), c[:, last].copy() if keep_cache else c
    else:
        h_n = np.zeros((B, H), np.float32) if h0 is None else h0
        c_n = np.zeros((B, H), np.float32) if c0 is None else c0
    if not keep_cache:
        return y, h_n, c_n, None
    return y, h_n, c_n, (vectors, tokens, w, r, h0, c0, *options, gates, masked_h, c, y)


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
    x, y = cache[0], cache[-1]
    B, _, H = y.shape
    dh, dc = (_gradient_of_state(d, (B, H)) for d in (dh_n, dc_n))
    dx = _like(x) if need_dx and x is not None else None
    _kernels.lstm_backward(*(*cache, dy, dh, dc, dw, dr, db, dx))
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
    y, masked_h = _empty((B, T, H)), None if recurrent_mask is None else _empty((B, T, H))
    vectors, tokens = (None, np.ascontiguousarray(x)) if x.ndim == 2 else (x, None)
    h0 = np.zeros((B, H), np.float32) if h0 is None else h0
    options = mask, recurrent_mask, reverse, _ACTIVATIONS[activation]
    _kernels.rnn_forward(vectors, tokens, w, r, b, h0, *options, masked_h, y)
    cache = (vectors, tokens, w, r, h0, *options, masked_h, y)
    return y, _last_state(y, h0, reverse), cache if keep_cache else None


def rnn_backward(
    dy: Array | None,
    dh_n: Array | None,
    cache: Cache,
    dw: Array | None,
    dr: Array | None,
    db: Array | None,
    need_dx: bool,
) -> tuple[Array | None, Array]:
    x, h0, y = cache[0], cache[4], cache[-1]
    dh = _gradient_of_state(dh_n, h0.shape)
    dx = _like(x) if need_dx and x is not None else None
    _kernels.rnn_backward(*(*cache, dy, dh, _like(y), dw, dr, db, dx))
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
    y, masked_h = _empty((B, T, H)), None if recurrent_mask is None else _empty((B, T, H))
    gates = _empty((B, T, 4 * H))
    vectors, tokens = (None, np.ascontiguousarray(x)) if x.ndim == 2 else (x, None)
    h0 = np.zeros((B, H), np.float32) if h0 is None else h0
    codes = _ACTIVATIONS[activation], _ACTIVATIONS[recurrent_activation]
    options = mask, recurrent_mask, reverse, *codes
    _kernels.gru_forward(vectors, tokens, w, r, b, h0, *options, gates, masked_h, y)
    cache = (vectors, tokens, w, r, h0, *options, gates, masked_h, y)
    return y, _last_state(y, h0, reverse), cache if keep_cache else None


def gru_backward(
    dy: Array | None,
    dh_n: Array | None,
    cache: Cache,
    dw: Array | None,
    dr: Array | None,
    db: Array | None,
    need_dx: bool,
) -> tuple[Array | None, Array]:
    x, h0 = cache[0], cache[4]
    dh = _gradient_of_state(dh_n, h0.shape)
    dx = _like(x) if need_dx and x is not None else None
    _kernels.gru_backward(*(*cache, dy, dh, dw, dr, db, dx))
    return dx, dh


def _last_state(y: Array, h0: Array, reverse: bool) -> Array:
    """h_n, an array of its own; h0 where there are no steps."""
    return y[:, 0 if reverse else -1].copy() if y.shape[1] else h0


def _gradient_of_state(d: Array | None, shape: tuple[int, ...]) -> Array:
    """A copy that the kernel may change."""
    return np.zeros(shape, np.float32) if d is None else np.array(d, order="C")


def _flat(
    z: Array, target: Array, weight: Array | None
) -> tuple[Array | None, Array | None, Array | None]:
    """Classes, rows and weights by position, as the kernels take them; two may be None."""
    weights = None if weight is None else weight.reshape(-1)
    if target.ndim == z.ndim:
        return None, target.reshape(-1, target.shape[-1]), weights
    return _tokens(target), None, weights


def softmax_cross_entropy_forward(
    z: Array, target: Array, weight: Array | None
) -> tuple[float, Cache]:
    log_p, flat = _like(z), _flat(z, target, weight)
    loss = _kernels.softmax_cross_entropy_forward(_rows(z), *flat, _rows(log_p))
    return loss, (log_p, *flat)


def softmax_cross_entropy_backward(cache: Cache) -> Array:
    log_p, classes, rows, weights = cache
    dz = _like(log_p)
    _kernels.softmax_cross_entropy_backward(_rows(log_p), classes, rows, weights, _rows(dz))
    return dz


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
    D, V = w.shape
    dx = _like(x) if need_dx else None
    positions = x.size // D
    z = _empty((_rows_at_once(positions, V), _kernels.logits_pitch(V)))
    loss = _kernels.linear_cross_entropy(
        x.reshape(-1, D),
        w,
        b,
        *_flat(x, target, weight),
        z,
        dw,
        db,
        None if dx is None else dx.reshape(-1, D),
    )
    return loss, dx


def _rows_at_once(rows: int, V: int) -> int:
    """Rows of V logits in a chunk.

    As many as the second-level cache holds, and at least so many that reading and writing weights
    and gradients for each chunk costs less than a tenth of the products.
    """
    return max(1, min(rows, max(256, (1 << 17) // V)))


def cross_entropy_forward(p: Array, target: Array, weight: Array | None) -> tuple[float, Cache]:
    flat = _flat(p, target, weight)
    return _kernels.cross_entropy_forward(_rows(p), *flat), (p, *flat)


def cross_entropy_backward(cache: Cache) -> Array:
    p, classes, rows, weights = cache
    dp = _like(p)
    _kernels.cross_entropy_backward(_rows(p), classes, rows, weights, _rows(dp))
    return dp


def pointwise_loss_forward(
    loss: PointwiseLossName, y: Array, target: Array, weight: Array | None, delta: float
) -> tuple[float, Cache]:
    dy = _like(y)
    weights = None if weight is None else weight.reshape(-1)
    value = _kernels.pointwise_loss(
        _LOSSES[loss], y.reshape(-1), target.reshape(-1), weights, delta, dy.reshape(-1)
    )
    return value, dy


def pointwise_loss_backward(cache: Cache) -> Array:
    return cache


def clip_by_global_norm(g: Array, max_norm: float) -> float:
    return _kernels.clip_by_global_norm(g, max_norm)


def sgd_step(p: Array, g: Array, v: Array, lr: float, momentum: float, nesterov: bool) -> None:
    _kernels.sgd_step(p, g, v, lr, momentum, nesterov)


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
    _kernels.rmsprop_step(p, g, s, m, v, lr, rho, momentum, eps)


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
    _kernels.adam_step(p, g, m, s, step, lr, beta_1, beta_2, eps, weight_decay)


def sample(
    z: Array, u: NDArray[Any], recent: NDArray[np.int64], choice: Choice
) -> NDArray[np.int64]:
    drawn = np.empty(len(z), np.int64)
    _kernels.sample(z, u, np.ascontiguousarray(recent), *choice, drawn)
    return drawn


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
    after: list[State] = [(np.array(h, order="C"), np.array(c, order="C")) for h, c in states]
    kernels, recurrents, biases = (list(part) for part in zip(*layers, strict=True))
    hs, cs = (list(part) for part in zip(*after, strict=True))
    _kernels.generate(
        _tokens(tokens),
        embedding,
        kernels,
        recurrents,
        biases,
        hs,
        cs,
        w,
        b,
        np.ascontiguousarray(recent),
        u,
        *choice,
        drawn,
    )
    return drawn, after


# ---- the machine


def instruction_set() -> str:
    """The instruction set that the kernels use: "baseline", "avx2" or "avx512"."""
    return _kernels.instruction_set()


def num_threads() -> int:
    """Number of threads that the kernels run on."""
    return _kernels.num_threads()


def set_num_threads(count: int) -> None:
    """Choose the number of threads that the kernels run on.

    The results are the same bits for any number. At first it is the number of cores, or what the
    environment variable `LSTM_NUM_THREADS` says. Cores are those that the process may use: others
    than it may run on (`taskset`), or than the quota of its container is worth, do not count.

    Args:
        count: at least 1; more than there are cores would only wait for each other, and count as so
            many.

    Raises:
        InvalidTypeError, InvalidValueError: it is not such a number.

    Example:
        >>> import lstm
        >>> lstm.set_num_threads(1)
        >>> lstm.num_threads()
        1
    """
    _kernels.set_num_threads(min(checks.positive_int("count", count), usable_cores()))


def _asked_for() -> int:
    """The number of threads that the environment asks for; as many as there can be if none."""
    text = os.environ.get("LSTM_NUM_THREADS")
    try:
        count = int(text) if text else sys.maxsize
    except ValueError:
        count = 0
    if count < 1:
        raise InvalidValueError("LSTM_NUM_THREADS", "a whole number of at least 1", repr(text))
    return count


set_num_threads(_asked_for())
