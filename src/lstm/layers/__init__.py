"""Layers: the parts that models are made of."""

from lstm.layers.base import Layer
from lstm.layers.conv1d import Conv1D
from lstm.layers.dense import Activation, Dense
from lstm.layers.dropout import Dropout, SpatialDropout1D
from lstm.layers.embedding import Embedding
from lstm.layers.gru import GRU
from lstm.layers.input_layer import InputLayer
from lstm.layers.lstm import LSTM
from lstm.layers.merging import Add, Average, Concatenate, Multiply
from lstm.layers.shaping import (
    ExpandDims,
    Flatten,
    Flip,
    FoldTime,
    Permute,
    RepeatVector,
    Reshape,
    Squeeze,
    UnfoldTime,
)
from lstm.layers.simple_rnn import SimpleRNN
from lstm.layers.slicing import Slice
from lstm.layers.symbolic import Input, SymbolicTensor
from lstm.layers.tied_dense import TiedDense
from lstm.layers.wrappers import Bidirectional, Lambda, TimeDistributed

__all__ = [
    "GRU",
    "LSTM",
    "Activation",
    "Add",
    "Average",
    "Bidirectional",
    "Concatenate",
    "Conv1D",
    "Dense",
    "Dropout",
    "Embedding",
    "ExpandDims",
    "Flatten",
    "Flip",
    "Input",
    "InputLayer",
    "Lambda",
    "Layer",
    "Multiply",
    "Permute",
    "RepeatVector",
    "Reshape",
    "SimpleRNN",
    "Slice",
    "SpatialDropout1D",
    "Squeeze",
    "SymbolicTensor",
    "TiedDense",
    "TimeDistributed",
]

PRIMITIVES: dict[str, type[Layer]] = {
    layer.__name__: layer
    for layer in (
        Activation,
        Add,
        Average,
        Concatenate,
        Conv1D,
        Dense,
        Dropout,
        Embedding,
        ExpandDims,
        Flatten,
        Flip,
        FoldTime,
        GRU,
        LSTM,
        Multiply,
        Permute,
        RepeatVector,
        Reshape,
        SimpleRNN,
        Slice,
        SpatialDropout1D,
        Squeeze,
        TiedDense,
        UnfoldTime,
    )
}
"""The layers that a model file can contain; the others are traced into these."""
