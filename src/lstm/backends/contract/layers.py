"""Layers without a state: activations, dropout, embedding, linear, convolution."""

from collections.abc import Sequence
from typing import Protocol

from lstm.backends.contract.types import ActivationName, Array, Cache, Key


class LayerOps(Protocol):
    """Layers without a state."""

    def scale_features(self, x: Array, factor: Array) -> Array:
        """y_bt = x_bt·factor_b, element by element: x (B, T, C), factor (B, C) -> y (B, T, C).

        Each sequence has its own factors, the same at every step. It is its own backward pass.
        """

    def activation_forward(self, x: Array, activation: ActivationName) -> Array:
        """y = φ(x)."""

    def activation_backward(self, dy: Array, y: Array, activation: ActivationName) -> Array:
        """dx, from the output y = φ(x)."""

    def dropout(self, x: Array, key: Key, rate: float) -> Array:
        """y_k = x_k·[u_k ≥ rate] / (1 - rate), with uniforms u in [0, 1) drawn from the key.

        Entry k of x, in row-major order, uses u_k = w / 2³², where w is word k % 4 of Philox
        4x32-10 for the counter (k // 4, draw) and the key `seed`, 64 bits each. All backends drop
        the same entries, and nothing is cached: it is its own backward pass.

        Source:
            Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011.
        """

    def dropout_mask(self, shape: Sequence[int], key: Key, rate: float, dtype: str) -> Array:
        """`dropout` of ones: 0 with probability `rate`, else 1 / (1 - rate)."""

    def uniform(self, shape: Sequence[int], key: Key, dtype: str) -> Array:
        """Numbers in (0, 1) from a key: (w >> 9 + 1/2) / 2²³ of the words w of `dropout`."""

    def embedding_forward(self, tokens: Array, w: Array) -> Array:
        """y = w[tokens]: tokens (...), w (V, E) -> y (..., E)."""

    def embedding_backward(self, dy: Array, tokens: Array, dw: Array) -> None:
        """dw (V, E) += the rows of dy (..., E), each added at its token."""

    def linear_forward(
        self, x: Array, w: Array, b: Array | None, activation: ActivationName
    ) -> tuple[Array, Cache]:
        """y = φ(x·w + b): x (..., D), w (D, F), b (F) -> y (..., F)."""

    def linear_backward(
        self, dy: Array, cache: Cache, dw: Array | None, db: Array | None, need_dx: bool
    ) -> Array | None:
        """dx (..., D); adds to dw (D, F) and db (F)."""

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
        """y_t = φ(Σ_k x_{t·stride + k·dilation - padding[0]} · w_k + b).

        x (B, T, C), w (K, C, F), b (F) -> y (B, T', F) with
        T' = (T + Σ padding - dilation·(K - 1) - 1) // stride + 1, at least 0. `padding` counts the
        zeros before and after the sequence.
        """

    def conv1d_backward(
        self, dy: Array, cache: Cache, dw: Array | None, db: Array | None, need_dx: bool
    ) -> Array | None:
        """dx (B, T, C); adds to dw (K, C, F) and db (F)."""
