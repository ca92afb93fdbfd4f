"""Lanes: what the path for narrow LSTMs keeps of each step, 16 sequences side by side.

Of each block of 16 sequences lie, one after the other, the gates i, f, g and o (T, 4H, 16) and the
cells (T, H, 16). The last block has room for sequences that are not there.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

WIDTH = 16
"""Sequences in a block, on every instruction set."""

BLOCKS = 5
"""Blocks of H numbers that are kept of each step."""

_MOST_IDLE = 1.25
"""Lanes for each one in use that are still faster than units in the lanes."""


def rows(B: int) -> int:
    """Return how many sequences there is room for."""
    return -(-B // WIDTH) * WIDTH


def are_filled(mask: NDArray[np.bool_]) -> bool:
    """Whether few lanes stand idle when sequences of about the same length are in a block.

    Kernels go through two blocks at once, for as many steps as the longest sequence in them has.
    """
    lengths = np.sort(np.count_nonzero(mask, 1))[::-1]
    return bool(2 * WIDTH * lengths[:: 2 * WIDTH].sum() <= _MOST_IDLE * lengths.sum())


def out_of_lanes(kept: Array, shape: tuple[int, int, int]) -> tuple[Array, Array]:
    """Return the gates (B, T, 4H) and the cells (B, T, H), whose shape is given."""
    B, T, H = shape
    count, of_gates = rows(B) // WIDTH, T * 4 * H * WIDTH
    blocks = kept.reshape(count, T * BLOCKS * H * WIDTH)

    def part(numbers: Array, n: int) -> Array:
        by_sequence = numbers.reshape(count, T, n, WIDTH).transpose(0, 3, 1, 2)
        return by_sequence.reshape(rows(B), T, n)[:B]

    return part(blocks[:, :of_gates], 4 * H), part(blocks[:, of_gates:], H)


def into_lanes(gates: Array, cells: Array) -> Array:
    """Return what the path keeps (rows(B), T, 5H), with zeros for sequences that are not there."""
    B, T, H = cells.shape
    count = rows(B) // WIDTH

    def blocks(part: Array) -> Array:
        n = T * part.shape[2]
        whole = np.pad(part, ((0, rows(B) - B), (0, 0), (0, 0)))
        return whole.reshape(count, WIDTH, n).swapaxes(1, 2).reshape(count, n * WIDTH)

    return np.concatenate([blocks(gates), blocks(cells)], 1).reshape(rows(B), T, BLOCKS * H)
