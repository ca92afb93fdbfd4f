"""Teams of threads, which divide the units of few sequences: the same bits as of one thread."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from lstm.backends import _kernels
from lstm.backends.contract import Choice
from lstm.backends.native import Native
from native_cases import (
    INSTRUCTION_SETS,
    LARGE,
    Use,
    assert_same_bits,
    everything,
    running_on,
    threads,
)
from op_cases import Array

native = Native()

on_instruction_sets = pytest.mark.parametrize("instruction_set", INSTRUCTION_SETS)


def written(B: int) -> list[Array]:
    """Tokens and states of texts from a stack that is worth several threads."""
    rng = np.random.default_rng(81)

    def numbers(*shape: int) -> Array:
        return rng.normal(0, 0.3, shape).astype(np.float32)

    sizes = ((23, 101), (101, 67))
    layers = [(numbers(D, 4 * H), numbers(H, 4 * H), numbers(4 * H)) for D, H in sizes]
    states = [(numbers(B, H), numbers(B, H)) for _, H in sizes]
    drawn, after = native.generate(
        rng.integers(0, 131, B),
        numbers(131, 23),
        layers,
        numbers(67, 131),
        numbers(131),
        states,
        rng.integers(-1, 131, (B, 20)),
        rng.random((B, 50)),
        Choice(min_p=0.01, repetition_penalty=1.3),
    )
    return [drawn, *(part for state in after for part in state)]


@contextmanager
def teams(waits: int = 0) -> Iterator[None]:
    """Run the block with teams, even if the cores are busy; check that there are some.

    Args:
        waits: from so many on, a team counts as kept waiting; 0 for never.
    """
    before = _kernels.teams_so_far()
    _kernels.force_teams(True, waits)
    try:
        yield
    finally:
        _kernels.force_teams(False)
    assert _kernels.teams_so_far() > before


@on_instruction_sets
@pytest.mark.parametrize("B", [1, 7])
def test_teams_write_the_same_texts(instruction_set: str, B: int) -> None:
    with running_on(instruction_set):
        with threads(1):
            expected = written(B)
        for count in (2, 3):
            with threads(count), teams():
                assert_same_bits(written(B), expected)


SINGLE = [use for use in LARGE if str(use.case).startswith("lstm-1x")]


@on_instruction_sets
@pytest.mark.parametrize("use", SINGLE, ids=lambda use: str(use.case))
def test_teams_read_a_sequence_to_the_same_bits(instruction_set: str, use: Use) -> None:
    with running_on(instruction_set):
        with threads(1):
            expected = everything(use, native)
        for count in (2, 3):
            with threads(count), teams():
                assert_same_bits(everything(use, native), expected)


@on_instruction_sets
@pytest.mark.parametrize("waits", [1, 2, 5, 11])
def test_one_goes_on_alone_to_the_same_bits(instruction_set: str, waits: int) -> None:
    with running_on(instruction_set):
        with threads(1):
            texts, expected = written(1), [everything(use, native) for use in SINGLE]
        with threads(2), teams(waits):
            assert_same_bits(written(1), texts)
            for use, results in zip(SINGLE, expected, strict=True):
                assert_same_bits(everything(use, native), results)
