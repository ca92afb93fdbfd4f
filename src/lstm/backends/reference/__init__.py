"""The contract in NumPy: the living definition of every operation, next to docs/theory/.

Written to be read. float32 and float64; any array that NumPy accepts. `lstm.backends.contract`
documents the arguments and results of each function. It avoids every trick that makes kernels fast:
no packed weights, no fused gates, no threads.
"""

from lstm.backends.numpy_arrays import (
    add,
    array,
    assign,
    concatenate,
    copy,
    fill,
    flip,
    holds_tokens,
    multiply,
    part,
    repeat,
    reshape,
    scale,
    slice_backward,
    slice_forward,
    split,
    sum,
    to_numpy,
    transpose,
    zero_rows,
    zeros,
)
from lstm.backends.reference.activations import (
    activation_backward,
    activation_forward,
    sigmoid,
    softmax,
)
from lstm.backends.reference.layers import (
    conv1d_backward,
    conv1d_forward,
    dropout,
    dropout_mask,
    embedding_backward,
    embedding_forward,
    linear_backward,
    linear_forward,
    scale_features,
)
from lstm.backends.reference.losses import (
    cross_entropy_backward,
    cross_entropy_forward,
    linear_softmax_cross_entropy,
    pointwise_loss_backward,
    pointwise_loss_forward,
    softmax_cross_entropy_backward,
    softmax_cross_entropy_forward,
)
from lstm.backends.reference.machine import facts, recording, speed
from lstm.backends.reference.optimizers import (
    adam_step,
    clip_by_global_norm,
    rmsprop_step,
    sgd_step,
)
from lstm.backends.reference.quantization import (
    dequantize,
    quantize,
    quantized,
    quantized_parts,
)
from lstm.backends.reference.recurrent import recurrent_backward, recurrent_forward, recurrent_gates
from lstm.backends.reference.sampling import generate, sample

__all__ = [
    "DTYPES",
    "NAME",
    "activation_backward",
    "activation_forward",
    "adam_step",
    "add",
    "array",
    "assign",
    "clip_by_global_norm",
    "concatenate",
    "conv1d_backward",
    "conv1d_forward",
    "copy",
    "cross_entropy_backward",
    "cross_entropy_forward",
    "dequantize",
    "dropout",
    "dropout_mask",
    "embedding_backward",
    "embedding_forward",
    "facts",
    "fill",
    "flip",
    "generate",
    "holds_tokens",
    "linear_backward",
    "linear_forward",
    "linear_softmax_cross_entropy",
    "multiply",
    "part",
    "pointwise_loss_backward",
    "pointwise_loss_forward",
    "quantize",
    "quantized",
    "quantized_parts",
    "recording",
    "recurrent_backward",
    "recurrent_forward",
    "recurrent_gates",
    "repeat",
    "reshape",
    "rmsprop_step",
    "sample",
    "scale",
    "scale_features",
    "sgd_step",
    "sigmoid",
    "slice_backward",
    "slice_forward",
    "softmax",
    "softmax_cross_entropy_backward",
    "softmax_cross_entropy_forward",
    "speed",
    "split",
    "sum",
    "to_numpy",
    "transpose",
    "zero_rows",
    "zeros",
]

NAME = "reference"
DTYPES = ("float32", "float64")
