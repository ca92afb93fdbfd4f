"""GRU: the gated recurrent unit."""

from typing import Any, Unpack

from lstm import checks
from lstm.backends.contract import RecurrentSpec
from lstm.initializers import Initializer
from lstm.layers.activation_names import ActivationSpec, in_cell
from lstm.layers.recurrence import Recurrent, RecurrentOptions, spec_of


class GRU(Recurrent):
    """A layer of gated recurrent units: (B, T, D) -> (B, units) or (B, T, units).

    The equations are (G1) to (G7) of docs/theory/gru.md; gates are in the order u, s, g (update,
    reset, candidate). The reset gate multiplies the product of the state and the recurrent kernel,
    as in PyTorch; in the original unit it multiplies the state before that, (G19), so that a step
    has a second product, which waits for the first.

    Args:
        units: number of units H.
        activation: φ of the candidate g; None is linear.
        recurrent_activation: σ of the gates u and s.
        use_bias: whether to add a bias.
        kernel_initializer: initial values of the kernel W (D, 3H).
        recurrent_initializer: initial values of the recurrent kernel R (H, 3H).
        bias_initializer: initial values of the bias b (2, 3H): row 0 for the
            input, row 1 for the hidden state; (3H) without `reset_after`.
        dropout: share of the features of the input that each sequence of a batch loses while
            training, the same at every step; the others are scaled up.
        recurrent_dropout: the same for the hidden state before the recurrent kernel, (L10).
        reset_after: whether the reset gate multiplies the product, not the state before it.
        return_sequences: return the output of every step, not only of the last.
        return_state: also return the last hidden state, (B, units).
        go_backwards: read the sequence from its end; outputs are in the order of reading.
        stateful: start each batch from the state in which the last one ended, until
            `model.reset_states()`.
        zero_output_for_mask: with `return_sequences`, return zeros at padding steps, instead of the
            output of the last real step.

    A call accepts `initial_state=[h]`, a tensor of shape (B, units).

    Source:
        Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical
        machine translation", 2014.

    Example:
        >>> import lstm
        >>> lstm.layers.GRU(16, return_sequences=True)(lstm.Input((None, 3))).shape
        (None, None, 16)
    """

    fixed_arguments = (*Recurrent.fixed_arguments, "reset_after")

    def __init__(
        self,
        units: int,
        activation: ActivationSpec = "tanh",
        recurrent_activation: ActivationSpec = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: str | Initializer | dict[str, Any] = "glorot_uniform",
        recurrent_initializer: str | Initializer | dict[str, Any] = "orthogonal",
        bias_initializer: str | Initializer | dict[str, Any] = "zeros",
        *,
        reset_after: bool = True,
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
        self.reset_after = checks.boolean("reset_after", reset_after)

    @property
    def spec(self) -> RecurrentSpec:
        options = ("reset_before",) * (not self.reset_after)
        which = self.activation, self.recurrent_activation
        return spec_of("gru", *which, self.go_backwards, options)
