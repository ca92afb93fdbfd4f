"""LSTM: long short-term memory."""

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from lstm import activations, checks, initializers
from lstm.backends.ops import Array, Cache
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.initializers import Initializer
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run, known_last_axis
from lstm.layers.dropout import feature_mask
from lstm.layers.symbolic import Shape, SymbolicTensor, Tensors


class LSTM(Layer):
    """A layer of LSTM units: (B, T, D) -> (B, units), or (B, T, units) with `return_sequences`.

    The equations are (L1) to (L8) of docs/theory/lstm.md; gates are in the order i, f, g, o.

    Args:
        units: number of units H.
        activation: φ of the candidate g and of the cell on its way out; None is linear.
        recurrent_activation: σ of the gates.
        use_bias: whether there is a bias.
        kernel_initializer: initial values of the kernel W (D, 4H).
        recurrent_initializer: initial values of the recurrent kernel R (H, 4H).
        bias_initializer: initial values of the bias b (4H).
        unit_forget_bias: start the forget gates' bias at 1.
        dropout: share of the features of the input that each sequence of a batch loses while
            training, the same at every step; the others grow to match.
        recurrent_dropout: the same for the hidden state on its way to the recurrent kernel, (L10).
            The states and outputs themselves lose nothing. In both, each chunk of a sequence that
            is trained on by itself loses other features.
        return_sequences: give the output of every step, not only of the last.
        return_state: give also the last hidden and cell state, (B, units) each.
        go_backwards: read the sequence from its end; outputs are in the order of reading.
        stateful: start each batch from the state in which the one before ended, until
            `model.reset_states()`.

    A call takes `initial_state=[h, c]`, tensors of shape (B, units).

    Source:
        Hochreiter & Schmidhuber, "Long short-term memory", 1997; with the forget gate of Gers,
        Schmidhuber & Cummins, "Learning to forget", 2000. Dropout: Gal & Ghahramani, "A
        theoretically grounded application of dropout in recurrent neural networks", 2016.

    Example:
        >>> import lstm
        >>> lstm.layers.LSTM(16, return_sequences=True)(lstm.Input((None, 3))).shape
        (None, None, 16)
    """

    def __init__(
        self,
        units: int,
        activation: str | None = "tanh",
        recurrent_activation: str | None = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: str | Initializer | dict[str, Any] = "glorot_uniform",
        recurrent_initializer: str | Initializer | dict[str, Any] = "orthogonal",
        bias_initializer: str | Initializer | dict[str, Any] = "zeros",
        unit_forget_bias: bool = True,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.units = checks.positive_int("units", units)
        self.activation = activations.get("activation", activation, elementwise=True)
        self.recurrent_activation = activations.get(
            "recurrent_activation", recurrent_activation, elementwise=True
        )
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get("kernel_initializer", kernel_initializer)
        self.recurrent_initializer = initializers.get(
            "recurrent_initializer", recurrent_initializer
        )
        self.bias_initializer = initializers.get("bias_initializer", bias_initializer)
        self.unit_forget_bias = unit_forget_bias
        self.dropout = checks.number("dropout", dropout, 0, 1, open_high=True)
        self.recurrent_dropout = checks.number(
            "recurrent_dropout", recurrent_dropout, 0, 1, open_high=True
        )
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        if stateful and go_backwards:
            raise InvalidValueError("stateful", "False with go_backwards=True", True)

    def __call__(
        self,
        *inputs: Any,
        initial_state: Sequence[SymbolicTensor] | None = None,
    ) -> Tensors:
        """Apply the layer to a sequence, from `initial_state` if it is given."""
        if not isinstance(initial_state, list | tuple | None):
            raise InvalidTypeError(
                "initial_state", "a list of a hidden and a cell state", type(initial_state).__name__
            )
        flat = list(inputs[0]) if isinstance(inputs[0], list | tuple) else list(inputs)
        return self.connect([*flat, *(initial_state or [])])

    def build(self, *shapes: Shape) -> None:
        size = known_last_axis(self, shapes[0], "B T D")
        self.add_weight("kernel", (size, 4 * self.units), self.kernel_initializer)
        self.add_weight(
            "recurrent_kernel", (self.units, 4 * self.units), self.recurrent_initializer
        )
        if self.use_bias:
            self.add_weight("bias", (4 * self.units,), _Bias(self))

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        if len(shapes) not in (1, 3):
            raise InvalidValueError(
                "initial_state", "a hidden and a cell state", f"{len(shapes) - 1} tensors"
            )
        known_last_axis(self, shapes[0], "B T D")
        checks.shape(
            f"input of {self.name}", shapes[0][-1:], self.weights["kernel"].value.shape[:1]
        )
        for state in shapes[1:]:
            checks.shape("initial_state", state[1:], (self.units,))
        batch, steps, _ = shapes[0]
        y = (batch, steps, self.units) if self.return_sequences else (batch, self.units)
        return (y, *[(batch, self.units)] * 2 * self.return_state)

    def forward(self, run: Run, *inputs: Array, mask: Array | None) -> tuple[Arrays, Cache]:
        x, *given = inputs
        dropped = feature_mask(run, x.shape[0], x.shape[2], self.dropout)
        if dropped is not None:
            x = run.ops.scale_features(x, dropped)
        outputs, cache = self.forward_with(self.value("kernel"), run, x, *given, mask=mask)
        return outputs, (dropped, cache)

    def forward_with(
        self, kernel: Array, run: Run, *inputs: Array, mask: Array | None
    ) -> tuple[Arrays, Cache]:
        """`forward` with this kernel, which is a table (V, 4H) where the input is tokens (B, T).

        Without dropout of the input, which tokens do not have.
        """
        x, *given = inputs
        h0, c0 = given or run.state() or (None, None)
        y, h_n, c_n, cache = run.ops.lstm_forward(
            x,
            kernel,
            self.value("recurrent_kernel"),
            self.value("bias"),
            h0,
            c0,
            mask,
            feature_mask(run, x.shape[0], self.units, self.recurrent_dropout),
            self.go_backwards,
            self.activation,
            self.recurrent_activation,
            run.keep_cache,
        )
        run.leave_state((h_n, c_n))
        if not self.return_sequences:
            y = h_n
        elif self.go_backwards:
            y = run.ops.flip(y, 1)
        return (y, *(h_n, c_n) * self.return_state), cache

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        dropped, cache = cache
        dx, *rest = self.backward_with(self.gradient("kernel"), run, cache, *gradients, need=need)
        if dropped is not None and dx is not None:
            dx = run.ops.scale_features(dx, dropped)
        return dx, *rest

    def backward_with(
        self,
        dkernel: Array | None,
        run: Run,
        cache: Cache,
        *gradients: Array | None,
        need: Sequence[bool],
    ) -> Gradients:
        """`backward`, with the gradient of the kernel added to this buffer."""
        dy, dh_n, dc_n = gradients if self.return_state else (gradients[0], None, None)
        if not self.return_sequences:
            dh_n = dy if dh_n is None else dh_n if dy is None else run.ops.add([dy, dh_n])
            dy = None
        elif self.go_backwards and dy is not None:
            dy = run.ops.flip(dy, 1)
        return run.ops.lstm_backward(
            dy,
            dh_n,
            dc_n,
            cache,
            dkernel,
            self.gradient("recurrent_kernel"),
            self.gradient("bias"),
            need[0],
        )

    def output_mask(self, run: Run, inputs: Arrays, mask: Array | None) -> Array | None:
        if mask is None or not self.return_sequences:
            return None
        return run.ops.flip(mask, 1) if self.go_backwards else mask

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        if self.go_backwards:
            raise InvalidValueError(
                self.name,
                "layers that read forwards, to work chunk by chunk",
                "go_backwards=True",
            )
        return ((self.units,), (self.units,))


class _Bias(Initializer):
    """The bias of an LSTM: as its initializer says, but 1 for the forget gates."""

    def __init__(self, layer: LSTM) -> None:
        super().__init__()
        self.layer = layer

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> NDArray[np.float64]:
        b = self.layer.bias_initializer(shape, rng)
        if self.layer.unit_forget_bias:
            b[self.layer.units : 2 * self.layer.units] = 1
        return b
