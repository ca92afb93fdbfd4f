"""The contract: every operation that a backend provides, documented once.

A backend is a module (or object) with these functions. `reference` says in NumPy what each means.
Everything above the backends calls these and does no arithmetic of its own.

Letters: B sequences in a batch, T time steps, D inputs, H units, V symbols, E embedding size,
K kernel size, C channels, F filters; `...` any leading axes. Arrays are batch first, of one
floating dtype per model, and opaque to the caller; tokens and integer targets are int64.

Rules that hold for every operation:

- arguments are checked by the caller: a backend may assume shapes, dtypes and ranges;
- inputs are never modified, except where an argument is described as updated in place;
- a `cache` is opaque, belongs to the backend and may share memory with inputs and outputs; it
  serves one backward pass, which may overwrite what the cache alone holds;
- gradients of weights (`dw`, `dr`, `db`) are *added* to the buffers passed in, because a layer may
  be used twice; a buffer of None means that the gradient is not wanted;
- gradients of inputs are returned, as None where `need_dx` is False.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = Any
"""An array of the backend: `numpy.ndarray` here, a tensor elsewhere."""

Cache = Any
"""What a forward pass leaves for its backward pass."""

ActivationName = Literal["linear", "relu", "tanh", "sigmoid", "hard_sigmoid", "softmax"]
"""Every activation's derivative is a function of its output; softmax works on the last axis."""

PointwiseLossName = Literal[
    "squared_error", "absolute_error", "huber", "binary_cross_entropy", "sigmoid_cross_entropy"
]

State = tuple[Array, Array]
"""The hidden and the cell state (h, c) of one LSTM, each (B, H)."""

LSTMWeights = tuple[Array, Array, Array]
"""Kernel w (D, 4H), recurrent kernel r (H, 4H) and bias b (4H); gates in the order i, f, g, o."""


