"""The contract: every operation that a backend provides, documented once, divided by family.

A backend is a module (or object) with these functions. `reference` defines each of them in NumPy.
Everything above the backends calls them and does no arithmetic itself.

Letters: B sequences in a batch, T time steps, D inputs, H units, V symbols, E embedding size,
K kernel size, C channels, F filters; `...` any leading axes. Arrays are batch first, of one
floating dtype per model; tokens and integer targets are int64. A backend may round the factors of
matrix products, those of all alike; see `Backend.precision`. An `Array` is opaque: callers may
read only its `shape` and `ndim`, because it may be on another device. An `NDArray` is always
NumPy's. For a returned number, such as a loss or a norm, the host waits.

Rules that hold for every operation:

- the caller checks arguments: a backend may rely on shapes, dtypes and ranges;
- inputs are never modified, except where an argument is described as updated in place;
- a `cache` is opaque, belongs to the backend and may share memory with inputs and outputs; it
  serves one backward pass, which may overwrite what the cache alone holds;
- gradients of weights (`dw`, `dr`, `db`) are *added* to the buffers passed in, because a layer may
  be used twice; a buffer of None means that the gradient is not needed;
- gradients of inputs are returned, as None if `need_dx` is False;
- weights of products may be int8, as `Quantized` explains.
"""

from typing import Any, Protocol

from lstm.backends.contract.arithmetic import ArithmeticOps
from lstm.backends.contract.arrays import ArrayOps
from lstm.backends.contract.instructions import Given, Instruction, InstructionList, Place
from lstm.backends.contract.layers import LayerOps
from lstm.backends.contract.losses import LossOps
from lstm.backends.contract.optimizers import OptimizerOps
from lstm.backends.contract.quantization import MOST_INPUTS, QuantizationOps, Quantized
from lstm.backends.contract.recording import NotRecordableError, Plan, Recording, RecordingOps
from lstm.backends.contract.recurrent import (
    CELLS,
    Cell,
    CellName,
    RecurrentOps,
    RecurrentSpec,
    RecurrentWeights,
)
from lstm.backends.contract.sampling import PackedStack, SamplingOps
from lstm.backends.contract.types import (
    ActivationName,
    Array,
    Cache,
    Choice,
    FunctionName,
    Key,
    PointwiseLossName,
    State,
)

__all__ = [
    "CELLS",
    "MOST_INPUTS",
    "ActivationName",
    "Array",
    "Cache",
    "Cell",
    "CellName",
    "Choice",
    "FunctionName",
    "Given",
    "Instruction",
    "InstructionList",
    "Key",
    "NotRecordableError",
    "Ops",
    "PackedStack",
    "Place",
    "Plan",
    "PointwiseLossName",
    "Quantized",
    "Recording",
    "RecurrentSpec",
    "RecurrentWeights",
    "State",
]


class Ops(
    ArrayOps,
    ArithmeticOps,
    LayerOps,
    RecurrentOps,
    LossOps,
    OptimizerOps,
    SamplingOps,
    QuantizationOps,
    RecordingOps,
    Protocol,
):
    """The operations of a backend."""

    @property
    def NAME(self) -> str:
        """Name under which the backend is chosen."""

    @property
    def DTYPES(self) -> tuple[str, ...]:
        """Floating dtypes in which the backend computes, the default first."""

    def speed(self) -> float:
        """Approximate floating-point operations per second during training on this machine."""

    def facts(self) -> dict[str, Any]:
        """What the backend uses on this machine, by name, for `lstm.info()`."""
