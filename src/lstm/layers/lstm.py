"""LSTM: long short-term memory."""

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from lstm import activations, checks
from lstm.backends.contract import RecurrentSpec
from lstm.initializers import Initializer
from lstm.layers.base import LayerOptions
from lstm.layers.recurrent import Recurrent


class LSTM(Recurrent):
    """A layer of LSTM units: (B, T, D) -> (B, units), or (B, T, units) with `return_sequences`.

    The equations are (L1) to (L8) of docs/theory/gates.md; gates are in the order i, f, g, o.

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
        zero_output_for_mask: with `return_sequences`, give zeros at the steps that are padding
            instead of the output of the last real step.

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
        zero_output_for_mask: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            units,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            zero_output_for_mask=zero_output_for_mask,
            **options,
        )
        self.recurrent_activation = activations.get(
            "recurrent_activation", recurrent_activation, elementwise=True
        )
        self.unit_forget_bias = checks.boolean("unit_forget_bias", unit_forget_bias)

    def initial_bias(self) -> Initializer:
        return _Bias(self)

    @property
    def spec(self) -> RecurrentSpec:
        return RecurrentSpec(
            "lstm", self.activation, self.recurrent_activation, reverse=self.go_backwards
        )


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
