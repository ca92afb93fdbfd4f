"""Types of the operations: arrays, caches, names and choices."""

from typing import Any, Literal, NamedTuple

Array = Any
"""An array of the backend: `numpy.ndarray` here, a tensor elsewhere."""

Cache = Any
"""The values that a forward pass keeps for its backward pass."""

ActivationName = Literal["linear", "relu", "tanh", "sigmoid", "hard_sigmoid", "softmax"]
"""Every activation's derivative is a function of its output; softmax works on the last axis."""

PointwiseLossName = Literal[
    "squared_error", "absolute_error", "huber", "binary_cross_entropy", "sigmoid_cross_entropy"
]

FunctionName = Literal[
    "add",
    "subtract",
    "multiply",
    "divide",
    "maximum",
    "minimum",
    "power",
    "less",
    "less_equal",
    "equal",
    "keep",
    "leaky_relu",
    "elu",
    "exp",
    "log",
    "sqrt",
    "square",
    "reciprocal",
    "abs",
    "sign",
    "floor",
    "softplus",
    "erf",
    "sin",
    "cos",
]
"""Functions of numbers x and y, or of x alone, which begin with "exp"."""

State = tuple[Array, ...]
"""The states of a recurrent layer, the output first, an array (B, H) for each state."""


class Key(NamedTuple):
    """The key of random numbers: entry k of a draw is a function of the key and k.

    Attributes:
        seed: an integer of 64 bits, such as the seed of a pass.
        draw: the number of the draw with this seed, also of 64 bits.
    """

    seed: int
    draw: int


class Choice(NamedTuple):
    """How to choose a token from logits; see `SamplingOps.sample`.

    The defaults draw from all tokens with the probabilities from the logits.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
