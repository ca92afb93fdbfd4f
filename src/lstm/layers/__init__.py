"""Layers: the parts that models are made of."""

from typing import TYPE_CHECKING

from lstm.absent_names import answering
from lstm.layers.activation_layers import ELU, Identity, LeakyReLU, PReLU, ReLU, Softmax
from lstm.layers.activity_regularization import ActivityPenalty, ActivityRegularization
from lstm.layers.attention import AdditiveAttention, Attention
from lstm.layers.base import Layer
from lstm.layers.batch_normalization import BatchNormalization
from lstm.layers.cell_loop import CellLoop
from lstm.layers.conv1d import Conv1D
from lstm.layers.conv1d_transpose import Conv1DTranspose
from lstm.layers.conv_lstm1d import ConvLSTM1D
from lstm.layers.ctc_loss import CTCLoss
from lstm.layers.dense import Activation, Dense
from lstm.layers.dot import Dot
from lstm.layers.dropout import Dropout, SpatialDropout1D
from lstm.layers.einsum_dense import EinsumDense
from lstm.layers.elementwise import Elementwise
from lstm.layers.embedding import Embedding
from lstm.layers.folding import FoldTime, UnfoldTime
from lstm.layers.functions import (
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from lstm.layers.gru import GRU
from lstm.layers.input_layer import InputLayer
from lstm.layers.layer_normalization import LayerNormalization
from lstm.layers.lstm import LSTM
from lstm.layers.masking import Masking, MaskLike, MaskOf, WithMask, WithoutMask
from lstm.layers.merging import Add, Average, Concatenate, Maximum, Minimum, Multiply, Subtract
from lstm.layers.multi_head_attention import MultiHeadAttention
from lstm.layers.noise import AlphaDropout, GaussianDropout, GaussianNoise
from lstm.layers.pooling import (
    AveragePooling1D,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    MaxPooling1D,
)
from lstm.layers.product import Einsum
from lstm.layers.rearranging import BatchReshape, Transpose
from lstm.layers.reduction import CumulativeSum, Reduction
from lstm.layers.reordering import Flip, Permute
from lstm.layers.repeat_vector import RepeatVector
from lstm.layers.reshaping import ExpandDims, Flatten, Reshape, Squeeze
from lstm.layers.resizing import Cropping1D, UpSampling1D, ZeroPadding1D
from lstm.layers.rnn import RNN, GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells
from lstm.layers.separable_conv1d import DepthwiseConv1D, SeparableConv1D
from lstm.layers.simple_rnn import SimpleRNN
from lstm.layers.slicing import Slice
from lstm.layers.standardization import Normalization, Rescaling
from lstm.layers.symbolic import Input, SymbolicTensor
from lstm.layers.taking import OneHot, StopGradient, Take
from lstm.layers.tied_dense import TiedDense
from lstm.layers.variable import Constant, Variable
from lstm.layers.windows import Windows
from lstm.layers.wrappers import Bidirectional, Lambda, TimeDistributed
from lstm.old_paths import lead_to

AvgPool1D = AveragePooling1D
Convolution1D = Conv1D
Convolution1DTranspose = Conv1DTranspose
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalMaxPool1D = GlobalMaxPooling1D
MaxPool1D = MaxPooling1D
SeparableConvolution1D = SeparableConv1D

if not TYPE_CHECKING:
    __getattr__ = answering(__name__)
    lead_to(__name__)

__all__ = [
    "ELU",
    "GRU",
    "LSTM",
    "RNN",
    "Activation",
    "ActivityPenalty",
    "ActivityRegularization",
    "Add",
    "AdditiveAttention",
    "AlphaDropout",
    "Attention",
    "Average",
    "AveragePooling1D",
    "AvgPool1D",
    "BatchNormalization",
    "BatchReshape",
    "Bidirectional",
    "CTCLoss",
    "CellLoop",
    "Concatenate",
    "Constant",
    "Conv1D",
    "Conv1DTranspose",
    "ConvLSTM1D",
    "Convolution1D",
    "Convolution1DTranspose",
    "Cropping1D",
    "CumulativeSum",
    "Dense",
    "DepthwiseConv1D",
    "Dot",
    "Dropout",
    "Einsum",
    "EinsumDense",
    "Elementwise",
    "Embedding",
    "ExpandDims",
    "Flatten",
    "Flip",
    "GRUCell",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAvgPool1D",
    "GlobalMaxPool1D",
    "GlobalMaxPooling1D",
    "Identity",
    "Input",
    "InputLayer",
    "LSTMCell",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MaskLike",
    "MaskOf",
    "Masking",
    "MaxPool1D",
    "MaxPooling1D",
    "Maximum",
    "Minimum",
    "MultiHeadAttention",
    "Multiply",
    "Normalization",
    "OneHot",
    "PReLU",
    "Permute",
    "ReLU",
    "Reduction",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "SeparableConv1D",
    "SeparableConvolution1D",
    "SimpleRNN",
    "SimpleRNNCell",
    "Slice",
    "Softmax",
    "SpatialDropout1D",
    "Squeeze",
    "StackedRNNCells",
    "StopGradient",
    "Subtract",
    "SymbolicTensor",
    "Take",
    "TiedDense",
    "TimeDistributed",
    "Transpose",
    "UpSampling1D",
    "Variable",
    "Windows",
    "WithMask",
    "WithoutMask",
    "ZeroPadding1D",
    "add",
    "average",
    "concatenate",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]

PRIMITIVES: dict[str, type[Layer]] = {
    layer.__name__: layer
    for layer in (
        Activation,
        ActivityPenalty,
        ActivityRegularization,
        Add,
        AlphaDropout,
        Average,
        BatchNormalization,
        BatchReshape,
        Concatenate,
        Constant,
        CellLoop,
        Conv1D,
        ConvLSTM1D,
        CTCLoss,
        CumulativeSum,
        Dense,
        Dropout,
        Einsum,
        Elementwise,
        Embedding,
        ExpandDims,
        Flatten,
        Flip,
        FoldTime,
        GRU,
        GRUCell,
        GaussianDropout,
        GaussianNoise,
        Identity,
        LSTM,
        LSTMCell,
        MaskLike,
        MaskOf,
        Masking,
        Multiply,
        Normalization,
        OneHot,
        Permute,
        Reduction,
        RepeatVector,
        Reshape,
        SimpleRNN,
        SimpleRNNCell,
        Slice,
        SpatialDropout1D,
        Squeeze,
        StopGradient,
        Take,
        TiedDense,
        Transpose,
        UnfoldTime,
        UpSampling1D,
        Variable,
        Windows,
        WithMask,
        WithoutMask,
        ZeroPadding1D,
    )
}
"""The layers that a model file can contain; the others are traced into these."""
