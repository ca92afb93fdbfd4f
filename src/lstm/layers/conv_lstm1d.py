"""ConvLSTM1D: an LSTM whose products are convolutions, over sequences of sequences."""

from collections.abc import Sequence
from typing import Any, Unpack

from lstm import checks, initializers
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.initializers import Initializer
from lstm.layers import activation_names
from lstm.layers.activation_names import ActivationSpec
from lstm.layers.base import Layer, LayerOptions
from lstm.layers.cell_loop import CellLoop
from lstm.layers.dense import Activation
from lstm.layers.elementwise import Elementwise
from lstm.layers.lstm import ForgetBias
from lstm.layers.options import options_of
from lstm.layers.product import Einsum
from lstm.layers.symbolic import Operators, Shape
from lstm.layers.windows import Windows

InitializerSpec = str | Initializer | dict[str, Any]


class ConvLSTM1D(CellLoop):
    """An LSTM over rows of places: (B, T, N, C) -> (B, N', filters) or (B, T, N', filters).

    Its state is a row, too. At each step both products of an LSTM are convolutions along the row,
    so that a place sees its neighbours, and all places have the same weights:

        z = x_t * W + h * R + b,  i, f, o = σ(z_i), σ(z_f), σ(z_o),  g = φ(z_g)
        c <- f ⊙ c + i ⊙ g,  h <- o ⊙ φ(c)

    Steps are computed one after the other, as those of a cell of your own, each in several
    operations; it is slower than an `LSTM` with as many units.

    Args:
        filters: number of outputs at each place.
        kernel_size: number of places K that a convolution sees, of the input and of the state.
        strides: places of the input between two outputs.
        padding: "valid" (N' = N - K + 1 with strides of 1) or "same" (N' = ⌈N / strides⌉). That of
            the state is always "same", with strides of 1.
        data_format: "channels_last", or None.
        dilation_rate: places of the input between two elements of the kernel.
        activation: φ of the candidate g and of the cell state; None is linear.
        recurrent_activation: σ of the gates.
        use_bias: whether to add a bias.
        kernel_initializer: initial values of the kernel W (K, C, 4·filters); gates are in the order
            i, f, g, o.
        recurrent_initializer: initial values of the recurrent kernel R (K, filters, 4·filters).
        bias_initializer: initial values of the bias b (4·filters).
        unit_forget_bias: start with a bias of 1 for the forget gates.
        dropout, recurrent_dropout: 0; `Dropout(rate, (None, 1, None, None))` below the layer drops
            the same numbers at every step.
        return_sequences: return the output of every step, not only of the last.
        return_state: also return the last states h and c, (B, N', filters) each.
        go_backwards: read the sequence from its end; outputs are in the order of reading.
        stateful: start each batch from the state in which the last one ended, until
            `model.reset_states()`.
        zero_output_for_mask: with `return_sequences`, return zeros at padding steps.

    A call accepts `initial_state=[h, c]`.

    Raises:
        InvalidShapeError: N is not known, or smaller than what a window needs.

    Source:
        Shi et al., "Convolutional LSTM network: a machine learning approach for precipitation
        nowcasting", 2015, without its peepholes.

    Example:
        >>> import lstm
        >>> layer = lstm.layers.ConvLSTM1D(8, 3, padding="same", return_sequences=True)
        >>> layer(lstm.Input((None, 20, 2))).shape
        (None, None, 20, 8)
    """

    inner = ()
    weight_options = options_of("kernel", "recurrent", "bias")
    fixed_arguments = (
        *("filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate"),
        *("activation", "recurrent_activation", "use_bias", "unit_forget_bias"),
        *("return_sequences", "return_state"),
    )

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: ActivationSpec = "tanh",
        recurrent_activation: ActivationSpec = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerSpec = "glorot_uniform",
        recurrent_initializer: InitializerSpec = "orthogonal",
        bias_initializer: InitializerSpec = "zeros",
        unit_forget_bias: bool = True,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        zero_output_for_mask: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        cell = ConvLSTM1DCell(
            *(filters, kernel_size, strides, padding, dilation_rate),
            *(activation, recurrent_activation, use_bias),
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            unit_forget_bias,
        )
        super().__init__(
            cell,
            *(return_sequences, return_state, go_backwards, stateful, zero_output_for_mask),
            **options,
        )
        for argument in _OF_CELL:
            setattr(self, argument, getattr(cell, argument))
        self.data_format = checks.one_of("data_format", data_format, ("channels_last", None))
        self.dropout = _none("dropout", dropout)
        self.recurrent_dropout = _none("recurrent_dropout", recurrent_dropout)

    @property
    def states(self) -> tuple[tuple[int, ...], ...]:
        if self._step is None:
            return super().states
        # With another name there is another cell, but the same step.
        return tuple(tuple(n or 0 for n in h.shape[1:]) for h in self._step.outputs[1:])

    def build(self, *shapes: Shape) -> None:
        shape = shapes[0]
        if len(shape) != 4 or None in shape[2:]:
            expected = "axes (B, T, N, C), with N and C known"
            raise InvalidShapeError(f"input of {self.name}", expected, f"shape {shape}")
        cell: Any = self.cell
        reach = cell.dilation_rate * (cell.kernel_size - 1)
        if cell.padding == "valid" and shape[2] <= reach:
            expected = f"at least {reach + 1} places N along the axes (B, T, N, C)"
            raise InvalidShapeError(f"input of {self.name}", expected, f"shape {shape}")
        cell.read((shape[0], *shape[2:]))
        super().build(*shapes)
        for weight in self.own_weights.values():
            self.limit(weight)


