"""The contract in C++: float32, with a thread for each usable core.

Allocates the arrays and calls the kernels of `cpp/`. Each function is documented in
`lstm.backends.contract`, and defined line by line in `lstm.backends.reference`.
"""

from lstm.backends.native.arrays import array
from lstm.backends.native.layers import (
    activation_backward,
    activation_forward,
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
from lstm.backends.native.losses import (
    cross_entropy_backward,
    cross_entropy_forward,
    linear_softmax_cross_entropy,
    pointwise_loss_backward,
    pointwise_loss_forward,
    softmax_cross_entropy_backward,
    softmax_cross_entropy_forward,
)
from lstm.backends.native.optimizers import adam_step, clip_by_global_norm, rmsprop_step, sgd_step
from lstm.backends.native.recurrent import recurrent_backward, recurrent_forward, recurrent_gates
from lstm.backends.native.sampling import generate, sample
from lstm.backends.native.threads import (
    facts,
    instruction_set,
    num_threads,
    set_num_threads,
    speed,
)
from lstm.backends.numpy_arrays import (
    add,
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
    "dropout",
    "dropout_mask",
    "embedding_backward",
    "embedding_forward",
    "facts",
    "fill",
    "flip",
    "generate",
    "holds_tokens",
    "instruction_set",
    "linear_backward",
    "linear_forward",
    "linear_softmax_cross_entropy",
    "multiply",
    "num_threads",
    "part",
    "pointwise_loss_backward",
    "pointwise_loss_forward",
    "recurrent_backward",
    "recurrent_forward",
    "recurrent_gates",
    "repeat",
    "reshape",
    "rmsprop_step",
    "sample",
    "scale",
    "scale_features",
    "set_num_threads",
    "sgd_step",
    "slice_backward",
    "slice_forward",
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

NAME = "native"
DTYPES = ("float32",)
