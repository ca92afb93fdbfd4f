"""Ragged: the real steps of masked sequences, side by side, for kernels that compute no others."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]


class Ragged(NamedTuple):
    """Which steps of a batch (B, T) are real, and where the kernels have them.

    Kernels get the sequences with the longest first, each without gaps, in the order of
    computation: B·T rows, T for each, of which only the first ones count. Behind these rows are B
    more, for the states that the sequences of the batch start from.

    Attributes:
        lengths: (B), real steps of each sequence, as the kernels have them.
        sequences: (B), which of the batch they are.
        places: (B), which of them each of the batch is.
        steps: (B·T), which of the B·T steps of the batch each row is. Behind the end of a sequence
            it is any real one, because some kernels multiply its numbers by 0.
        own: (B·T), the row of each step of the batch; B·T if it is skipped.
        shown: (B·T), the row of its state, which is that of the latest real step, or of the first
            state.
        last: (B), the row of the last state of each of the batch.
        ended: (B), the same where kernels keep no others: B states, and the first ones behind them.
    """

    lengths: Index
    sequences: Index
    places: Index
    steps: Index
    own: Index
    shown: Index
    last: Index
    ended: Index

    @classmethod
    def of(cls, mask: NDArray[np.bool_], reverse: bool) -> "Ragged":
        """Return what a mask (B, T) says of sequences that are read forwards, or in reverse."""
        B, T = mask.shape
        so_far = (mask[:, ::-1] if reverse else mask).cumsum(1)
        count, batch = so_far[:, -1], np.arange(B)
        sequences = np.argsort(-count, kind="stable")
        places = np.empty(B, np.int64)
        places[sequences] = batch
        of_first = B * T + batch[:, None]
        shown = np.where(so_far > 0, so_far + (T * places[:, None] - 1), of_first)
        last = shown[:, -1]
        shown = (shown[:, ::-1] if reverse else shown).reshape(-1)
        counts = mask.reshape(-1)
        own = np.where(counts, shown, B * T)
        real = np.flatnonzero(counts)
        steps = np.full(B * T, real[0] if len(real) else 0)
        steps[shown[real]] = real
        ended = np.where(count > 0, places, B + batch)
        return cls(count[sequences], sequences, places, steps, own, shown, last, ended)


def spread(rows: NDArray[Any], behind: NDArray[Any], index: Index) -> NDArray[Any]:
    """Return (B, T, C): for each step of the batch, the row that `index` names.

    Args:
        rows: (B, T, C), as the kernels have them.
        behind: (B, C), or more or fewer of such rows.
        index: (B·T).
    """
    whole = np.concatenate([rows.reshape(-1, rows.shape[2]), behind])
    return whole[index].reshape(rows.shape)
