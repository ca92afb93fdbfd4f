"""What the operations take: arrays, caches, names and choices."""

from typing import Any, Literal, NamedTuple

Array = Any
"""An array of the backend: `numpy.ndarray` here, a tensor elsewhere."""

Cache = Any
"""What a forward pass leaves for its backward pass."""

ActivationName = Literal["linear", "relu", "tanh", "sigmoid", "hard_sigmoid", "softmax"]
"""Every activation's derivative is a function of its output; softmax works on the last axis."""

PointwiseLossName = Literal[
    "squared_error", "absolute_error", "huber", "binary_cross_entropy", "sigmoid_cross_entropy"
]

State = tuple[Array, ...]
"""What a recurrent layer remembers, its output first, an array (B, H) for each state."""


class Key(NamedTuple):
    """What random numbers follow from: entry k of what is drawn is a function of this and k.

    Attributes:
        seed: an integer of 64 bits, such as that of a pass.
        draw: another one, which of the draws with that seed it is.
    """

    seed: int
    draw: int


class Choice(NamedTuple):
    """How a token is chosen from logits; see `SamplingOps.sample`.

    The defaults draw from all tokens with the probabilities that the logits give them.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
