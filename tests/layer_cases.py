"""One case for each layer and way of using it; test_layers.py runs the same tests over all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lstm
from lstm.layers import (
    GRU,
    LSTM,
    Activation,
    Add,
    Average,
    Bidirectional,
    Concatenate,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    ExpandDims,
    Flatten,
    Flip,
    Layer,
    Multiply,
    Permute,
    RepeatVector,
    Reshape,
    SimpleRNN,
    Slice,
    SpatialDropout1D,
    Squeeze,
    SymbolicTensor,
    TiedDense,
    TimeDistributed,
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


class Tied(Layer):
    """An Embedding and what is tied to it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.embedding = Embedding(TOKENS, 3)
        self.output = TiedDense(self.embedding, activation="tanh")

    def call(self, inputs: Any) -> Any:
        return self.output(self.embedding(inputs))


def _lstm(name: str = "lstm", inputs: int = 2, units: int = 3) -> dict[str, tuple[int, ...]]:
    return {
        f"{name}/kernel": (inputs, 4 * units),
        f"{name}/recurrent_kernel": (units, 4 * units),
        f"{name}/bias": (4 * units,),
    }


def _gru(name: str = "gru") -> dict[str, tuple[int, ...]]:
    return {
        f"{name}/kernel": (2, 9),
        f"{name}/recurrent_kernel": (3, 9),
        f"{name}/bias": (2, 9),
    }


def _rnn(name: str = "simple_rnn") -> dict[str, tuple[int, ...]]:
    return {f"{name}/kernel": (2, 3), f"{name}/recurrent_kernel": (3, 3), f"{name}/bias": (3,)}


def _both() -> dict[str, tuple[int, ...]]:
    return _lstm("bidirectional/forward_lstm") | _lstm("bidirectional/backward_lstm")


def _conv(*kernel: int) -> dict[str, tuple[int, ...]]:
    return {"conv1d/kernel": kernel, "conv1d/bias": kernel[-1:]}


STREAMS = {"streams": True, "masks": True}
WHOLE = {"streams": False, "masks": True}

SEQUENCE, VECTOR = (STEPS, 2), (2,)
Y, H = (STEPS, 3), (3,)

