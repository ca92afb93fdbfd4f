"""Interpreter: runs an instruction list in NumPy, one instruction after the other.

What each instruction computes is said with the operations of the contract: it writes to its outputs
what they return. A cache of the contract becomes what an instruction leaves in arrays for the
backward pass.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import (
    CELLS,
    ActivationName,
    CellName,
    FunctionName,
    Given,
    InstructionList,
    Key,
    Ops,
    Place,
    PointwiseLossName,
    Quantized,
    RecurrentSpec,
    RecurrentWeights,
)
from lstm.backends.contract.optimizers import OptimizerOps
from lstm.backends.lanes import into_lanes, out_of_lanes
from lstm.backends.numpy_quantization import unpacked
from lstm.backends.reference.recurrent import states_before

Array = NDArray[Any]

_ACTIVATIONS = get_args(ActivationName)
_FUNCTIONS = get_args(FunctionName)
_LOSSES = get_args(PointwiseLossName)

_OPTIMIZERS = [name for name in vars(OptimizerOps) if not name.startswith("_")]
"""Operations that are instructions as they are."""

_RECURRENT = re.compile(
    r"(?P<int8>int8_)?(framed_|inference_)?(?P<cell>lstm|gru|rnn)(_(?P<bits>\d+))?_(?P<way>forward|backward)"
)
"""The names of the recurrent instructions; `bits` are the options of the cell."""


def run(
    listed: InstructionList, passed: Sequence[Array], numbers: Sequence[float], ops: Ops
) -> list[float]:
    """Run a list once.

    Args:
        listed: the list; the arrays that it keeps are changed in place.
        passed: the inputs, and the arrays that the outputs are written to.
        numbers: those that a run passes.
        ops: the operations.

    Returns:
        The numbers that instructions returned, up to where it ended.
    """
    # Whatever reads memory that nothing wrote gets NaN.
    arena = np.full(listed.arena_bytes, 0xFF, np.uint8)
    buffers = [arena, *(array.reshape(-1).view(np.uint8) for array in (*listed.kept, *passed))]

    def value(x: Any) -> Any:
        if isinstance(x, Place):
            size = np.dtype(x.dtype).itemsize * int(np.prod(x.shape))
            part = buffers[x.buffer][x.offset : x.offset + size]
            return part.view(x.dtype).reshape(x.shape)
        return numbers[x.number] if isinstance(x, Given) else x

    instructions, returned = Instructions(ops), []
    for name, arguments, most, where in listed.instructions:
        if where is not None and not value(where):
            continue
        result = instructions.find(name)(*map(value, arguments))
        if result is not None:
            returned.append(result)
            if most is not None and not abs(result) < value(most):
                break
    return returned


class Instructions:
    """The instructions, by name, as methods that write to their last arguments.

    Args:
        ops: the operations that compute them.
    """

    def __init__(self, ops: Ops) -> None:
        self._ops = ops
        for name in _OPTIMIZERS:
            setattr(self, name, getattr(ops, name))

    def find(self, name: str) -> Callable[..., float | None]:
        """Return the function of an instruction."""
        found = _RECURRENT.fullmatch(name)
        if found is None:
            return getattr(self, name)
        cell: Any = found["cell"]
        bits = int(found["bits"] or 0)
        options = tuple(o for k, o in enumerate(CELLS[cell].options) if bits >> k & 1)
        way = f"{found['int8'] or ''}recurrent_{found['way']}"
        return partial(getattr(self, way), cell, options)

    # ---- arrays

    def fill(self, value: float, y: Array) -> None:
        y[...] = value

    def add(self, x: Array, y: Array) -> None:
        y += x

    def multiply(self, a: Array, b: Array, y: Array) -> None:
        y[...] = a * b

    def scale(self, x: Array, factor: float, y: Array) -> None:
        y[...] = x * x.dtype.type(factor)

    def gather(self, x: Array, index: Array, y: Array) -> None:
        y[...] = x[:, index]

    def scatter(self, x: Array, index: Array, y: Array) -> None:
        y[:, index] = x

    def scatter_add(self, x: Array, index: Array, y: Array) -> None:
        np.add.at(y.swapaxes(0, 1), index, x.swapaxes(0, 1))

    def transpose(self, x: Array, y: Array) -> None:
        y[...] = x.swapaxes(1, 2)

    # ---- arithmetic

    def matmul(self, x: Array, y: Array, z: Array) -> None:
        z[...] = self._ops.matmul(x, y, False, False)

    def matmul_x_transposed(self, x: Array, y: Array, z: Array) -> None:
        z[...] = self._ops.matmul(x, y, True, False)

    def matmul_y_transposed(self, x: Array, y: Array, z: Array) -> None:
        z[...] = self._ops.matmul(x, y, False, True)

    def elementwise_forward(
        self, function: int, x: Array, y: Array | None, number: float, z: Array
    ) -> None:
        z[...] = self._ops.elementwise_forward(_FUNCTIONS[function], x, y, number)

    def elementwise_backward(self, function: int, *arguments: Any) -> None:
        dz, x, y, number, z, dx, dy = arguments
        found = self._ops.elementwise_backward(
            _FUNCTIONS[function], dz, x, y, number, z, dx is not None, dy is not None
        )
        for out, gradient in zip((dx, dy), found, strict=True):
            _write(out, np.zeros_like(out) if gradient is None else gradient)

    def sum(self, x: Array, y: Array) -> None:
        y[...] = self._ops.sum(x, 1)

    def max(self, x: Array, y: Array) -> None:
        y[...] = self._ops.max(x, 1)

    def cumulative_sum(self, x: Array, reverse: bool, y: Array) -> None:
        y[...] = self._ops.cumulative_sum(x, 1, reverse)

    def numbers(self, tokens: Array, y: Array) -> None:
        y[...] = self._ops.numbers(tokens, str(y.dtype))

    def one_hot(self, tokens: Array, y: Array) -> None:
        y[...] = self._ops.one_hot(tokens, y.shape[-1], str(y.dtype))

    # ---- layers

    def activation_forward(self, x: Array, activation: int, y: Array) -> None:
        y[...] = self._ops.activation_forward(x, _ACTIVATIONS[activation])

    def activation_backward(self, dy: Array, y: Array, activation: int, dx: Array) -> None:
        dx[...] = self._ops.activation_backward(dy, y, _ACTIVATIONS[activation])

    def dropout(self, x: Array | None, seed: int, draw: int, rate: float, y: Array) -> None:
        y[...] = self._ops.dropout(np.ones_like(y) if x is None else x, Key(seed, draw), rate)

    def uniform(self, seed: int, draw: int, y: Array) -> None:
        y[...] = self._ops.uniform(y.shape, Key(seed, draw), str(y.dtype))

    def scale_features(self, x: Array, factor: Array, y: Array) -> None:
        y[...] = self._ops.scale_features(x, factor)

    def embedding_forward(self, tokens: Array, w: Array, y: Array) -> None:
        y[...] = self._ops.embedding_forward(tokens, w)

    def embedding_backward(self, dy: Array, tokens: Array, dw: Array) -> None:
        self._ops.embedding_backward(dy, tokens, dw)

    def pack_panels(self, w: Array, packed: Array) -> None:
        """Leave it: the operations here read weights as they are."""

    def pack_gates(self, w: Array, packed: Array) -> None:
        """Leave it, too."""

    def pack_table(self, w: Array, b: Array | None, packed: Array) -> None:
        """Leave it, too."""

    def linear_forward(
        self,
        x: Array,
        w: Array | Quantized,
        packed: Array | None,
        b: Array | None,
        activation: int,
        y: Array,
    ) -> None:
        y[...], _ = self._ops.linear_forward(x, w, b, _ACTIVATIONS[activation])

    def linear_backward(self, *arguments: Any) -> None:
        dy, x, w, y, activation, _, dw, db, dx = arguments
        cache = x, w, y, _ACTIVATIONS[activation]
        _write(dx, self._ops.linear_backward(dy, cache, dw, db, dx is not None))

    def conv1d_forward(self, *arguments: Any) -> None:
        x, w, b, stride, dilation, before, activation, y = arguments
        padding = before, _after(x, w, stride, dilation, before, y)
        name = _ACTIVATIONS[activation]
        y[...], _ = self._ops.conv1d_forward(x, w, b, stride, dilation, padding, name)

    def conv1d_backward(self, *arguments: Any) -> None:
        dy, x, w, y, stride, dilation, before, activation, _, dw, db, dx = arguments
        padding = before, _after(x, w, stride, dilation, before, y)
        padded = np.pad(x, ((0, 0), padding, (0, 0)))
        cache = padded, w, y, stride, dilation, padding, _ACTIVATIONS[activation]
        _write(dx, self._ops.conv1d_backward(dy, cache, dw, db, dx is not None))

    # ---- recurrent layers

    def recurrent_forward(self, cell: CellName, options: tuple[str, ...], *arguments: Any) -> None:
        x, tokens, w, r, _, _, b, h0, c0, lengths, recurrent_mask = arguments[:11]
        *codes, gates, masked_h, c, y = arguments[11:]
        spec = _spec(cell, options, *codes)
        given: Any = tokens if x is None else x
        state = [h0, c0][: len(spec.layout.states)]
        weights = RecurrentWeights(w, r, b)
        y[...], last, cache = self._ops.recurrent_forward(
            spec, given, weights, state, _real(lengths, y), recurrent_mask, True
        )
        *_, first, _, _, states, kept = cache
        if c is not None:
            c[...] = last[1] if c.ndim == 2 else states[1]
        if gates is not None:
            steps = [np.concatenate([at_t[k] for k in _letters(spec)], 1) for at_t in kept]
            gates[...] = np.stack(steps, 1)
        if masked_h is not None:
            seen = states_before(y, first[0], spec.reverse)
            masked_h[...] = seen * recurrent_mask[:, None]

    def recurrent_backward(self, cell: CellName, options: tuple[str, ...], *arguments: Any) -> None:
        x, tokens, w, r, h0, c0, lengths, recurrent_mask, *codes = arguments[:11]
        gates, _, c, y, dy, dh, dc, *gradients, dx = arguments[11:]
        spec = _spec(cell, options, *codes)
        (_, T, H), count = y.shape, len(spec.layout.states)
        first = tuple(np.zeros_like(dh) if part is None else part for part in (h0, c0)[:count])
        states = (y, c)[:count]
        of_gates = dict(zip(_letters(spec), np.split(gates, gates.shape[2] // H, 2), strict=False))
        kept = [{k: of_gates[k][:, t] for k in _order(spec)} for t in range(T)]
        given: Any = tokens if x is None else x
        weights = RecurrentWeights(w, r, None)
        cache = spec, given, weights, first, _real(lengths, y), recurrent_mask, states, kept
        dstate = (dh, dc)[:count]
        found, d = self._ops.recurrent_backward(
            dy, dstate, cache, RecurrentWeights(*gradients), dx is not None
        )
        _write(dx, found)
        for out, part in zip(dstate, d, strict=True):
            _write(out, part)

    def lanes_lstm_forward(self, *arguments: Any) -> None:
        *given, kept, masked_h, c, y = arguments
        (B, T, H), reverse = y.shape, given[11]
        gates, cells = np.empty((B, T, 4 * H), y.dtype), np.empty_like(y)
        self.recurrent_forward("lstm", (), *given, gates, masked_h, cells, y)
        kept[...] = into_lanes(gates, cells)
        if T:
            c[...] = cells[:, 0 if reverse else -1]

    def lanes_lstm_backward(self, *arguments: Any) -> None:
        given, (kept, masked_h, _, y), gradients = arguments[:11], arguments[11:15], arguments[15:]
        gates, cells = out_of_lanes(kept, y.shape)
        self.recurrent_backward("lstm", (), *given, gates, masked_h, cells, y, *gradients)

    # ---- int8 weights

    def int8_linear_forward(
        self, x: Array, w: Array, scale: Array, b: Array | None, activation: int, y: Array
    ) -> None:
        self.linear_forward(x, self._quantized(w, scale, x.shape[-1]), None, b, activation, y)

    def int8_embedding_forward(self, tokens: Array, w: Array, scale: Array, y: Array) -> None:
        table = self._quantized(w, scale, y.shape[-1]).transposed()
        y[...] = self._ops.embedding_forward(tokens, table)

    def int8_recurrent_forward(
        self, cell: CellName, options: tuple[str, ...], *arguments: Any
    ) -> None:
        x, tokens, w, w_scale, table, r, r_scale, *rest = arguments
        y = rest[-1]
        kernel = table if x is None else self._quantized(w, w_scale, x.shape[-1])
        kernels = kernel, self._quantized(r, r_scale, y.shape[-1])
        self.recurrent_forward(cell, options, x, tokens, *kernels, None, None, *rest)

    def _quantized(self, panels: Array, scale: Array, inputs: int) -> Quantized:
        """Return a kernel from its panels."""
        return self._ops.quantized(unpacked(panels, len(scale), inputs).T, scale, 1)

    # ---- losses

    def softmax_cross_entropy_forward(
        self,
        z: Array,
        classes: Array | None,
        rows: Array | None,
        weight: Array | None,
        log_p: Array,
    ) -> float:
        target = rows if classes is None else classes
        loss, cache = self._ops.softmax_cross_entropy_forward(z, target, weight)
        log_p[...] = cache[0]
        return loss

    def softmax_cross_entropy_backward(
        self,
        log_p: Array,
        classes: Array | None,
        rows: Array | None,
        weight: Array | None,
        dz: Array,
    ) -> None:
        target = rows if classes is None else classes
        # The logarithms of probabilities are logits with these probabilities.
        _, cache = self._ops.softmax_cross_entropy_forward(log_p, target, weight)
        dz[...] = self._ops.softmax_cross_entropy_backward(cache)

    def cross_entropy_forward(
        self, p: Array, classes: Array | None, rows: Array | None, weight: Array | None
    ) -> float:
        return self._cross_entropy(p, classes, rows, weight)[0]

    def cross_entropy_backward(
        self, p: Array, classes: Array | None, rows: Array | None, weight: Array | None, dp: Array
    ) -> None:
        _, cache = self._cross_entropy(p, classes, rows, weight)
        dp[...] = self._ops.cross_entropy_backward(cache)

    def _cross_entropy(
        self, p: Array, classes: Array | None, rows: Array | None, weight: Array | None
    ) -> Any:
        return self._ops.cross_entropy_forward(p, rows if classes is None else classes, weight)

    def linear_cross_entropy(self, *arguments: Any) -> float:
        x, w, b, classes, rows, weight, _, dw, db, dx = arguments
        target = rows if classes is None else classes
        loss, found = self._ops.linear_softmax_cross_entropy(
            x, w, b, target, weight, dw, db, dx is not None
        )
        _write(dx, found)
        return loss

    def ctc_forward(
        self,
        z: Array,
        labels: Array,
        blank: int,
        mask: Array | None,
        loss: Array,
        slope: Array,
    ) -> None:
        loss[...], cache = self._ops.ctc_forward(z, labels, blank, mask)
        slope[...] = self._ops.ctc_backward(np.ones_like(loss), cache)

    def ctc_backward(self, dloss: Array, slope: Array, dz: Array) -> None:
        dz[...] = dloss[:, None, None] * slope

    def weighted_total(self, values: Array, weight: Array | None) -> float:
        return self._ops.weighted_total(values, weight)

    def pointwise_loss(
        self, loss: int, y: Array, target: Array, weight: Array | None, delta: float, dy: Array
    ) -> float:
        value, cache = self._ops.pointwise_loss_forward(_LOSSES[loss], y, target, weight, delta)
        dy[...] = self._ops.pointwise_loss_backward(cache)
        return value


def _real(lengths: Array | None, y: Array) -> Array | None:
    """Return the mask (B, T) of sequences of some lengths."""
    return None if lengths is None else np.arange(y.shape[1]) < lengths[:, None]


def _write(out: Array | None, values: Array | None) -> None:
    if out is not None:
        out[...] = values


def _after(x: Array, w: Array, stride: int, dilation: int, before: int, y: Array) -> int:
    """Return how many zeros behind x (B, T, C) a convolution reads for y (B, S, F)."""
    read = (y.shape[1] - 1) * stride + dilation * (len(w) - 1) + 1 if y.shape[1] else 0
    return max(0, read - before - x.shape[1])


def _spec(
    cell: CellName,
    options: tuple[str, ...],
    reverse: int,
    activation: int,
    recurrent_activation: int,
) -> RecurrentSpec:
    names = _ACTIVATIONS[activation], _ACTIVATIONS[recurrent_activation]
    return RecurrentSpec(cell, *names, reverse=bool(reverse), options=options)


def _letters(spec: RecurrentSpec) -> list[str]:
    """Return what the blocks of `gates` are."""
    return [*spec.layout.gates, *(["q_g"] if spec.cell == "gru" else [])]


def _order(spec: RecurrentSpec) -> list[str]:
    """Return them in the order in which a cell keeps them."""
    return sorted(_letters(spec), key="ifgo".find) if spec.cell == "lstm" else _letters(spec)
