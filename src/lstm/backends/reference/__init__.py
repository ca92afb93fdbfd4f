"""The contract in NumPy: the living definition of every operation, next to docs/theory/.

Written to be read. float32 and float64; any array that NumPy accepts. `lstm.backends.contract`
documents the arguments and results of each function. It avoids every trick that makes kernels fast:
no packed weights, no fused gates, no threads.
"""

import sys
from typing import Any, cast

from lstm.backends.contract import Ops
from lstm.backends.numpy_arrays import (
    accumulate,
    add,
    array,
    assign,
    concatenate,
    copy,
    dtype_of,
    fill,
    flip,
    holds_tokens,
    multiply,
    part,
    read_only,
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
from lstm.backends.reference.arithmetic import (
    ReferenceArithmetic,
    broadcast,
    cumulative_sum,
    elementwise_backward,
    elementwise_forward,
    max,
    numbers,
    one_hot,
    take,
    take_backward,
)
from lstm.backends.reference.ctc import ctc_backward, ctc_forward
from lstm.backends.reference.layers import (
    dropout,
    dropout_mask,
    embedding_backward,
    embedding_forward,
    scale_features,
    uniform,
)
from lstm.backends.reference.losses import (
    ReferenceLosses,
    cross_entropy_backward,
    cross_entropy_forward,
    pointwise_loss_backward,
    pointwise_loss_forward,
    softmax_cross_entropy_backward,
    softmax_cross_entropy_forward,
    weighted_total,
)
from lstm.backends.reference.machine import facts, recording, speed
from lstm.backends.reference.optimizers import (
    adadelta_step,
    adagrad_step,
    adam_step,
    adamax_step,
    clip_by_norm,
    clip_by_value,
    ftrl_step,
    lion_step,
    mix,
    nadam_step,
    rmsprop_step,
    sgd_step,
)
from lstm.backends.reference.products import to_bfloat16, unchanged
from lstm.backends.reference.quantization import (
    dequantize,
    quantize,
    quantized,
    quantized_parts,
)
from lstm.backends.reference.recurrent import recurrent_gates
from lstm.backends.reference.sampling import ReferenceSampling, sample

__all__ = [
    "BFLOAT16",
    "DTYPES",
    "NAME",
    "accumulate",
    "activation_backward",
    "activation_forward",
    "adadelta_step",
    "adagrad_step",
    "adam_step",
    "adamax_step",
    "add",
    "array",
    "assign",
    "broadcast",
    "clip_by_norm",
    "clip_by_value",
    "concatenate",
    "conv1d_backward",
    "conv1d_forward",
    "copy",
    "cross_entropy_backward",
    "cross_entropy_forward",
    "ctc_backward",
    "ctc_forward",
    "cumulative_sum",
    "dequantize",
    "dropout",
    "dropout_mask",
    "dtype_of",
    "elementwise_backward",
    "elementwise_forward",
    "embedding_backward",
    "embedding_forward",
    "facts",
    "fill",
    "flip",
    "ftrl_step",
    "generate",
    "holds_tokens",
    "linear_backward",
    "linear_forward",
    "linear_softmax_cross_entropy",
    "lion_step",
    "matmul",
    "max",
    "mix",
    "multiply",
    "nadam_step",
    "numbers",
    "one_hot",
    "packed_stack",
    "part",
    "pointwise_loss_backward",
    "pointwise_loss_forward",
    "quantize",
    "quantized",
    "quantized_parts",
    "read_only",
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
    "take",
    "take_backward",
    "to_numpy",
    "transpose",
    "uniform",
    "weighted_total",
    "zero_rows",
    "zeros",
]

NAME = "reference"
DTYPES = ("float32", "float64")


class Reference(ReferenceSampling, ReferenceLosses, ReferenceArithmetic):
    """The operations that multiply matrices, with their factors in one precision."""


_exact = Reference(unchanged)
conv1d_backward = _exact.conv1d_backward
conv1d_forward = _exact.conv1d_forward
generate = _exact.generate
linear_backward = _exact.linear_backward
linear_forward = _exact.linear_forward
linear_softmax_cross_entropy = _exact.linear_softmax_cross_entropy
matmul = _exact.matmul
packed_stack = _exact.packed_stack
recurrent_backward = _exact.recurrent_backward
recurrent_forward = _exact.recurrent_forward


class WithRounding(Reference):
    """All operations of the reference, of which products round their factors first."""

    NAME = NAME
    DTYPES = ("float32",)

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.modules[__name__], name)  # What multiplies nothing is the same.


BFLOAT16 = cast(Ops, WithRounding(to_bfloat16))
