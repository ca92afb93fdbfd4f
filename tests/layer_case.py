"""LayerCase: a layer and a way of using it, with the shapes and weights that cases share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lstm
from lstm.layers import (
    Layer,
    SymbolicTensor,
)

STEPS = 5
"""Length of the sequences in the cases."""

TOKENS = 4
"""Size of the vocabulary of the layers that take tokens."""


@dataclass(frozen=True)
class LayerCase:
    """A layer on certain inputs, and what is promised of it.

    Attributes:
        name: of the case.
        make: the layer.
        inputs: shapes of the inputs without the batch axis.
        output: shapes of the outputs without the batch axis.
        weights: names and shapes of the weights.
        tokens: whether the input is tokens.
        stateful_call: whether all inputs but the first are given as `initial_state`.
        streams: whether the layer can work chunk by chunk; None for one without a time axis.
        masks: whether sequences of different lengths are computed as if each were alone.
        random: whether training draws from the generator of the model.
        kinks: whether its slope jumps among its inputs, so that differences say nothing; the
            gradients of the operations are tested without it.
        in_order: whether output step t belongs to input step t, or there is only one output.
    """

    name: str
    make: Callable[[], Layer]
    inputs: Sequence[tuple[int, ...]]
    output: Sequence[tuple[int, ...]]
    weights: dict[str, tuple[int, ...]] = field(default_factory=dict)
    tokens: bool = False
    stateful_call: bool = False
    streams: bool | None = None
    masks: bool = False
    random: bool = False
    kinks: bool = False
    in_order: bool = True

    def connect(self, layer: Layer, tensors: Sequence[SymbolicTensor]) -> Any:
        """The outputs of the layer for these inputs."""
        if self.stateful_call:
            return layer(tensors[0], initial_state=list(tensors[1:]))
        return layer(*tensors)

    def model(self, layer: Layer | None = None, *, any_length: bool = False) -> lstm.Model:
        """A model of the layer alone."""
        inputs = [
            lstm.Input((None, *shape[1:]) if any_length and self.sequences else shape)
            for shape in self.inputs
        ]
        return lstm.Model(inputs, self.connect(layer or self.make(), inputs))

    @property
    def sequences(self) -> bool:
        """Whether the first axis of the input is time."""
        return self.streams is not None

    def data(
        self, rng: np.random.Generator, batch_size: int, steps: int = STEPS
    ) -> list[NDArray[Any]]:
        """One array for each input."""
        shapes = list(self.inputs)
        if self.sequences:
            shapes = [(steps, *shape[1:]) if shape[0] == STEPS else shape for shape in shapes]
        if self.tokens:
            return [rng.integers(0, TOKENS, (batch_size, *shape)) for shape in shapes]
        return [rng.normal(size=(batch_size, *shape)) for shape in shapes]

    def ragged(self, rng: np.random.Generator, lengths: Sequence[int]) -> list[list[NDArray[Any]]]:
        """The same with sequences of different lengths, one list for each input."""
        parts = zip(*(self.data(rng, 1, length) for length in lengths), strict=True)
        return [[part[0] for part in one] for one in parts]


def lstm_weights(name: str = "lstm", inputs: int = 2, units: int = 3) -> dict[str, tuple[int, ...]]:
    return {
        f"{name}/kernel": (inputs, 4 * units),
        f"{name}/recurrent_kernel": (units, 4 * units),
        f"{name}/bias": (4 * units,),
    }


def gru_weights(name: str = "gru") -> dict[str, tuple[int, ...]]:
    return {
        f"{name}/kernel": (2, 9),
        f"{name}/recurrent_kernel": (3, 9),
        f"{name}/bias": (2, 9),
    }


def rnn_weights(name: str = "simple_rnn") -> dict[str, tuple[int, ...]]:
    return {f"{name}/kernel": (2, 3), f"{name}/recurrent_kernel": (3, 3), f"{name}/bias": (3,)}


STREAMS = {"streams": True, "masks": True}
WHOLE = {"streams": False, "masks": True}

SEQUENCE, VECTOR = (STEPS, 2), (2,)
Y, H = (STEPS, 3), (3,)
