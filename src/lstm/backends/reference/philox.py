"""Random numbers without a state: each depends only on a key and its own number.

Philox 4x32-10 makes four words of 32 bits from a counter of four words and a key of two, in ten
rounds of multiplications whose halves are crossed over. No word depends on the one before it, so
any part of the sequence can be computed anywhere, in any order, to the same bits.

Source:
    Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import Key

Words = NDArray[np.uint64]
"""Words of 32 bits, with room for their products."""

_ROUNDS = 10
_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
"""Increments of the key from round to round."""

_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


def philox(counter: NDArray[Any], key: NDArray[Any]) -> Words:
    """Return words (..., 4) for counters (..., 4) and a key (2), all of 32 bits."""
    c0, c1, c2, c3 = np.moveaxis(counter.astype(np.uint64), -1, 0)
    k0, k1 = key.astype(np.uint64)
    for _ in range(_ROUNDS):
        p0, p1 = _MULTIPLIERS[0] * c0, _MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = p1 >> _HALF ^ c1 ^ k0, p1 & _LOW, p0 >> _HALF ^ c3 ^ k1, p0 & _LOW
        k0, k1 = k0 + _WEYL[0] & _LOW, k1 + _WEYL[1] & _LOW
    return np.stack((c0, c1, c2, c3), -1)


def random_words(count: int, key: Key) -> Words:
    """Return this many words of 32 bits: number k is word k % 4 of block k // 4.

    The seed is Philox's key. The counter holds the number of the block, and above it the draw.
    """
    blocks = np.arange(-(-count // 4), dtype=np.uint64)
    draw = np.full_like(blocks, key.draw)
    counter = np.stack((blocks & _LOW, blocks >> _HALF, draw & _LOW, draw >> _HALF), -1)
    seed = np.array([key.seed & 0xFFFFFFFF, key.seed >> 32], np.uint64)
    return philox(counter, seed).reshape(-1)[:count]
