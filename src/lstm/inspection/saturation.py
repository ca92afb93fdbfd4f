"""Saturation: how far the gates of a model are open."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.errors import InvalidShapeError

GATES = {"i": "input", "f": "forget", "o": "output", "u": "update", "s": "reset"}
"""The names of gates, which are open near 1 and shut near 0; states and candidates are not gates.
(An update gate near 1 keeps the state.)"""

_BINS = 20
_LOW, _HIGH = 0.1, 0.9
_BOUNDED = {"i": 0, "f": 0, "o": 0, "u": 0, "s": 0, "g": -1, "h": -1}
"""The lowest value of each gate or state that has bounds; the highest is 1."""


@dataclass(frozen=True)
class Saturation:
    """The distribution of the values of one gate, unit by unit.

    Attributes:
        edges: (21,), the borders of the bins.
        histogram: (H, 20), number of values in each bin.
        low: (H,), share of the values below 0.1 (of h and g: below -0.9), closed.
        high: (H,), share of the values above 0.9, open.

    Source:
        Karpathy, Johnson & Fei-Fei, "Visualizing and understanding recurrent networks", 2015.
    """

    edges: NDArray[np.float64]
    histogram: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def saturation(
    recordings: Iterable[Mapping[str, Mapping[str, NDArray[Any]]]],
) -> dict[str, dict[str, Saturation]]:
    """Measure how far the gates are open, over all recordings.

    Args:
        recordings: states and gates by layer and letter, each (..., H): the `layers` of readings.

    Returns:
        The saturation by layer and letter, except for cell states, which have no bounds.

    Raises:
        InvalidShapeError: there is no recording.

    Example:
        >>> import lstm
        >>> model = lstm.LanguageModel.train("abracadabra " * 40, hidden=16, epochs=2, seed=0)
        >>> parts = lstm.inspection.readings(model, "abracadabra " * 100)
        >>> found = lstm.inspection.saturation(part.layers for part in parts)
        >>> int(found["lstm"]["f"].histogram.sum())
        19200
    """
    counts: dict[tuple[str, str], list[NDArray[np.int64]]] = {}
    for layers in recordings:
        for layer, arrays in layers.items():
            for gate in (letter for letter in arrays if letter in _BOUNDED):
                x = arrays[gate].reshape(-1, arrays[gate].shape[-1])
                new = _counted(x, _BOUNDED[gate])
                old = counts.setdefault((layer, gate), [np.zeros_like(part) for part in new])
                for total, part in zip(old, new, strict=True):
                    total += part
    if not counts:
        raise InvalidShapeError("recordings", "at least one", "none")
    found: dict[str, dict[str, Saturation]] = {}
    for (layer, gate), (histogram, low, high) in counts.items():
        edges, total = np.linspace(_BOUNDED[gate], 1, _BINS + 1), histogram.sum(1)
        found.setdefault(layer, {})[gate] = Saturation(edges, histogram, low / total, high / total)
    return found


def _counted(x: NDArray[Any], lowest: int) -> list[NDArray[np.int64]]:
    """Return, for x (N, H), the histogram (H, 20), and the numbers of low and high values (H,)."""
    units = np.arange(x.shape[1])
    bins = ((x - lowest) / (1 - lowest) * _BINS).astype(np.int64).clip(0, _BINS - 1)
    flat = np.bincount((units * _BINS + bins).reshape(-1), minlength=x.shape[1] * _BINS)
    low = x < (_LOW if lowest == 0 else -_HIGH)
    return [flat.reshape(-1, _BINS), low.sum(0), (x > _HIGH).sum(0)]
