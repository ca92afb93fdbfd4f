"""The contract: every operation that a backend provides, documented once, divided by family.

A backend is a module (or object) with these functions. `reference` says in NumPy what each means.
Everything above the backends calls these and does no arithmetic of its own.

Letters: B sequences in a batch, T time steps, D inputs, H units, V symbols, E embedding size,
K kernel size, C channels, F filters; `...` any leading axes. Arrays are batch first, of one
floating dtype per model; tokens and integer targets are int64. An `Array` is opaque to the caller,
who asks its `shape` and `ndim` and nothing else: it may be on another device. What is an `NDArray`
here is NumPy's. A number that is returned, a loss or a norm, is one that the host waits for.

Rules that hold for every operation:

- arguments are checked by the caller: a backend may assume shapes, dtypes and ranges;
- inputs are never modified, except where an argument is described as updated in place;
- a `cache` is opaque, belongs to the backend and may share memory with inputs and outputs; it
  serves one backward pass, which may overwrite what the cache alone holds;
- gradients of weights (`dw`, `dr`, `db`) are *added* to the buffers passed in, because a layer may
  be used twice; a buffer of None means that the gradient is not wanted;
- gradients of inputs are returned, as None where `need_dx` is False.
"""

from typing import Any, Protocol

from lstm.backends.contract.arrays import ArrayOps
from lstm.backends.contract.layers import LayerOps
from lstm.backends.contract.losses import LossOps
from lstm.backends.contract.optimizers import OptimizerOps
from lstm.backends.contract.recurrent import (
    CELLS,
    Cell,
    CellName,
    RecurrentOps,
    RecurrentSpec,
    RecurrentWeights,
)
from lstm.backends.contract.sampling import SamplingOps
from lstm.backends.contract.types import (
    ActivationName,
    Array,
    Cache,
    Choice,
    Key,
    PointwiseLossName,
    State,
)

__all__ = [
    "CELLS",
    "ActivationName",
    "Array",
    "Cache",
    "Cell",
    "CellName",
    "Choice",
    "Key",
    "Ops",
    "PointwiseLossName",
    "RecurrentSpec",
    "RecurrentWeights",
    "State",
]


class Ops(ArrayOps, LayerOps, RecurrentOps, LossOps, OptimizerOps, SamplingOps, Protocol):
    """The operations of a backend."""

    @property
    def NAME(self) -> str:
        """Name under which the backend is chosen."""

    @property
    def DTYPES(self) -> tuple[str, ...]:
        """Floating dtypes that the backend computes in, the default first."""

    def speed(self) -> float:
        """Floating-point operations in a second that a training may count on here: about."""

    def facts(self) -> dict[str, Any]:
        """What the backend computes with on this machine, by name, for `lstm.info()`."""
