"""Layers without a state, in C++."""

from collections.abc import Sequence
from math import prod
from typing import Any, get_args

from numpy.typing import NDArray

from lstm.backends.contract import ActivationName, Cache, Key, Quantized
from lstm.backends.native.arrays import NativeArrays
from lstm.backends.native.quantization import NativeQuantization

Array = NDArray[Any]

ACTIVATIONS = {name: code for code, name in enumerate(get_args(ActivationName))}


class NativeLayers(NativeArrays, NativeQuantization):
    """Layers without a state."""

    def scale_features(self, x: Array, factor: Array) -> Array:
        y = self.like(x)
        self.kernels.scale_features(x, factor, y)
        return y

    def activation_forward(self, x: Array, activation: ActivationName) -> Array:
        if activation == "linear":
            return x
        y = self.like(x)
        self.kernels.activation_forward(x, ACTIVATIONS[activation], y)
        return y

    def activation_backward(self, dy: Array, y: Array, activation: ActivationName) -> Array:
        if activation == "linear":
            return dy
        dx = self.like(y)
        self.kernels.activation_backward(dy, y, ACTIVATIONS[activation], dx)
        return dx

    def dropout(self, x: Array, key: Key, rate: float) -> Array:
        y = self.like(x)
        self.kernels.dropout(x, *key, rate, y)
        return y

    def dropout_mask(self, shape: Sequence[int], key: Key, rate: float, dtype: str) -> Array:
        y = self.empty(tuple(shape))
        self.kernels.dropout(None, *key, rate, y)
        return y

    def uniform(self, shape: Sequence[int], key: Key, dtype: str) -> Array:
        y = self.empty(tuple(shape))
        self.kernels.uniform(*key, y)
        return y

    def embedding_forward(self, tokens: Array, w: Array | Quantized) -> Array:
        y = self.empty((*tokens.shape, w.shape[1]))
        if isinstance(w, Quantized):
            self.kernels.int8_embedding_forward(tokens, w.values, w.scale, y)
        else:
            self.kernels.embedding_forward(tokens, w, y)
        return y

    def embedding_backward(self, dy: Array, tokens: Array, dw: Array) -> None:
        self.kernels.embedding_backward(dy, tokens, dw)

    def linear_forward(
        self, x: Array, w: Array | Quantized, b: Array | None, activation: ActivationName
    ) -> tuple[Array, Cache]:
        y, code = self.empty((*x.shape[:-1], w.shape[1])), ACTIVATIONS[activation]
        if isinstance(w, Quantized):
            self.kernels.int8_linear_forward(x, w.values, w.scale, b, code, y)
        else:
            packed = self.packed("pack_panels", prod(x.shape[:-1]), w)
            self.kernels.linear_forward(x, w, packed, b, code, y)
        return y, (x, w, y, activation)

    def linear_backward(
        self, dy: Array, cache: Cache, dw: Array | None, db: Array | None, need_dx: bool
    ) -> Array | None:
        x, w, y, activation = cache
        dx = self.like(x) if need_dx else None
        dz = None if activation == "linear" else self.like(y)
        code = ACTIVATIONS[activation]
        self.kernels.linear_backward(dy, x, self.plain(w), y, code, dz, dw, db, dx)
        return dx

    def conv1d_forward(
        self,
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
        y = self.empty((len(x), steps, w.shape[2]))
        code = ACTIVATIONS[activation]
        self.kernels.conv1d_forward(x, w, b, stride, dilation, padding[0], code, y)
        return y, (x, w, y, stride, dilation, padding, activation)

    def conv1d_backward(
        self, dy: Array, cache: Cache, dw: Array | None, db: Array | None, need_dx: bool
    ) -> Array | None:
        x, w, y, stride, dilation, padding, activation = cache
        dx = self.like(x) if need_dx else None
        dz = None if activation == "linear" else self.like(y)
        code = ACTIVATIONS[activation]
        self.kernels.conv1d_backward(
            dy, x, w, y, stride, dilation, padding[0], code, dz, dw, db, dx
        )
        return dx
