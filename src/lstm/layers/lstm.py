"""LSTM: long short-term memory."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Unpack

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.backends.contract import RecurrentSpec
from lstm.initializers import Initializer, Thresholds
from lstm.layers.activation_names import ActivationSpec, in_cell
from lstm.layers.recurrence import Recurrent, RecurrentOptions, spec_of


class LSTM(Recurrent):
    """A layer of LSTM units: (B, T, D) -> (B, units), or (B, T, units) with `return_sequences`.

    The equations are (L1) to (L8) of docs/theory/gates.md; gates are in the order i, f, g, o.

    Args:
        units: number of units H.
        activation: φ of the candidate g and of the cell on its way out; None is linear.
        recurrent_activation: σ of the gates.
        use_bias: whether to add a bias.
        kernel_initializer: initial values of the kernel W (D, 4H).
        recurrent_initializer: initial values of the recurrent kernel R (H, 4H).
        bias_initializer: initial values of the bias b (4H).
        unit_forget_bias: start the forget gates' bias at 1, or 1 above its `Thresholds`.
        dropout: share of the features of the input that each sequence of a batch loses while
            training, the same at every step; the others are scaled up.
        recurrent_dropout: the same for the hidden state before the recurrent kernel, (L10). The
            states and outputs themselves lose nothing. With both, each chunk of a sequence that is
            trained on separately loses different features.
        return_sequences: return the output of every step, not only of the last.
        return_state: also return the last hidden and cell state, (B, units) each.
        go_backwards: read the sequence from its end; outputs are in the order of reading.
        stateful: start each batch from the state in which the last one ended, until
            `model.reset_states()`.
        zero_output_for_mask: with `return_sequences`, return zeros at padding steps, instead of the
            output of the last real step.
        coupled: let one gate decide what to keep and what to write: f = 1 - i, (L12). The kernels
            and the bias have three blocks, i, g, o. With `unit_forget_bias`, the bias of i starts
            at -1, so a sigmoid f starts where it would with a bias of 1.

    A call accepts `initial_state=[h, c]`, tensors of shape (B, units).

    Source:
        Hochreiter & Schmidhuber, "Long short-term memory", 1997; with the forget gate of Gers,
        Schmidhuber & Cummins, "Learning to forget", 2000. Coupled gates: Greff et al., "LSTM: a
        search space odyssey", 2017. Dropout: Gal & Ghahramani, "A
        theoretically grounded application of dropout in recurrent neural networks", 2016.

    Example:
        >>> import lstm
        >>> lstm.layers.LSTM(16, return_sequences=True)(lstm.Input((None, 3))).shape
        (None, None, 16)
    """

    fixed_arguments = (*Recurrent.fixed_arguments, "coupled")

    def __init__(
        self,
        units: int,
        activation: ActivationSpec = "tanh",
        recurrent_activation: ActivationSpec = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: str | Initializer | dict[str, Any] = "glorot_uniform",
        recurrent_initializer: str | Initializer | dict[str, Any] = "orthogonal",
        bias_initializer: str | Initializer | dict[str, Any] = "zeros",
        unit_forget_bias: bool = True,
        *,
        coupled: bool = False,
        **options: Unpack[RecurrentOptions],
    ) -> None:
        super().__init__(
            units,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            **options,
        )
        self.recurrent_activation = in_cell("recurrent_activation", recurrent_activation)
        self.unit_forget_bias = checks.boolean("unit_forget_bias", unit_forget_bias)
        self.coupled = checks.boolean("coupled", coupled)

    def initial_bias(self) -> Initializer:
        return ForgetBias(self, self.bias_initializer)

    @property
    def spec(self) -> RecurrentSpec:
        options = ("coupled",) * self.coupled
        which = self.activation, self.recurrent_activation
        return spec_of("lstm", *which, self.go_backwards, options)


class Forgets(Protocol):
    """A layer or cell with forget gates."""

    @property
    def units(self) -> int: ...
    @property
    def unit_forget_bias(self) -> bool: ...
    @property
    def coupled(self) -> bool: ...


class ForgetBias(Initializer):
    """The bias of an LSTM: from its initializer, except for the forget gates."""

    def __init__(self, layer: Forgets, initializer: Initializer) -> None:
        super().__init__()
        self.layer = layer
        self.initializer = initializer

    def beside(self, weights: Mapping[str, NDArray[Any]]) -> Initializer:
        return ForgetBias(self.layer, self.initializer.beside(weights))

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> NDArray[np.float64]:
        b, units = self.initializer(shape, rng=rng), self.layer.units
        if self.layer.unit_forget_bias:
            # A coupled gate forgets equally if its bias, which is for writing, starts at -1.
            start, gate = (-1, b[:units]) if self.layer.coupled else (1, b[units : 2 * units])
            gate[:] = gate + start if isinstance(self.initializer, Thresholds) else start
        return b
