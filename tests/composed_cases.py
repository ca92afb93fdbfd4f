"""Cases of layers that are made of arithmetic: pooling, normalization, attention, and the like."""

from typing import Any

import numpy as np

from layer_case import (
    SEQUENCE,
    STEPS,
    STREAMS,
    TOKENS,
    VECTOR,
    WHOLE,
    LayerCase,
    lstm_weights,
)
from lstm import ops
from lstm.layers import (
    ELU,
    RNN,
    ActivityPenalty,
    ActivityRegularization,
    AdditiveAttention,
    AlphaDropout,
    Attention,
    AveragePooling1D,
    BatchNormalization,
    BatchReshape,
    Bidirectional,
    Conv1DTranspose,
    ConvLSTM1D,
    Cropping1D,
    CumulativeSum,
    Dense,
    DepthwiseConv1D,
    Dot,
    Dropout,
    EinsumDense,
    Elementwise,
    GaussianDropout,
    GaussianNoise,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    GRUCell,
    Identity,
    Lambda,
    Layer,
    LayerNormalization,
    LeakyReLU,
    LSTMCell,
    Masking,
    MaskLike,
    MaskOf,
    Maximum,
    MaxPooling1D,
    Minimum,
    MultiHeadAttention,
    Normalization,
    OneHot,
    PReLU,
    Reduction,
    ReLU,
    Rescaling,
    SeparableConv1D,
    SimpleRNNCell,
    Softmax,
    StackedRNNCells,
    StopGradient,
    Subtract,
    Take,
    Transpose,
    UpSampling1D,
    Windows,
    WithMask,
    WithoutMask,
    ZeroPadding1D,
)


class Scale(Layer):
    """A weight of its own, used twice, beside fixed numbers."""

    def build(self, shape: Any) -> None:
        self.factor = self.add_weight("factor", shape[-1:], "ones")

    def call(self, inputs: Any) -> Any:
        return ops.tanh(inputs * self.factor) + np.array([0.5, -0.5]) * self.factor


class Pooled(Layer):
    """Attention as people write it, with the mask."""

    def build(self, shape: Any) -> None:
        self.score = self.add_weight(name="score", shape=(shape[-1], 1), initializer="normal")

    def call(self, inputs: Any, mask: Any = None) -> Any:
        scores = ops.squeeze(ops.tanh(ops.dot(inputs, self.score)), -1)
        scores = scores - 1e9 * (1.0 - ops.cast(mask, "float32"))
        shares = ops.expand_dims(ops.softmax(scores), -1)
        return ops.sum(shares * inputs, axis=1)


class OnItself(Layer):
    """Attention of a sequence to itself."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.attention = self.make()

    def make(self) -> Layer:
        return Attention(True)

    def call(self, inputs: Any) -> Any:
        return self.attention([inputs, inputs])


class AddedUp(OnItself):
    def make(self) -> Layer:
        return AdditiveAttention()


class Heads(Layer):
    """The same with several heads, and no look ahead."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.attention = MultiHeadAttention(2, 3, use_bias=False)

    def call(self, inputs: Any) -> Any:
        return self.attention(inputs, inputs, use_causal_mask=True)


