"""Instruction lists: what a plan computes, as plain data that can be read, run and written out.

A list has no pointers: its arrays are places in numbered buffers. Buffer 0 is the arena, memory for
what lies between instructions; then come the buffers of arrays that exist (weights, gradients,
slots of the optimizer, constant indices); then those that every run passes, inputs and outputs.

The instructions are the kernels of `cpp/`: `_kernels.operations()` names their arguments, kinds and
shapes, and cpp/kernels.h says what each computes. `reference.interpreter` runs a list in NumPy.
"""

from dataclasses import dataclass
from typing import NamedTuple

from lstm.backends.contract.types import Array


class Place(NamedTuple):
    """An array of a list.

    Attributes:
        buffer: the number of its buffer.
        offset: bytes of the buffer before it.
        shape: its shape; row-major, without gaps.
        dtype: the name of its dtype in NumPy.
    """

    buffer: int
    offset: int
    shape: tuple[int, ...]
    dtype: str


class Given(NamedTuple):
    """A number that every run passes.

    Attributes:
        number: its place among them.
    """

    number: int


Argument = Place | Given | float | None
"""An argument of an instruction; a choice by name, such as an activation, is its number."""


class Instruction(NamedTuple):
    """An operation and its arguments.

    Attributes:
        name: the name of the operation.
        arguments: its arguments, in order.
        most: what the number that it returns has to be below, or else the run ends; None for no
            such limit.
        where: a number; where it is 0, the run leaves the instruction out. None never does.
    """

    name: str
    arguments: tuple[Argument, ...]
    most: Given | float | None = None
    where: Given | float | None = None


@dataclass(frozen=True)
class InstructionList:
    """The instructions of a plan.

    Attributes:
        instructions: the instructions, in order.
        arena_bytes: size of buffer 0.
        kept: the arrays whose memory the next buffers are.
        passed: for each further buffer, its place: the inputs, then the outputs.
        outputs: number of outputs.
        prepared: number of first instructions that depend on kept arrays alone. What they compute
            stays in the arena, and has to be computed again only where kept arrays have changed.
    """

    instructions: list[Instruction]
    arena_bytes: int
    kept: list[Array]
    passed: list[Place]
    outputs: int
    prepared: int = 0
