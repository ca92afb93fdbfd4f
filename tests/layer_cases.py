"""One case for each layer and way of using it; test_layers.py runs the same tests over all."""

from typing import Any

from composed_cases import ATTENTION, COMPOSED
from layer_case import (
    SEQUENCE,
    STEPS,
    STREAMS,
    TOKENS,
    VECTOR,
    WHOLE,
    H,
    LayerCase,
    Y,
    gru_weights,
    lstm_weights,
    rnn_weights,
)
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
    TiedDense,
    TimeDistributed,
)
from recurrent_layer_cases import RECURRENT


class Tied(Layer):
    """An Embedding and what is tied to it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.embedding = Embedding(TOKENS, 3)
        self.output = TiedDense(self.embedding, activation="tanh")

    def call(self, inputs: Any) -> Any:
        return self.output(self.embedding(inputs))


def _both() -> dict[str, tuple[int, ...]]:
    return lstm_weights("bidirectional/forward_lstm") | lstm_weights("bidirectional/backward_lstm")


def _conv(*kernel: int) -> dict[str, tuple[int, ...]]:
    return {"conv1d/kernel": kernel, "conv1d/bias": kernel[-1:]}


CASES = [
    *RECURRENT,
    *COMPOSED,
    *ATTENTION,
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
    LayerCase("add, repeated", Add, [SEQUENCE, (STEPS, 1)], [SEQUENCE], **STREAMS),
    LayerCase("average, repeated", Average, [(STEPS, 1), SEQUENCE], [SEQUENCE], **STREAMS),
    LayerCase("multiply, repeated", Multiply, [SEQUENCE, (STEPS, 1)], [SEQUENCE], **STREAMS),
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
        lstm_weights("time_distributed/lstm"),
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
        gru_weights("bidirectional/forward_gru") | gru_weights("bidirectional/backward_gru"),
        **WHOLE,
    ),
    LayerCase(
        "bidirectional simple rnn, initial state",
        lambda: Bidirectional(SimpleRNN(3, return_sequences=True), merge_mode="sum"),
        [SEQUENCE, H, H],
        [Y],
        rnn_weights("bidirectional/forward_simple_rnn")
        | rnn_weights("bidirectional/backward_simple_rnn"),
        stateful_call=True,
    ),
]
