"""SimpleRNN: a recurrent layer without gates."""

from typing import Any, Unpack

from lstm.backends.contract import RecurrentSpec
from lstm.initializers import Initializer
from lstm.layers.activation_names import ActivationSpec
from lstm.layers.recurrence import Recurrent, RecurrentOptions, spec_of


class SimpleRNN(Recurrent):
    """Units whose state is their last output: (B, T, D) -> (B, units) or (B, T, units).

    h_t = φ(x_t·W + h_{t-1}·R + b), (R1) to (R3) of docs/theory/recurrence.md. It is here to compare
    with: over long lags its gradients mostly vanish or explode. The gates of `LSTM` were designed
    against that.

    Args:
        units: number of units H.
        activation: φ; None is linear.
        use_bias: whether to add a bias.
        kernel_initializer: initial values of the kernel W (D, H).
        recurrent_initializer: initial values of the recurrent kernel R (H, H).
        bias_initializer: initial values of the bias b (H).
        dropout: share of the features of the input that each sequence of a batch loses while
            training, the same at every step; the others are scaled up.
        recurrent_dropout: the same for the hidden state before the recurrent kernel, (L10).
        return_sequences: return the output of every step, not only of the last.
        return_state: also return the last hidden state, (B, units).
        go_backwards: read the sequence from its end; outputs are in the order of reading.
        stateful: start each batch from the state in which the last one ended, until
            `model.reset_states()`.
        zero_output_for_mask: with `return_sequences`, return zeros at padding steps, instead of the
            output of the last real step.

    A call accepts `initial_state=[h]`, a tensor of shape (B, units).

    Source:
        Elman, "Finding structure in time", 1990.

    Example:
        >>> import lstm
        >>> lstm.layers.SimpleRNN(16, return_sequences=True)(lstm.Input((None, 3))).shape
        (None, None, 16)
    """

    def __init__(
        self,
        units: int,
        activation: ActivationSpec = "tanh",
        use_bias: bool = True,
        kernel_initializer: str | Initializer | dict[str, Any] = "glorot_uniform",
        recurrent_initializer: str | Initializer | dict[str, Any] = "orthogonal",
        bias_initializer: str | Initializer | dict[str, Any] = "zeros",
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

    @property
    def spec(self) -> RecurrentSpec:
        return spec_of("rnn", self.activation, reverse=self.go_backwards)