class OwnCell(Layer):
    """A cell as people write it, with weights of its own and an inner layer; two states."""

    def __init__(self, units: int = 3, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.state_size = [units, units]
        self.between = Dense(units, use_bias=False, name="between")

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight("kernel", (input_shape[-1], self.units), "glorot_uniform")

    def call(self, inputs: Any, states: Any) -> Any:
        slow, fast = states
        fast = ops.tanh(ops.matmul(inputs, self.kernel) + self.between(fast) - slow)
        slow = 0.75 * slow + 0.25 * fast
        return slow * fast, [slow, fast]


class Stepped(Layer):
    """Cells of all kinds, for one step."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.cells = StackedRNNCells([LSTMCell(3), GRUCell(2), SimpleRNNCell(2)])

    def call(self, inputs: Any) -> Any:
        return self.cells(inputs)[0]


def _pool(name: str, make: Any, steps: int, **options: Any) -> LayerCase:
    return LayerCase(name, make, [SEQUENCE], [(steps, 2)], in_order=False, **WHOLE, **options)


def _pointwise(name: str, make: Any, **options: Any) -> LayerCase:
    return LayerCase(name, make, [SEQUENCE], [SEQUENCE], **STREAMS, **options)


_ATTENTION = [SEQUENCE, SEQUENCE]
_HEADS = {
    "multi_head_attention/query/kernel": (2, 2, 3),
    "multi_head_attention/key/kernel": (2, 2, 3),
    "multi_head_attention/value/kernel": (2, 2, 3),
    "multi_head_attention/attention_output/kernel": (2, 3, 2),
}

COMPOSED = [
    _pool("max pooling", lambda: MaxPooling1D(2), 2),
    _pool("max pooling, strides", lambda: MaxPooling1D(2, strides=1), 4),
    _pool("average pooling", lambda: AveragePooling1D(2), 2),
    _pool("average pooling, same", lambda: AveragePooling1D(3, strides=1, padding="same"), 5),
    LayerCase(
        "depthwise",
        lambda: DepthwiseConv1D(2, depth_multiplier=2),
        [SEQUENCE],
        [(4, 4)],
        {"depthwise_conv1d/kernel": (2, 2, 2), "depthwise_conv1d/bias": (4,)},
        **WHOLE,
        in_order=False,
    ),
    LayerCase(
        "separable",
        lambda: SeparableConv1D(3, 2, activation="tanh"),
        [SEQUENCE],
        [(4, 3)],
        {
            "separable_conv1d/depthwise_kernel": (2, 2, 1),
            "separable_conv1d/pointwise_kernel": (1, 2, 3),
            "separable_conv1d/bias": (3,),
        },
        **WHOLE,
        in_order=False,
    ),
    LayerCase(
        "cells",
        lambda: RNN([LSTMCell(3), SimpleRNNCell(3)], return_sequences=True),
        [SEQUENCE],
        [(STEPS, 3)],
        lstm_weights("rnn/lstm_cell")
        | {
            "rnn/simple_rnn_cell/kernel": (3, 3),
            "rnn/simple_rnn_cell/recurrent_kernel": (3, 3),
            "rnn/simple_rnn_cell/bias": (3,),
        },
        **STREAMS,
    ),
    LayerCase(
        "own cell",
        lambda: RNN(OwnCell(3), return_sequences=True),
        [SEQUENCE],
        [(STEPS, 3)],
        {"rnn/own_cell/between/kernel": (3, 3), "rnn/own_cell/kernel": (2, 3)},
        **STREAMS,
    ),
    LayerCase(
        "bidirectional cells",
        lambda: Bidirectional(
            RNN([SimpleRNNCell(2), LSTMCell(3)], return_sequences=True, return_state=True)
        ),
        [SEQUENCE],
        [(STEPS, 6), (2,), (3,), (3,), (2,), (3,), (3,)],
        {
            f"bidirectional/{half}_rnn/{name}": shape
            for half in ("forward", "backward")
            for name, shape in {
                "simple_rnn_cell/kernel": (2, 2),
                "simple_rnn_cell/recurrent_kernel": (2, 2),
                "simple_rnn_cell/bias": (2,),
                "lstm_cell/kernel": (2, 12),
                "lstm_cell/recurrent_kernel": (3, 12),
                "lstm_cell/bias": (12,),
            }.items()
        },
        **WHOLE,
    ),
    LayerCase(
        "bidirectional convolutional lstm",
        lambda: Bidirectional(ConvLSTM1D(3, 2, return_sequences=True), merge_mode="sum"),
        [(STEPS, 4, 2)],
        [(STEPS, 3, 3)],
        {
            f"bidirectional/{half}_conv_lstm1d/{name}": shape
            for half in ("forward", "backward")
            for name, shape in {
                "kernel": (2, 2, 12),
                "recurrent_kernel": (2, 3, 12),
                "bias": (12,),
            }.items()
        },
        **WHOLE,
    ),
    LayerCase(
        "convolutional lstm",
        lambda: ConvLSTM1D(3, 2, padding="same", return_sequences=True),
        [(STEPS, 4, 2)],
        [(STEPS, 4, 3)],
        {
            "conv_lstm1d/kernel": (2, 2, 12),
            "conv_lstm1d/recurrent_kernel": (2, 3, 12),
            "conv_lstm1d/bias": (12,),
        },
        **STREAMS,
    ),
    LayerCase(
        "convolutional lstm, last state",
        lambda: ConvLSTM1D(2, 3, strides=2, activation="sigmoid", return_state=True),
        [(STEPS, 6, 1)],
        [(2, 2)] * 3,
        {
            "conv_lstm1d/kernel": (3, 1, 8),
            "conv_lstm1d/recurrent_kernel": (3, 2, 8),
            "conv_lstm1d/bias": (8,),
        },
        **STREAMS,
    ),
    LayerCase("global max", GlobalMaxPooling1D, [SEQUENCE], [VECTOR], **WHOLE),
    LayerCase("global average", GlobalAveragePooling1D, [SEQUENCE], [VECTOR], **WHOLE),
    LayerCase(
        "global average, kept",
        lambda: GlobalAveragePooling1D(keepdims=True),
        [SEQUENCE],
        [(1, 2)],
        **WHOLE,
        in_order=False,
    ),
    _pool("upsampling", lambda: UpSampling1D(2), 10),
    _pool("zero padding", lambda: ZeroPadding1D((1, 2)), 8),
    _pool("cropping", lambda: Cropping1D((1, 1)), 3),
    _pointwise("relu layer", lambda: ReLU(1.0, 0.1, 0.2), kinks=True),
    _pointwise("leaky relu", lambda: LeakyReLU(0.2), kinks=True),
    _pointwise("elu", lambda: ELU(0.7), kinks=True),
    _pointwise(
        "prelu", lambda: PReLU(shared_axes=[1]), kinks=True, weights={"p_re_lu/alpha": (1, 2)}
    ),
    _pointwise("softmax of features", Softmax),
    LayerCase("softmax of steps", lambda: Softmax(1), [SEQUENCE], [SEQUENCE], **WHOLE),
    _pointwise(
        "layer normalization",
        LayerNormalization,
        weights={"layer_normalization/gamma": (2,), "layer_normalization/beta": (2,)},
    ),
    _pointwise(
        "batch normalization",
        BatchNormalization,
        weights={
            f"batch_normalization/{name}": (2,)
            for name in ("gamma", "beta", "moving_mean", "moving_variance")
        },
        random=True,
    ),
    _pointwise(
        "normalization",
        Normalization,
        weights={"normalization/mean": (2,), "normalization/variance": (2,)},
    ),
    _pointwise("rescaling", lambda: Rescaling(0.7, 0.2)),
    _pointwise("identity", Identity),
    _pointwise("gaussian noise", lambda: GaussianNoise(0.3), random=True),
    _pointwise("gaussian dropout", lambda: GaussianDropout(0.3), random=True),
    LayerCase("subtract", Subtract, _ATTENTION, [SEQUENCE], **STREAMS),
    LayerCase("maximum", Maximum, _ATTENTION, [SEQUENCE], **STREAMS),
    LayerCase("minimum", Minimum, _ATTENTION, [SEQUENCE], **STREAMS),
    LayerCase("dot of vectors", lambda: Dot(1), [VECTOR, VECTOR], [(1,)]),
    LayerCase("dot, cosines", lambda: Dot((2, 2), normalize=True), [(4, 3), (5, 3)], [(4, 5)]),
    LayerCase("dot over time", lambda: Dot((1, 1)), [(4, 3), (4, 2)], [(3, 2)]),
    _pointwise("own weight", Scale, weights={"scale/factor": (2,)}),
    LayerCase("own attention", Pooled, [SEQUENCE], [VECTOR], {"pooled/score": (2, 1)}, **WHOLE),
    _pointwise(
        "einsum dense",
        lambda: EinsumDense("btd,df->btf", (None, 2), "tanh", bias_axes="f"),
        weights={"einsum_dense/kernel": (2, 2), "einsum_dense/bias": (2,)},
    ),
    _pointwise("elementwise, number", lambda: Elementwise("multiply", 1.5)),
    LayerCase(
        "reduction, several axes",
        lambda: Reduction("mean", (1, 2)),
        [SEQUENCE],
        [()],
        **WHOLE,
    ),
    LayerCase("cumulative sum", CumulativeSum, [SEQUENCE], [SEQUENCE], **WHOLE),
    LayerCase("take", lambda: Take([1, 0, 1]), [SEQUENCE], [(STEPS, 3)], **STREAMS),
    LayerCase("windows", lambda: Windows(2), [SEQUENCE], [(4, 2, 2)], **WHOLE, in_order=False),
    LayerCase(
        "one hot", lambda: OneHot(TOKENS), [(STEPS,)], [(STEPS, TOKENS)], tokens=True, **STREAMS
    ),
    LayerCase("batch reshape", lambda: BatchReshape((-1, 3, 2)), [(6,)], [(3, 2)]),
    LayerCase("transpose", lambda: Transpose((0, 2, 1)), [(4, 3)], [(3, 4)]),
]

ATTENTION = [
    LayerCase(
        "attention",
        OnItself,
        [SEQUENCE],
        [SEQUENCE],
        {"on_itself/attention/scale": ()},
        **WHOLE,
    ),
    LayerCase(
        "additive attention",
        AddedUp,
        [SEQUENCE],
        [SEQUENCE],
        {"added_up/additive_attention/scale": (2,)},
        **WHOLE,
    ),
    LayerCase(
        "multi-head attention",
        Heads,
        [SEQUENCE],
        [SEQUENCE],
        {f"heads/{name}": shape for name, shape in _HEADS.items()},
        **WHOLE,
    ),
]

UNMASKED = [
    LayerCase("one step of cells", Stepped, [VECTOR], [VECTOR]),
    LayerCase(
        "conv transpose",
        lambda: Conv1DTranspose(3, 3, strides=2),
        [SEQUENCE],
        [(11, 3)],
        {"conv1d_transpose/kernel": (3, 3, 2), "conv1d_transpose/bias": (3,)},
    ),
    LayerCase("dropout of features", lambda: Dropout(0.4, (None, 1, 2)), [SEQUENCE], [SEQUENCE]),
    LayerCase("masking", Masking, [SEQUENCE], [SEQUENCE]),
    LayerCase("stop gradient", StopGradient, [SEQUENCE], [SEQUENCE]),
    LayerCase("alpha dropout", lambda: AlphaDropout(0.3), [SEQUENCE], [SEQUENCE], random=True),
    LayerCase("activity", lambda: ActivityRegularization(0.1), [SEQUENCE], [SEQUENCE]),
    LayerCase("activity penalty", lambda: ActivityPenalty("l2"), [SEQUENCE], [SEQUENCE]),
    LayerCase("mask of", MaskOf, [SEQUENCE], [(STEPS,)]),
    LayerCase("with mask", WithMask, [SEQUENCE, (STEPS,)], [SEQUENCE]),
    LayerCase("without mask", WithoutMask, [SEQUENCE], [SEQUENCE]),
    LayerCase("mask like", MaskLike, [SEQUENCE, SEQUENCE], [SEQUENCE]),
    LayerCase("constant", lambda: Lambda(lambda x: x + np.ones(2)), [SEQUENCE], [SEQUENCE]),
    LayerCase("lambda", lambda: Lambda(lambda x: 2.0 * x), [SEQUENCE], [SEQUENCE]),
]
"""Layers that other tests hold to what they do with masks."""