CASES = [
    LayerCase("lstm", lambda: LSTM(3), [SEQUENCE], [H], _lstm(), **STREAMS),
    LayerCase(
        "lstm, sequences",
        lambda: LSTM(3, return_sequences=True),
        [SEQUENCE],
        [Y],
        _lstm(),
        **STREAMS,
    ),
    LayerCase(
        "lstm, state",
        lambda: LSTM(3, return_state=True),
        [SEQUENCE],
        [H, H, H],
        _lstm(),
        **STREAMS,
    ),
    LayerCase(
        "lstm, sequences and state",
        lambda: LSTM(3, return_sequences=True, return_state=True),
        [SEQUENCE],
        [Y, H, H],
        _lstm(),
        **STREAMS,
    ),
    LayerCase(
        "lstm, backwards",
        lambda: LSTM(3, go_backwards=True),
        [SEQUENCE],
        [H],
        _lstm(),
        **WHOLE,
    ),
    LayerCase(
        "lstm, backwards, sequences",
        lambda: LSTM(3, go_backwards=True, return_sequences=True, return_state=True),
        [SEQUENCE],
        [Y, H, H],
        _lstm(),
        **WHOLE,
        in_order=False,
    ),
    LayerCase(
        "lstm, initial state",
        lambda: LSTM(3, return_sequences=True, return_state=True),
        [SEQUENCE, H, H],
        [Y, H, H],
        _lstm(),
        stateful_call=True,
    ),
    LayerCase(
        "lstm, linear, no bias",
        lambda: LSTM(3, activation=None, use_bias=False, return_sequences=True),
        [SEQUENCE],
        [Y],
        {"lstm/kernel": (2, 12), "lstm/recurrent_kernel": (3, 12)},
        **STREAMS,
    ),
    LayerCase(
        "lstm, other activations",
        lambda: LSTM(3, activation="sigmoid", recurrent_activation="tanh", name="cell"),
        [SEQUENCE],
        [H],
        _lstm("cell"),
        **STREAMS,
    ),
    LayerCase(
        "lstm, coupled",
        lambda: LSTM(3, coupled=True, return_sequences=True),
        [SEQUENCE],
        [Y],
        {"lstm/kernel": (2, 9), "lstm/recurrent_kernel": (3, 9), "lstm/bias": (9,)},
        **STREAMS,
    ),
    LayerCase(
        "lstm, dropout",
        lambda: LSTM(3, dropout=0.3, recurrent_dropout=0.4, return_sequences=True),
        [SEQUENCE],
        [Y],
        _lstm(),
        random=True,
        **STREAMS,
    ),
    *(
        case
        for name, kind, weights in (("gru", GRU, _gru), ("simple rnn", SimpleRNN, _rnn))
        for case in (
            LayerCase(name, lambda kind=kind: kind(3), [SEQUENCE], [H], weights(), **STREAMS),
            LayerCase(
                f"{name}, sequences and state",
                lambda kind=kind: kind(3, return_sequences=True, return_state=True),
                [SEQUENCE],
                [Y, H],
                weights(),
                **STREAMS,
            ),
            LayerCase(
                f"{name}, backwards, sequences",
                lambda kind=kind: kind(3, go_backwards=True, return_sequences=True),
                [SEQUENCE],
                [Y],
                weights(),
                **WHOLE,
                in_order=False,
            ),
            LayerCase(
                f"{name}, initial state",
                lambda kind=kind: kind(3, return_sequences=True, return_state=True),
                [SEQUENCE, H],
                [Y, H],
                weights(),
                stateful_call=True,
            ),
            LayerCase(
                f"{name}, sigmoid, no bias",
                lambda kind=kind: kind(3, activation="sigmoid", use_bias=False),
                [SEQUENCE],
                [H],
                {key: shape for key, shape in weights().items() if "bias" not in key},
                **STREAMS,
            ),
            LayerCase(
                f"{name}, dropout",
                lambda kind=kind: kind(3, dropout=0.3, recurrent_dropout=0.4),
                [SEQUENCE],
                [H],
                weights(),
                random=True,
                **STREAMS,
            ),
        )
    ),
    LayerCase(
        "gru, other activations",
        lambda: GRU(3, activation="sigmoid", recurrent_activation="tanh", name="cell"),
        [SEQUENCE],
        [H],
        _gru("cell"),
        **STREAMS,
    ),
    LayerCase(
        "conv1d, valid",
        lambda: Conv1D(3, 2),
        [SEQUENCE],
        [(4, 3)],
        _conv(2, 2, 3),
        **WHOLE,
        in_order=False,
    ),
    LayerCase(
        "conv1d, same",
        lambda: Conv1D(3, 4, padding="same", activation="tanh"),
        [SEQUENCE],
        [Y],
        _conv(4, 2, 3),
        **WHOLE,
    ),
    LayerCase(
        "conv1d, same, strides",
        lambda: Conv1D(3, 3, strides=2, padding="same"),
        [SEQUENCE],
        [(3, 3)],
        _conv(3, 2, 3),
        streams=False,
    ),
    LayerCase(
        "conv1d, causal, dilation",
        lambda: Conv1D(3, 2, padding="causal", dilation_rate=2, activation="sigmoid"),
        [SEQUENCE],
        [Y],
        _conv(2, 2, 3),
        **STREAMS,
    ),
    LayerCase(
        "conv1d, strides",
        lambda: Conv1D(3, 2, strides=2),
        [SEQUENCE],
        [(2, 3)],
        _conv(2, 2, 3),
        **WHOLE,
        in_order=False,
    ),
    LayerCase(
        "conv1d, causal, strides",
        lambda: Conv1D(3, 3, strides=2, padding="causal"),
        [SEQUENCE],
        [(3, 3)],
        _conv(3, 2, 3),
        in_order=False,
        **WHOLE,
    ),
    LayerCase(
        "conv1d, kernel of one, no bias",
        lambda: Conv1D(3, (1,), activation="tanh", use_bias=False),
        [SEQUENCE],
        [Y],
        {"conv1d/kernel": (1, 2, 3)},
        **STREAMS,
    ),
    LayerCase(
        "dense",
        lambda: Dense(3, activation="tanh"),
        [VECTOR],
        [H],
        {"dense/kernel": (2, 3), "dense/bias": (3,)},
    ),
    LayerCase(
        "dense over time, softmax, no bias",
        lambda: Dense(3, activation="softmax", use_bias=False),
        [SEQUENCE],
        [Y],
        {"dense/kernel": (2, 3)},
        **STREAMS,
    ),
    LayerCase(
        "activation",
        lambda: Activation("sigmoid"),
        [SEQUENCE],
        [SEQUENCE],
        **STREAMS,
    ),
    LayerCase("dropout", lambda: Dropout(0.4), [SEQUENCE], [SEQUENCE], random=True, **STREAMS),
    LayerCase(
        "spatial dropout",
        lambda: SpatialDropout1D(0.4),
        [SEQUENCE],
        [SEQUENCE],
        random=True,
        **STREAMS,
    ),
    LayerCase(
        "embedding",
        lambda: Embedding(TOKENS, 3),
        [(STEPS,)],
        [Y],
        {"embedding/embeddings": (TOKENS, 3)},
        tokens=True,
        **STREAMS,
    ),
    LayerCase(
        "embedding, mask",
        lambda: Embedding(TOKENS, 3, mask_zero=True),
        [(STEPS,)],
        [Y],
        {"embedding/embeddings": (TOKENS, 3)},
        tokens=True,
        **STREAMS,
    ),
    LayerCase(
        "embedding, dropout",
        lambda: Embedding(TOKENS, 3, dropout=0.4),
        [(STEPS,)],
        [Y],
        {"embedding/embeddings": (TOKENS, 3)},
        tokens=True,
        random=True,
        **STREAMS,
    ),
    LayerCase(
        "tied dense",
        Tied,
        [(STEPS,)],
        [(STEPS, TOKENS)],
        {"tied/embedding/embeddings": (TOKENS, 3), "tied/tied_dense/bias": (TOKENS,)},
        tokens=True,
        **STREAMS,
    ),
    LayerCase("flatten", Flatten, [(5, 2)], [(10,)]),
    LayerCase("reshape", lambda: Reshape((-1, 2)), [(5, 4)], [(10, 2)]),
    LayerCase("permute", lambda: Permute((3, 1, 2)), [(2, 3, 4)], [(4, 2, 3)]),
    LayerCase("repeat", lambda: RepeatVector(4), [VECTOR], [(4, 2)]),
    LayerCase("squeeze", Squeeze, [(STEPS, 1)], [(STEPS,)], **STREAMS),
    LayerCase("squeeze, middle", lambda: Squeeze(2), [(2, 1, 3)], [(2, 3)]),
    LayerCase("expand", ExpandDims, [SEQUENCE], [(STEPS, 2, 1)], **STREAMS),
    LayerCase("flip", Flip, [SEQUENCE], [SEQUENCE], **WHOLE, in_order=False),
    LayerCase(
        "flip, features", lambda: Flip(-1), [SEQUENCE], [SEQUENCE], streams=True, masks=False
    ),
    LayerCase("slice, last", lambda: Slice([-1]), [SEQUENCE], [VECTOR], streams=True),
    LayerCase("slice, from", lambda: Slice([[1, None, None]]), [SEQUENCE], [(4, 2)], streams=False),
    LayerCase(
        "slice, features",
        lambda: Slice([[None, None, None], [None, None, -1]]),
        [SEQUENCE],
        [SEQUENCE],
        **STREAMS,
    ),
    LayerCase("add", Add, [SEQUENCE, SEQUENCE], [SEQUENCE], **STREAMS),
    LayerCase("average", Average, [SEQUENCE] * 3, [SEQUENCE], **STREAMS),
    LayerCase("multiply", Multiply, [SEQUENCE] * 3, [SEQUENCE], **STREAMS),
    LayerCase("concatenate", Concatenate, [SEQUENCE, Y], [(STEPS, 5)], **STREAMS),
    LayerCase(
        "concatenate, time",
        lambda: Concatenate(axis=1),
        [SEQUENCE, SEQUENCE],
        [(2 * STEPS, 2)],
        streams=False,
    ),
    LayerCase(
        "time distributed dense",
        lambda: TimeDistributed(Dense(3)),
        [SEQUENCE],
        [Y],
        {"time_distributed/dense/kernel": (2, 3), "time_distributed/dense/bias": (3,)},
        **STREAMS,
    ),
    LayerCase(
        "time distributed lstm",
        lambda: TimeDistributed(LSTM(3)),
        [(STEPS, 4, 2)],
        [Y],
        _lstm("time_distributed/lstm"),
        **STREAMS,
    ),
    LayerCase(
        "time distributed conv1d",
        lambda: TimeDistributed(Conv1D(2, 3)),
        [(STEPS, 4, 2)],
        [(STEPS, 2, 2)],
        {"time_distributed/conv1d/kernel": (3, 2, 2), "time_distributed/conv1d/bias": (2,)},
        **STREAMS,
    ),
    LayerCase(
        "time distributed flatten",
        lambda: TimeDistributed(Flatten()),
        [(STEPS, 2, 2)],
        [(STEPS, 4)],
        **STREAMS,
    ),
    LayerCase(
        "twice time distributed",
        lambda: TimeDistributed(TimeDistributed(Flatten())),
        [(STEPS, 2, 2, 1)],
        [(STEPS, 2, 2)],
        **STREAMS,
    ),
    *(
        LayerCase(
            f"bidirectional, {mode}",
            lambda mode=mode: Bidirectional(LSTM(3, return_sequences=True), merge_mode=mode),
            [SEQUENCE],
            [(STEPS, 6 if mode == "concat" else 3)],
            _both(),
            **WHOLE,
        )
        for mode in ("concat", "sum", "ave", "mul")
    ),
    LayerCase(
        "bidirectional, two outputs",
        lambda: Bidirectional(LSTM(3, return_sequences=True), merge_mode=None),
        [SEQUENCE],
        [Y, Y],
        _both(),
        **WHOLE,
    ),
    LayerCase(
        "bidirectional, dropout",
        lambda: Bidirectional(LSTM(3, dropout=0.3, recurrent_dropout=0.4)),
        [SEQUENCE],
        [(6,)],
        _both(),
        random=True,
        **WHOLE,
    ),
    LayerCase(
        "bidirectional, last and state",
        lambda: Bidirectional(LSTM(3, return_state=True)),
        [SEQUENCE],
        [(6,), H, H, H, H],
        _both(),
        **WHOLE,
    ),
    LayerCase(
        "bidirectional, initial state",
        lambda: Bidirectional(LSTM(3, return_sequences=True), merge_mode="sum"),
        [SEQUENCE, H, H, H, H],
        [Y],
        _both(),
        stateful_call=True,
    ),
    LayerCase(
        "bidirectional gru, last and state",
        lambda: Bidirectional(GRU(3, return_state=True)),
        [SEQUENCE],
        [(6,), H, H],
        _gru("bidirectional/forward_gru") | _gru("bidirectional/backward_gru"),
        **WHOLE,
    ),
    LayerCase(
        "bidirectional simple rnn, initial state",
        lambda: Bidirectional(SimpleRNN(3, return_sequences=True), merge_mode="sum"),
        [SEQUENCE, H, H],
        [Y],
        _rnn("bidirectional/forward_simple_rnn") | _rnn("bidirectional/backward_simple_rnn"),
        stateful_call=True,
    ),
]
