"""Lanes: what the path for narrow LSTMs keeps of a forward pass, 16 sequences side by side."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LANES = 16
"""Sequences in a block."""


def out_of_lanes(kept: Array, shape: tuple[int, int, int]) -> tuple[Array, Array]:
    """Return the gates (B, T, 4H) and the cells (B, T, H) in what is kept, for a `shape` (B, T, H).

    Of each block, (T, 4H, 16) are gates, then (T, H, 16) cells.
    """
    B, T, H = shape
    of_blocks = kept.reshape(kept.shape[0] // LANES, -1)

    def rows(part: Array, n: int) -> Array:
        return part.reshape(-1, T, n, LANES).transpose(0, 3, 1, 2).reshape(-1, T, n)[:B]

    size = 4 * H * T * LANES
    return rows(of_blocks[:, :size], 4 * H), rows(of_blocks[:, size:], H)


def into_lanes(gates: Array, c: Array, kept: Array) -> None:
    """Write gates (B, T, 4H) and cells (B, T, H) to what is kept."""
    blocks = kept.shape[0] // LANES

    def lanes(part: Array) -> Array:
        whole = np.zeros((kept.shape[0], *part.shape[1:]), part.dtype)
        whole[: len(part)] = part
        return whole.reshape(blocks, LANES, *part.shape[1:]).transpose(0, 2, 3, 1)

    parts = [lanes(part).reshape(blocks, -1) for part in (gates, c)]
    kept.reshape(blocks, -1)[...] = np.concatenate(parts, 1)
