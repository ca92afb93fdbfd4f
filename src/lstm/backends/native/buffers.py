"""Memory of a recording: symbols of arrays, their buffers, and how these share an arena."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Any

from numpy.typing import NDArray

SIZES = {"float32": 4, "int64": 8, "bool_": 1, "int8": 1}
_LINE = 64
"""Bytes in a line of the cache, at which arrays begin."""


@dataclass(frozen=True, eq=False)
class Symbol:
    """An array of a recording, whose content is not known.

    Attributes:
        buffer: its buffer.
        shape: its shape.
        begin: bytes of the buffer before it.
    """

    buffer: "Buffer"
    shape: tuple[int, ...]
    begin: int = 0

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return prod(self.shape)

    def __len__(self) -> int:
        return self.shape[0]


@dataclass(eq=False)
class Buffer:
    """Memory of a recording.

    Attributes:
        dtype: "float32", "int64", "bool_" or "int8".
        size: numbers in it.
        kept: the existing array whose memory this is; None for memory of the plan.
        is_input: whether every run passes it.
        first, last: the first and last instruction that use it.
        offset: bytes before it in the arena.
    """

    dtype: str
    size: int
    kept: NDArray[Any] | None = None
    is_input: bool = False
    first: int = -1
    last: int = -1
    offset: int = 0

    @property
    def bytes(self) -> int:
        return self.size * SIZES[self.dtype]


def lay_out(buffers: Iterable[Buffer]) -> int:
    """Give every buffer a place in the arena, and return its size in bytes.

    Buffers that are in use at different times may share memory. The largest are placed first, each
    as low as possible.
    """
    placed: list[Buffer] = []
    for buffer in sorted(buffers, key=lambda buffer: -buffer.bytes):
        alive = [b for b in placed if b.first <= buffer.last and buffer.first <= b.last]
        for other in sorted(alive, key=lambda b: b.offset):
            if other.offset - buffer.offset >= buffer.bytes:
                break
            end = (other.offset + other.bytes + _LINE - 1) // _LINE * _LINE
            buffer.offset = max(buffer.offset, end)
        placed.append(buffer)
    return max((b.offset + b.bytes for b in placed), default=0)
