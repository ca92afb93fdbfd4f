"""Ragged: the real steps of masked sequences, side by side, for kernels that compute no others."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Index = NDArray[np.int64]


class Ragged(NamedTuple):
    """Which steps of a batch are real, and where the kernels have them.

    Kernels get the N sequences that have a real step, the longest first, each without gaps, in the
    order of computation: N·S rows, S steps for each, of which the last ones of shorter sequences
    mean nothing. What belongs to no real step follows in rows behind these.

    Attributes:
        batch: (B, T).
        lengths: (N), real steps of each sequence, at least 1.
        sequences: (N), which of the batch they are.
        steps: (N·S), which of the B·T steps of the batch each row is. Behind the end of a sequence
            it is any real one, because some kernels multiply its numbers by 0.
        own: (B·T), the row of each step of the batch; N·S if it is skipped.
        shown: (B·T), the row of its state, which is that of the latest real step; N·S + b before
            the first one of sequence b.
        ends: (N), the row of the last step of each of the sequences.
    """

    batch: tuple[int, int]
    lengths: Index
    sequences: Index
    steps: Index
    own: Index
    shown: Index
    ends: Index

    @classmethod
    def of(cls, mask: NDArray[np.bool_], reverse: bool) -> "Ragged":
        """Return what a mask (B, T) says of sequences that are read forwards, or in reverse."""
        B, T = mask.shape
        real = mask[:, ::-1] if reverse else mask
        so_far = real.cumsum(1)
        count = so_far[:, -1]
        sequences = np.argsort(-count, kind="stable")[: np.count_nonzero(count)]
        N, S = len(sequences), int(count.max(initial=0))
        first_row = np.zeros(B, np.int64)
        first_row[sequences] = S * np.arange(N)
        before = N * S + np.arange(B)[:, None]
        shown = np.where(so_far > 0, so_far + (first_row[:, None] - 1), before)
        shown = (shown[:, ::-1] if reverse else shown).reshape(-1)
        counts = mask.reshape(-1)
        own = np.where(counts, shown, N * S)
        places = np.flatnonzero(counts)
        steps = np.full(N * S, places[0] if N else 0)
        steps[shown[places]] = places
        lengths = count[sequences]
        ends = first_row[sequences] + lengths - 1
        return cls((B, T), lengths, sequences, steps, own, shown, ends)

    @property
    def shape(self) -> tuple[int, int]:
        """Sequences and steps of the rows, (N, S)."""
        return len(self.lengths), len(self.steps) // max(len(self.lengths), 1)

    def of_sequences(self, numbers: Array | None) -> Array | None:
        """Return those of the numbers (B, C) that belong to the N sequences."""
        return None if numbers is None else numbers[self.sequences]

    def put(self, whole: Array, rows: Array) -> Array:
        """Return `whole` (B, C) with the numbers of the N sequences, (N, C), in their places.

        Of numbers at all steps, (N, S, C), it takes those of the last ones.
        """
        if rows.ndim == 3:
            rows = rows.reshape(-1, rows.shape[2])[self.ends]
        whole[self.sequences] = rows
        return whole

    def spread(self, rows: Array, behind: Array, index: Index) -> Array:
        """Return (B, T, C): for each step of the batch, the row of (N, S, C) that `index` names."""
        width = rows.shape[2]
        whole = np.concatenate([rows.reshape(-1, width), behind])[index]
        return whole.reshape(*self.batch, width)
