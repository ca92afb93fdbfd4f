"""Noted: the instructions of a recording, which of them a plan needs, and which it can prepare."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lstm.backends.native.buffers import Buffer, Symbol
from lstm.backends.native.operations import OPERATIONS, RETURNS


class Variable(float):
    """A number that every run passes, at this place; its value here means nothing."""

    place: int


@dataclass(eq=False)
class Noted:
    """An instruction as it was noted down; see `contract.instructions`.

    Attributes:
        name: the name of the operation.
        arguments: its arguments, in order.
        where: a number; where it is 0, runs leave the instruction out. None: never.
        most: what the number that it returns has to be below; None for no such limit.
    """

    name: str
    arguments: Sequence[Any]
    where: Any = None
    most: Any = None

    @property
    def returns(self) -> bool:
        """Whether it returns a number."""
        return RETURNS[self.name]

    @property
    def buffers(self) -> list[tuple[Buffer, bool]]:
        """The buffers that it uses, and whether it writes to them."""
        _, kinds = OPERATIONS[self.name]
        return [
            (x.buffer, written)
            for (_, written, _), x in zip(kinds, self.arguments, strict=True)
            if isinstance(x, Symbol)
        ]


def needed(noted: Sequence[Noted]) -> list[Noted]:
    """Return the instructions on which depends what is returned, or what outlives a run."""
    found: list[Noted] = []
    read: set[Buffer] = set()
    for one in reversed(noted):
        buffers = one.buffers
        if one.returns or any(
            written and (b in read or b.is_input or b.kept is not None) for b, written in buffers
        ):
            read.update(buffer for buffer, _ in buffers)
            found.append(one)
    return found[::-1]


def prepared(noted: Sequence[Noted]) -> list[Noted]:
    """Return the instructions that depend on kept arrays alone.

    What they use is written by no other instruction.
    """
    buffers = {one: one.buffers for one in noted}
    found = set()
    for one in noted:
        told = any(isinstance(x, Variable) for x in (*one.arguments, one.where))
        changes = any(b.is_input or (written and b.kept is not None) for b, written in buffers[one])
        if not (told or changes or one.returns):
            found.add(one)
    while True:
        others = (used for one, used in buffers.items() if one not in found)
        changing = {buffer for used in others for buffer, written in used if written}
        fewer = {one for one in found if not any(b in changing for b, _ in buffers[one])}
        if fewer == found:
            return [one for one in noted if one in found]
        found = fewer


def use(first: Sequence[Noted], others: Sequence[Noted]) -> dict[Buffer, None]:
    """Say when buffers of the arena are used by instructions in this order, and return them.

    Args:
        first: those that are prepared, whose results last as long as the plan.
        others: those of every run.
    """
    end, found = len(first) + len(others), dict[Buffer, None]()
    for k, one in enumerate([*first, *others]):
        for buffer, _ in one.buffers:
            if buffer.kept is None and not buffer.is_input:
                if buffer not in found:
                    buffer.first = k
                buffer.last = k
                found[buffer] = None
    for one in first:
        for buffer, _ in one.buffers:
            buffer.first, buffer.last = 0, end
    return found
