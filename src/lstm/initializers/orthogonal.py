"""Orthogonal: matrices that keep lengths."""

from collections.abc import Sequence
from math import prod

import numpy as np

from lstm import checks
from lstm.errors import InvalidShapeError
from lstm.initializers.base import Initializer, Values


class Orthogonal(Initializer):
    """Orthonormal rows or columns, whichever are fewer; a wide kernel consists of square blocks.

    For a recurrent kernel (H, 4H), each gate gets its own orthogonal H × H matrix. Of a kernel with
    more axes, all but the last are rows.

    Args:
        gain: a factor of all values.
        seed: seed of its own generator, instead of the generator of `lstm.set_seed`.

    Source:
        Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural
        networks", 2014.
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        super().__init__(seed)
        self.gain = checks.number("gain", gain)

    def values(self, shape: Sequence[int], rng: np.random.Generator) -> Values:
        if len(shape) < 2:
            raise InvalidShapeError("shape", "at least two axes", tuple(shape))
        return self.gain * _matrix(prod(shape[:-1]), shape[-1], rng).reshape(shape)


def _matrix(rows: int, columns: int, rng: np.random.Generator) -> Values:
    if columns > rows and rows and columns % rows == 0:
        blocks = [_matrix(rows, rows, rng) for _ in range(columns // rows)]
        return np.concatenate(blocks, axis=1)
    tall = rng.normal(size=(max(rows, columns), min(rows, columns)))
    q, triangle = np.linalg.qr(tall)
    # The signs make the result uniform over all orthogonal matrices.
    q *= np.where(np.diag(triangle) < 0, -1.0, 1.0)
    return q if rows >= columns else q.T
