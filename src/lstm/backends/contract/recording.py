"""Recording: operations that are written down instead of run, and plans that run them."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from lstm.backends.contract.instructions import InstructionList
from lstm.backends.contract.types import Array


class NotRecordableError(Exception):
    """An operation needs the content of an array, which a recording does not have."""


class Plan(Protocol):
    """A recorded pass, which runs in one call, as often as wanted.

    Attributes:
        arena_bytes: the memory that it holds.
        listed: what it computes.
    """

    @property
    def arena_bytes(self) -> int: ...

    @property
    def listed(self) -> InstructionList: ...

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
            inputs: the arrays for the inputs of the recording, in order; those of several runs are
                joined along the first axis.
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

    An operation that needs the content of an array raises a NotRecordableError.
    """

    def input(self, shape: Sequence[int], dtype: str) -> Array:
        """Return an array that every run passes."""

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

    def plan(self, outputs: Sequence[Array], *, finite: bool = False) -> Plan:
        """Return the plan of what was recorded, which returns these arrays.

        Args:
            outputs: arrays of the recording.
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
