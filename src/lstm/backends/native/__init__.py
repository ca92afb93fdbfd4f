"""The contract in C++: float32, with a thread for each usable core.

Products of bfloat16 are computed by kernels of their own, which few processors can run.

Allocates the arrays and calls the kernels of `cpp/`. Each operation is documented in
`lstm.backends.contract`, and defined line by line in `lstm.backends.reference`.
"""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from lstm.backends import _kernels
from lstm.backends.contract import Recording
from lstm.backends.native.arithmetic import NativeArithmetic
from lstm.backends.native.layers import NativeLayers
from lstm.backends.native.losses import NativeLosses
from lstm.backends.native.optimizers import NativeOptimizers
from lstm.backends.native.recording import NativeRecording
from lstm.backends.native.recurrent import NativeRecurrent
from lstm.backends.native.sampling import NativeSampling
from lstm.backends.native.threads import num_threads, set_num_threads, speed

__all__ = ["Native", "num_threads", "set_num_threads"]


class Native(
    NativeLosses,
    NativeLayers,
    NativeRecurrent,
    NativeArithmetic,
    NativeOptimizers,
    NativeSampling,
):
    """The operations of the contract.

    Args:
        kernels: the operations of the extension, those of one precision of products.
    """

    NAME = "native"
    DTYPES = ("float32",)

    def __init__(self, kernels: Any = _kernels) -> None:
        self.kernels = kernels

    @classmethod
    def in_bfloat16(cls) -> "Native | None":
        """Return the operations with products of bfloat16; None if the machine has none."""
        kernels = _kernels.bfloat16()
        return None if kernels is None else cls(kernels)

    def speed(self) -> float:
        return speed(self.kernels.instruction_set())

    def facts(self) -> dict[str, Any]:
        return {"instruction_set": self.kernels.instruction_set(), "threads": num_threads()}

    def recording(self, weights: Sequence[NDArray[Any]], fixed: bool) -> Recording:
        return NativeRecording(weights, self.kernels, fixed)
