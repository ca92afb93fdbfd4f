"""Epochs: repeated passes over data, from any point on."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sized
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

Order = NDArray[np.int64]
"""The numbers of the items, in the order of a pass."""


class Epochs(Generic[T]):
    """The items of passes over data, an epoch at a time.

    Iterating yields the rest of the current epoch, or the next one.

    Args:
        go_over: yields the items of a pass in an order (None: the order of the data), except the
            first ones; their number is its second argument.
        steps: items in an epoch, which continues in the pass where the last one ended; None for one
            pass per epoch.
        ordered: the items to put in order.
        rng: draws the order of each pass; None keeps the order of the data.
        once: whether there is only one pass.
    """

    def __init__(
        self,
        go_over: Callable[[Order | None, int], Iterator[T]],
        steps: int | None,
        ordered: Sized = (),
        rng: np.random.Generator | None = None,
        *,
        once: bool = False,
    ) -> None:
        self._go_over = go_over
        self._steps = steps
        self._ordered = ordered
        self._rng = rng
        self._once = once
        self._drawn_from: dict[str, Any] | None = None
        self.restart()

    def restart(self) -> None:
        """Let the next epoch start with a new pass."""
        self._pass: Iterator[T] | None = None
        self._waiting: list[T] = []
        self._of_pass = self._of_epoch = 0

    @property
    def begun(self) -> bool:
        """Whether an epoch has started and not ended."""
        return self._of_epoch > 0

    def more(self) -> bool:
        """Whether there is an item for another epoch; it is kept for it."""
        self._waiting = self._waiting or self._next()
        return bool(self._waiting)

    def __iter__(self) -> Iterator[T]:
        while self._of_epoch != self._steps:
            found, self._waiting = self._waiting or self._next(), []
            if not found:
                break
            self._of_pass += 1
            self._of_epoch += 1
            yield found[0]
        self._of_epoch = 0

    def _next(self) -> list[T]:
        """Return the next item of the epoch, if there is one."""
        if self._pass is None:
            self._begin()
        assert self._pass is not None
        for item in self._pass:
            return [item]
        self._pass = None
        if self._steps is None or self._once or not self._of_pass:
            return []
        return self._next()

    def _begin(self) -> None:
        """Start a pass."""
        order = None
        if self._rng is not None:
            self._drawn_from = dict(self._rng.bit_generator.state)
            order = _shuffled(len(self._ordered), self._rng)
        self._pass, self._of_pass = self._go_over(order, 0), 0

    # ---- position

    @property
    def position(self) -> dict[str, Any]:
        """Return the position, as JSON values."""
        return {
            "of_epoch": self._of_epoch,
            "of_pass": self._of_pass if self._pass is not None else 0,
            "drawn_from": self._drawn_from,
        }

    def seek(self, position: Mapping[str, Any]) -> None:
        """Continue from a position of other epochs over the same data."""
        self.restart()
        self._of_epoch, self._of_pass = position["of_epoch"], position["of_pass"]
        self._drawn_from = position["drawn_from"]
        if self._of_pass:
            order = None
            if self._rng is not None:
                then = copy.deepcopy(self._rng)
                then.bit_generator.state = self._drawn_from
                order = _shuffled(len(self._ordered), then)
            self._pass = self._go_over(order, self._of_pass)


def _shuffled(count: int, rng: np.random.Generator) -> Order:
    order = np.arange(count)
    rng.shuffle(order)
    return order
