"""The contract in C++: float32, with a thread for each usable core.

Allocates the arrays and calls the kernels of `cpp/`. Each operation is documented in
`lstm.backends.contract`, and defined line by line in `lstm.backends.reference`.
"""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from lstm.backends.contract import Recording
from lstm.backends.native.layers import NativeLayers
from lstm.backends.native.losses import NativeLosses
from lstm.backends.native.optimizers import NativeOptimizers
from lstm.backends.native.recording import NativeRecording
from lstm.backends.native.recurrent import NativeRecurrent
from lstm.backends.native.sampling import NativeSampling
from lstm.backends.native.threads import (
    facts,
    instruction_set,
    num_threads,
    set_num_threads,
    speed,
)

__all__ = ["Native", "instruction_set", "num_threads", "set_num_threads"]


class Native(NativeLosses, NativeLayers, NativeRecurrent, NativeOptimizers, NativeSampling):
    """The operations of the contract."""

    NAME = "native"
    DTYPES = ("float32",)
    speed = staticmethod(speed)
    facts = staticmethod(facts)

    def recording(self, weights: Sequence[NDArray[Any]]) -> Recording:
        return NativeRecording(weights)
