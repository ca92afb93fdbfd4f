"""Sampling: drawing tokens from logits, and whole texts."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract.recurrent import RecurrentWeights
from lstm.backends.contract.types import Array, Choice, State

PackedStack = Any
"""The weights of an embedding, LSTMs and an output layer, in a form that belongs to the backend."""


class SamplingOps(Protocol):
    """Drawing tokens from logits."""

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
            recent: int64 (B, W), the last tokens of each text, -1 for no token; W may be 0.
            choice: temperature at least 0, top_k at least 0, top_p in (0, 1], min_p in [0, 1],
                repetition_penalty above 0.

        Returns:
            Tokens (B).

        Source:
            Fan et al. 2018 (top_k), Holtzman et al. 2020 (top_p), Nguyen et al. 2024 (min_p),
            Keskar et al. 2019 (repetition_penalty).
        """

    def packed_stack(
        self, embedding: Array, layers: Sequence[RecurrentWeights], w: Array
    ) -> PackedStack:
        """Return the weights of a model as `generate` reads them; a copy, or views.

        Args:
            embedding: (V, E).
            layers: one triple for each LSTM of the stack (tanh and sigmoid).
            w: (H, V), the kernel of the output layer.

        The embedding, the kernels and w are all `Quantized`, or none of them is.
        """

    def generate(
        self,
        tokens: Array,
        stack: PackedStack,
        b: Array | None,
        states: Sequence[State],
        recent: NDArray[np.int64],
        u: NDArray[Any],
        choice: Choice,
    ) -> tuple[NDArray[np.int64], list[State]]:
        """The whole sampling loop: embed -> LSTM stack -> logits -> sample, and again.

        Args:
            tokens: int64 (B), the last token of each text, not yet part of the states.
            stack: the weights, packed since they changed last.
            b: (V) or None, the bias of the output layer.
            states: one (h, c) for each LSTM.
            recent: int64 (B, W), the last tokens of each text, the one in `tokens` included if it
                is to count; -1 for no token. Each new token enters, and the oldest leaves.
            u: uniforms in [0, 1), (B, N): one for each token to draw.
            choice: see `sample`.

        Returns:
            The new tokens (B, N), and the states, without the last token.
        """