class ConvLSTM1DCell(Layer):
    """One step of a `ConvLSTM1D`, with its arguments: (B, N, C) and two states (B, N', filters)."""

    coupled = False

    kernel: Operators
    recurrent_kernel: Operators
    bias: Operators
    state_size: list[tuple[int, ...]]
    state = (*Layer.state, "state_size")

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int],
        padding: str,
        dilation_rate: int | Sequence[int],
        activation: ActivationSpec,
        recurrent_activation: ActivationSpec,
        use_bias: bool,
        kernel_initializer: InitializerSpec,
        recurrent_initializer: InitializerSpec,
        bias_initializer: InitializerSpec,
        unit_forget_bias: bool,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.filters = checks.positive_int("filters", filters)
        self.kernel_size = checks.positive_int("kernel_size", checks.single(kernel_size))
        self.strides = checks.positive_int("strides", checks.single(strides))
        self.padding = checks.one_of("padding", padding, ("valid", "same"))
        self.dilation_rate = checks.positive_int("dilation_rate", checks.single(dilation_rate))
        if self.strides > 1 and self.dilation_rate > 1:
            raise InvalidValueError("dilation_rate", "1 with strides", self.dilation_rate)
        self.activation = activation_names.get("activation", activation)
        self.recurrent_activation = activation_names.get(
            "recurrent_activation", recurrent_activation
        )
        self.use_bias = checks.boolean("use_bias", use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer, "kernel_initializer")
        self.recurrent_initializer = initializers.get(
            recurrent_initializer, "recurrent_initializer"
        )
        self.bias_initializer = initializers.get(bias_initializer, "bias_initializer")
        self.unit_forget_bias = checks.boolean("unit_forget_bias", unit_forget_bias)
        self.state_size = [(), ()]  # How long a row is, the data say.

    @property
    def units(self) -> int:
        """Number of outputs at each place."""
        return self.filters

    def read(self, shape: Shape) -> None:
        """Set the shapes of its states, for inputs (B, N, C)."""
        size = self.kernel_size, self.strides, self.padding, 0.0, self.dilation_rate
        ((_, places, *_),) = Windows(*size).output_shapes(shape)
        self.state_size = [(places or 0, self.filters)] * 2

    def build(self, *shapes: Shape) -> None:
        columns, size = 4 * self.filters, self.kernel_size
        kernel, channels = (size, shapes[0][-1] or 0, columns), (size, self.filters, columns)
        self.kernel = self.add_weight("kernel", kernel, self.kernel_initializer)
        self.recurrent_kernel = self.add_weight(
            "recurrent_kernel", channels, self.recurrent_initializer
        )
        if self.use_bias:
            initial = ForgetBias(self, self.bias_initializer)
            self.bias = self.add_weight("bias", (columns,), initial)

    def call(self, inputs: Any, states: Any = ()) -> Any:
        h, c = states
        add, multiply = Elementwise("add"), Elementwise("multiply")
        size = self.kernel_size, self.strides, self.padding, 0.0, self.dilation_rate
        of_x = Einsum("bnkc,kcf->bnf")(Windows(*size)(inputs), self.kernel)
        of_h = Einsum("bnkc,kcf->bnf")(Windows(size[0], 1, "same")(h), self.recurrent_kernel)
        z = add(of_x, of_h)
        z = add(z, self.bias) if self.use_bias else z
        phi, sigma = Activation(self.activation), Activation(self.recurrent_activation)
        F = self.filters
        i, f, g, o = (z[:, :, k * F : (k + 1) * F] for k in range(4))
        c = add(multiply(sigma(f), c), multiply(sigma(i), phi(g)))
        h = multiply(sigma(o), phi(c))
        return h, [h, c]


_OF_CELL = (
    *("filters", "kernel_size", "strides", "padding", "dilation_rate", "activation"),
    *("recurrent_activation", "use_bias", "kernel_initializer", "recurrent_initializer"),
    *("bias_initializer", "unit_forget_bias"),
)
"""The arguments that layer and cell share."""


def _none(argument: str, rate: object) -> float:
    """Return a rate of dropout, which must be 0."""
    if checks.number(argument, rate, 0, 1, open_high=True):
        expected = "0 (a Dropout layer below drops the same at every step with a noise_shape of 1)"
        raise InvalidValueError(argument, expected, rate)
    return 0.0
