"""Teams of threads, which divide the units of few sequences: the same bits as of one thread."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lstm.backends import _kernels
from lstm.backends.contract import Choice
from lstm.backends.native import Native
from lstm_cases import lstm_case
from native_cases import (
    INSTRUCTION_SETS,
    Use,
    assert_same_bits,
    everything,
    running_on,
    threads,
)
from op_cases import Array, generated

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
    drawn, after = generated(
        native,
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
def teams(count: int | None = None, waits: int = 0) -> Iterator[None]:
    """Run the block with teams, even if the cores are busy; check that there are some.

    Args:
        count: how many there are to be; None for any number.
        waits: from so many on, a team counts as kept waiting; 0 for never.
    """
    before = _kernels.teams_so_far()
    _kernels.force_teams(True, waits)
    try:
        yield
    finally:
        _kernels.force_teams(False)
    found = _kernels.teams_so_far() - before
    assert found == count if count else found > 0


@on_instruction_sets
@pytest.mark.parametrize("B", [1, 7])
def test_teams_write_the_same_texts(instruction_set: str, B: int) -> None:
    with running_on(instruction_set):
        with threads(1):
            expected = written(B)
        for count in (2, 3):
            with threads(count), teams():
                assert_same_bits(written(B), expected)


def few(*sizes: int, power: float = 0.5, without: tuple[int, ...] = (), **options: Any) -> Use:
    """Few sequences of a layer whose units are worth dividing."""
    case = lstm_case(*sizes, **options)
    # As many terms as a sum has, so small are they.
    weights = {
        "w": case.weights["w"] * (2 / sizes[2]) ** power,
        "r": case.weights["r"] * (3 / sizes[3]) ** power,
    }
    case = replace(case, weights=case.weights | weights)
    return Use(case, "lstm", sizes[0] * sizes[1], without=frozenset(without))


# Units that fill all panels, and that leave some part of a vector; more steps than are gone through
# at once.
FEW = [
    few(1, 7, 5, 128),
    few(1, 11, 37, 131, mask="holes"),
    few(1, 11, 37, 131, reverse=True, tokens=True),
    few(1, 11, 37, 131, reverse=True, recurrent_mask=True, without=(0,)),
    few(1, 260, 3, 131, mask="holes", state=False, bias=False, recurrent_mask=True),
    few(1, 1, 3, 131),
    few(2, 7, 3, 259, mask="holes", recurrent_mask=True),
    few(2, 7, 67, 259, reverse=True, mask="left", without=(1, 2)),
    *(
        few(1, 3, 3, 97, power=1, activation=one, recurrent_activation=other)
        for one, other in (("relu", "hard_sigmoid"), ("hard_sigmoid", "linear"))
    ),
]

of_few = pytest.mark.parametrize("use", FEW, ids=lambda use: str(use.case))


def enough(use: Use) -> tuple[int, int]:
    """The least number of threads that divide the units of a use, and in how many passes they do.

    A single step forward reads its weights where they are.
    """
    arrays = use.case.arrays()
    B, T = arrays["x" if "x" in arrays else "tokens"].shape[:2]
    return 2 * B, 2 if T > 1 else 1


@on_instruction_sets
@of_few
def test_units_are_divided_to_the_same_bits(instruction_set: str, use: Use) -> None:
    least, passes = enough(use)
    with running_on(instruction_set):
        with threads(1):
            expected = everything(use, native)
        for count in (least, least + 1, 8):
            with threads(count), teams(passes):
                assert_same_bits(everything(use, native), expected)


@on_instruction_sets
@of_few
def test_divided_units_equal_the_reference(instruction_set: str, use: Use) -> None:
    count, passes = enough(use)
    with running_on(instruction_set), threads(count), teams(passes):
        use.check(native)


@on_instruction_sets
@pytest.mark.parametrize("waits", [1, 2, 5, 11])
def test_one_goes_on_alone_to_the_same_bits(instruction_set: str, waits: int) -> None:
    with running_on(instruction_set):
        with threads(1):
            texts, expected = written(1), [everything(use, native) for use in FEW]
        with threads(2), teams(waits=waits):
            assert_same_bits(written(1), texts)
        for use, results in zip(FEW, expected, strict=True):
            count, passes = enough(use)
            with threads(count), teams(passes, waits):
                assert_same_bits(everything(use, native), results)
