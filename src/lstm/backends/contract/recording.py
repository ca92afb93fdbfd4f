"""Recording: operations that are written down instead of run, and plans that run them."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract.instructions import InstructionList
from lstm.backends.contract.types import Array

Mask = NDArray[np.bool_]


class NotRecordableError(Exception):
    """An operation needs the content of an array, which a recording does not have."""


class Plan(Protocol):
    """A recorded pass, which runs in one call, as often as wanted.

    Attributes:
        arena_bytes: the memory that it holds.
        listed: what it computes.
        derives: whether runs have to be passed what is derived from their data.
    """

    @property
    def arena_bytes(self) -> int: ...

    @property
    def listed(self) -> InstructionList: ...

    @property
    def derives(self) -> bool: ...

    def derive(
        self, data: Sequence[Array], times: int = 1
    ) -> tuple[list[Array], list[Mask | None]] | None:
        """Find out about the data of runs what was found out about those that were recorded.

        Args:
            data: the inputs that have an example, and what `Recording.data` returned, in order;
                those of several runs are joined along the first axis.
            times: the number of runs.

        Returns:
            Arrays to pass behind the inputs, and the masks of the outputs; None if such data are
            not computed by this plan.
        """

    def run(
        self,
        inputs: Sequence[Array],
        numbers: Sequence[float] = (),
        outputs: Sequence[Array] = (),
        times: int = 1,
        changed: bool = True,
    ) -> tuple[list[Array], list[list[float]]] | None:
        """Run it, perhaps several times in a row.

        Args:
            inputs: the arrays for the inputs of the recording, in order, and those derived from
                them; those of several runs are joined along the first axis.
            numbers: those for its variables; all of the first run, then all of the next.
            outputs: arrays for the first outputs; there are new ones for the others. Those of
                several runs are joined, too.
            times: the number of runs.
            changed: whether numbers of the weights may be others than when it ran before: what
                depends on them alone is not computed again otherwise.

        Returns:
            The outputs, and for each run the numbers that operations returned, up to where it
            stopped; None, and nothing is changed, if another thread runs it now, or an input cannot
            be taken: it is not finite, or a token is none of the vocabulary.
        """


class Recording(Protocol):
    """The operations of a backend, on arrays of which only the shape is known.

    An operation that needs the content of an array raises a NotRecordableError. Of inputs with an
    example, functions of NumPy may find out something: every run finds it out again.
    """

    def input(self, shape: Sequence[int], dtype: str, example: Array | None = None) -> Array:
        """Return an array that every run passes.

        Args:
            shape, dtype: those of the array.
            example: the array in this pass, if its content may matter.
        """

    def data(self, example: Mask) -> Mask:
        """Return what stands for a mask, or another array of NumPy, of which runs derive others."""

    def example(self, derived: Mask) -> Mask:
        """Return what `data`, or a function of NumPy, returned in the pass that is recorded."""

    def variable(self) -> Any:
        """Return a number that every run passes."""

    def fill(self, x: Array, value: float) -> None:
        """As in the contract."""

    def stop_unless_below(self, most: float) -> None:
        """Let runs end after the last operation that returns a number, if |number| is not below.

        Args:
            most: a number or variable; infinity stops where the number is not finite.
        """

    def where(self, number: float, record: Callable[[], None]) -> None:
        """Let runs leave out the operations that a function records, where a number is 0.

        Args:
            number: a number or variable.
            record: calls operations that return no array.
        """

    def plan(
        self, outputs: Sequence[Array], masks: Sequence[Mask | None] = (), *, finite: bool = False
    ) -> Plan:
        """Return the plan of what was recorded, which returns these arrays.

        Args:
            outputs: arrays of the recording.
            masks: their masks, or those of some.
            finite: whether all inputs must be finite numbers.
        """


class RecordingOps(Protocol):
    """Recording."""

    def recording(self, weights: Sequence[Array], fixed: bool) -> Recording | None:
        """A `Recording` with all operations of passes, or None if the backend has none.

        Args:
            weights: arrays of weights and gradients: plans read and change their memory. All other
                numbers have to be inputs of the recording.
            fixed: whether plans only read them.
        """