class Choice(NamedTuple):
    """How a token is chosen from logits; see `Ops.sample`.

    The defaults draw from all tokens with the probabilities that the logits give them.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0


class Ops(Protocol):
    """The operations of a backend."""

    @property
    def NAME(self) -> str:
        """Name under which the backend is chosen."""

    @property
    def DTYPES(self) -> tuple[str, ...]:
        """Floating dtypes that the backend computes in, the default first."""

    # ---- arrays

    def array(self, values: NDArray[Any]) -> Array:
        """Bring a NumPy array to the backend, without a copy where that is possible."""

    def to_numpy(self, x: Array) -> NDArray[Any]:
        """Bring an array of the backend to NumPy, without a copy where that is possible."""

    def zeros(self, shape: Sequence[int], dtype: str) -> Array:
        """A new array of zeros."""

    def fill(self, x: Array, value: float) -> None:
        """Set every entry of `x`, in place."""

    def assign(self, x: Array, values: NDArray[Any]) -> None:
        """Copy NumPy values of the same shape into `x`, in place."""

    # ---- shapes

    def reshape(self, x: Array, shape: Sequence[int]) -> Array:
        """`x` with another shape of the same size, in row-major order."""

    def transpose(self, x: Array, axes: Sequence[int]) -> Array:
        """`x` with its axes in the order `axes`."""

    def flip(self, x: Array, axis: int) -> Array:
        """`x` reversed along an axis."""

    def concatenate(self, xs: Sequence[Array], axis: int) -> Array:
        """Arrays joined along an axis."""

    def split(self, x: Array, sizes: Sequence[int], axis: int) -> list[Array]:
        """`x` cut along an axis into pieces of the given sizes."""

    def repeat(self, x: Array, count: int, axis: int) -> Array:
        """`x` (without the axis) stacked `count` times along a new axis."""

    def slice_forward(self, x: Array, index: tuple[int | slice, ...]) -> Array:
        """`x[index]`, for integers and slices."""

    def slice_backward(
        self, dy: Array, index: tuple[int | slice, ...], shape: Sequence[int]
    ) -> Array:
        """Zeros of `shape` with `dy` at `index`."""

    # ---- elementwise and reductions

    def add(self, xs: Sequence[Array]) -> Array:
        """Sum of arrays of equal shape."""

    def multiply(self, x: Array, y: Array) -> Array:
        """Product of two arrays of equal shape, element by element."""

    def sum(self, x: Array, axis: int) -> Array:
        """Sum over one axis, which disappears."""

    def scale(self, x: Array, factor: float) -> Array:
        """`factor` times `x`."""

    def scale_features(self, x: Array, factor: Array) -> Array:
        """y_bt = x_bt·factor_b, element by element: x (B, T, C), factor (B, C) -> y (B, T, C).

        Each sequence has its own factors, the same at every step. It is its own backward pass.
        """

    def activation_forward(self, x: Array, activation: ActivationName) -> Array:
        """y = φ(x)."""

    def activation_backward(self, dy: Array, y: Array, activation: ActivationName) -> Array:
        """dx, from the output y = φ(x)."""

    def dropout_forward(self, x: Array, u: Array, rate: float) -> Array:
        """y = x·[u ≥ rate] / (1 - rate), with uniforms `u` in [0, 1) of the shape of `x`."""

    def dropout_backward(self, dy: Array, u: Array, rate: float) -> Array:
        """dx = dy·[u ≥ rate] / (1 - rate)."""

    # ---- layers

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

    def lstm_forward(
        self,
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
        """A whole sequence through an LSTM layer; the equations are in docs/theory/gates.md.

        Args:
            x: (B, T, D), or tokens, int64 (B, T): token v stands for row v of the identity, so that
                x·w is row v of w, a table (V, 4H).
            w, r, b: (D, 4H), (H, 4H), (4H); gates in the order i, f, g, o.
            h0, c0: (B, H), the state before the first step; None means zeros.
            mask: bool (B, T). Where it is False the step is skipped: state and output stay as they
                were. A sequence of length n in a padded batch is a mask that is True up to n.
            recurrent_mask: (B, H), what the hidden state is multiplied with on its way to r, at
                every step; None means ones. The states and outputs themselves are not multiplied.
            reverse: go from the last step to the first. Output t still belongs to input t.
            activation: φ of the candidate g and of the cell on its way out; never softmax.
            recurrent_activation: σ of the gates i, f, o; never softmax.
            keep_cache: whether a backward pass will follow.

        Returns:
            y (B, T, H), h_n (B, H), c_n (B, H) and a cache (None unless `keep_cache`).
        """

    def lstm_backward(
        self,
        dy: Array | None,
        dh_n: Array | None,
        dc_n: Array | None,
        cache: Cache,
        dw: Array | None,
        dr: Array | None,
        db: Array | None,
        need_dx: bool,
    ) -> tuple[Array | None, Array, Array]:
        """Backpropagation through time; a gradient of None stands for zeros.

        Args:
            dy: (B, T, H), the gradient of every output.
            dh_n, dc_n: (B, H), the gradients of the last state.

        Returns:
            dx (B, T, D), dh0 (B, H), dc0 (B, H); adds to dw, dr and db. dx is None for tokens.
        """

    def rnn_forward(
        self,
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
        """A whole sequence through a simple recurrent layer; see docs/theory/recurrence.md.

        h_t = φ(x_t·w + h_{t-1}·r + b), with arguments as in `lstm_forward`.

        Args:
            x: (B, T, D), or tokens (B, T).
            w, r, b: (D, H), (H, H), (H).
            h0: (B, H); None means zeros.
            mask: bool (B, T).
            recurrent_mask: (B, H); None means ones.
            reverse: go from the last step to the first.
            activation: φ; never softmax.
            keep_cache: whether a backward pass will follow.

        Returns:
            y (B, T, H), h_n (B, H) and a cache (None unless `keep_cache`).
        """

    def rnn_backward(
        self,
        dy: Array | None,
        dh_n: Array | None,
        cache: Cache,
        dw: Array | None,
        dr: Array | None,
        db: Array | None,
        need_dx: bool,
    ) -> tuple[Array | None, Array]:
        """Backpropagation through time; a gradient of None stands for zeros.

        Args:
            dy: (B, T, H), the gradient of every output.
            dh_n: (B, H), the gradient of the last state.

        Returns:
            dx (B, T, D), dh0 (B, H); adds to dw, dr and db. dx is None for tokens.
        """

    def gru_forward(
        self,
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
        """A whole sequence through a GRU layer; the equations are in docs/theory/gru.md.

        The reset gate multiplies what the recurrent kernel has made of the state, not the state.
        Arguments are as in `lstm_forward`.

        Args:
            x: (B, T, D), or tokens (B, T).
            w, r: (D, 3H), (H, 3H); gates in the order u, s, g.
            b: (2, 3H): row 0 is added on the side of the input, row 1 on the recurrent side.
            h0: (B, H); None means zeros.
            mask: bool (B, T).
            recurrent_mask: (B, H); None means ones.
            reverse: go from the last step to the first.
            activation: φ of the candidate g; never softmax.
            recurrent_activation: σ of the gates u and s; never softmax.
            keep_cache: whether a backward pass will follow.

        Returns:
            y (B, T, H), h_n (B, H) and a cache (None unless `keep_cache`).
        """

    def gru_backward(
        self,
        dy: Array | None,
        dh_n: Array | None,
        cache: Cache,
        dw: Array | None,
        dr: Array | None,
        db: Array | None,
        need_dx: bool,
    ) -> tuple[Array | None, Array]:
        """Backpropagation through time; a gradient of None stands for zeros.

        Args:
            dy: (B, T, H), the gradient of every output.
            dh_n: (B, H), the gradient of the last state.

        Returns:
            dx (B, T, D), dh0 (B, H); adds to dw, dr and db (2, 3H). dx is None for tokens.
        """

    # ---- losses: each a weighted sum over positions

    def softmax_cross_entropy_forward(
        self, z: Array, target: Array, weight: Array | None
    ) -> tuple[float, Cache]:
        """Σ_n weight_n · (log Σ_v exp z_nv - Σ_v target_nv · z_nv).

        z (..., V); target int64 (...) or a distribution (..., V); weight (...), of which None means
        the mean over all positions.
        """

    def softmax_cross_entropy_backward(self, cache: Cache) -> Array:
        """dz_nv = weight_n · (softmax(z_n)_v - target_nv)."""

    def linear_softmax_cross_entropy(
        self,
        x: Array,
        w: Array,
        b: Array | None,
        target: Array,
        weight: Array | None,
        dw: Array | None,
        db: Array | None,
        need_dx: bool,
    ) -> tuple[float, Array | None]:
        """The softmax cross-entropy of the logits z = x·w + b, with its gradients, in one call.

        No pair: a backend can then go through the logits a chunk at a time and keep none, where a
        backward pass of its own would need them all again.

        Args:
            x: (..., D).
            w, b: (D, V) and (V).
            target, weight: as in `softmax_cross_entropy_forward`.

        Returns:
            The loss and dx (..., D); adds to dw (D, V) and db (V).
        """

    def cross_entropy_forward(
        self, p: Array, target: Array, weight: Array | None
    ) -> tuple[float, Cache]:
        """The same for shares of any sum: -Σ_n weight_n · Σ_v target_nv · log q_nv.

        q_nv = p_nv / Σ_u p_nu, limited to [1e-7, 1 - 1e-7] as in Keras; where the sum is 0, q is
        1e-7.
        """

    def cross_entropy_backward(self, cache: Cache) -> Array:
        """dp_nv = (dq_nv - Σ_u q_nu · dq_nu) / Σ_u p_nu, dq_nv = -weight_n · target_nv / q_nv.

        dq is 0 where q was limited, and dp is 0 where the sum is.
        """

    def pointwise_loss_forward(
        self,
        loss: PointwiseLossName,
        y: Array,
        target: Array,
        weight: Array | None,
        delta: float,
    ) -> tuple[float, Cache]:
        """Σ_n weight_n · ℓ(y_n, target_n) over all entries.

        y, target (...); weight (...), of which None means the mean over all entries. `delta` is the
        bend of the Huber loss and ignored by the others. "binary_cross_entropy" takes
        probabilities, limited to [1e-7, 1 - 1e-7] as in Keras, beyond which its slope is 0;
        "sigmoid_cross_entropy" takes logits.
        """

    def pointwise_loss_backward(self, cache: Cache) -> Array:
        """dy, of the shape of y."""

    # ---- optimizers: one pass over the flat parameters p (P) and gradients g (P)

    def clip_by_global_norm(self, g: Array, max_norm: float) -> float:
        """Scale `g` in place so that ‖g‖ ≤ max_norm; returns the norm before."""

    def sgd_step(
        self, p: Array, g: Array, v: Array, lr: float, momentum: float, nesterov: bool
    ) -> None:
        """v = momentum·v - lr·g; p += v, or momentum·v - lr·g with Nesterov; in place."""

    def rmsprop_step(
        self,
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
        """s = rho·s + (1 - rho)·g²; p -= lr·g / √(s + eps); in place.

        Args:
            m: the mean of the gradient, for which s is centered; None does not center.
                m = rho·m + (1 - rho)·g, and below the root stands max(0, s - m²) + eps.
            v: velocity; None for no momentum. v = momentum·v + lr·g / √(s + eps); p -= v.
        """

    def adam_step(
        self,
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
        """Adam with decoupled weight decay (AdamW); in place; `step` counts from 1.

        p -= lr·weight_decay·p; m = β₁·m + (1 - β₁)·g; s = β₂·s + (1 - β₂)·g²;
        p -= lr · √(1 - β₂ᵗ) / (1 - β₁ᵗ) · m / (√s + eps).
        """

    # ---- generation

    def sample(
        self, z: Array, u: NDArray[Any], recent: NDArray[np.int64], choice: Choice
    ) -> NDArray[np.int64]:
        """Draw one token for each row of logits.

        1. Each distinct token in `recent` has its logit divided by `repetition_penalty` if that is
           positive, and multiplied by it if not.
        2. Tokens are ranked by these logits, equal ones by index. Temperature 0 takes the first.
        3. Kept are the first `top_k` (0: all), whose probabilities are softmax(logits /
           temperature) among themselves; of those the fewest that together have at least the share
           `top_p`; of those the ones that have at least `min_p` times the probability of the first.
        4. Drawn is the first whose cumulative share of the kept exceeds u. A token without
           probability, such as one whose logit is -inf, is never drawn.

        Args:
            z: logits (B, V).
            u: uniforms in [0, 1), (B).
            recent: int64 (B, W), the last tokens of each text, -1 where there is none; W may be 0.
            choice: temperature at least 0, top_k at least 0, top_p in (0, 1], min_p in [0, 1],
                repetition_penalty above 0.

        Returns:
            Tokens (B).

        Source:
            Fan et al. 2018 (top_k), Holtzman et al. 2020 (top_p), Nguyen et al. 2024 (min_p),
            Keskar et al. 2019 (repetition_penalty).
        """

    def generate(
        self,
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
        """The whole sampling loop: embed -> LSTM stack -> logits -> sample, and again.

        Args:
            tokens: int64 (B), the last token of each text, not yet seen by the states.
            embedding: (V, E).
            layers: one triple for each LSTM of the stack (tanh and sigmoid).
            w, b: (H, V) and (V) or None, the output layer.
            states: one (h, c) for each LSTM.
            recent: int64 (B, W), the last tokens of each text, the one in `tokens` included if it
                is to count; -1 where there is none. Each token drawn enters, the oldest leaves.
            u: uniforms in [0, 1), (B, N): one for each token to draw.
            choice: see `sample`.

        Returns:
            The tokens drawn (B, N), of which the last is not yet seen by the states, and states.
        """
