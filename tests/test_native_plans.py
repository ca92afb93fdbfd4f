"""Plans of the kernels: what they compute, and that no wrong one can be made or run."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from lstm.backends import _kernels
from lstm.backends.contract import Given, Place


def at(buffer: int, offset: int, shape: tuple[int, ...], dtype: str = "float32") -> Place:
    return Place(buffer, offset, shape, dtype)


DENSE = (
    "linear_forward",
    (at(1, 0, (2, 3)), at(2, 0, (3, 4)), None, None, 0, at(0, 64, (2, 4))),
    None,
)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([("no_such", (), None)], "name: expected an operation"),
        ([("fill",)], "instruction: expected a tuple of 4"),
        ([("fill", (0.0, (0, 0)), None)], "y: expected a tuple of 4"),
        ([("fill", (0.0, at(0, 0, (2, 3), "int64")), None)], "y: expected float32, got int64"),
        ([("fill", (0.0, at(0, 0, (-1, -1))), None)], "y: expected a place within"),
        ([("fill", (0.0, at(0, 0, (2**40, 2**40))), None)], "y: expected a place within"),
        ([("fill", (0.0, at(4, 0, (2, 3))), None)], "y: expected memory to write to"),
        ([("generation_layer", (None,) * 5, None)], "name: expected an operation"),
        ([(DENSE[0], DENSE[1][:-1], None)], "linear_forward: expected 6 arguments"),
        ([(DENSE[0], (at(1, 0, (2, 9)), *DENSE[1][1:]), None)], "x: expected a place within"),
        ([(DENSE[0], (*DENSE[1][:-1], at(0, 65, (2, 4))), None)], "y: expected a place within"),
        ([(DENSE[0], (*DENSE[1][:-1], at(0, 72, (2, 4))), None)], "y: expected a place within"),
        ([(DENSE[0], (*DENSE[1][:-1], at(0, -64, (2, 4))), None)], "y: expected a place within"),
        ([(DENSE[0], (*DENSE[1][:-1], at(6, 0, (2, 4))), None)], "y: expected a place within"),
        ([(DENSE[0], (*DENSE[1][:-1], at(0, 0, (2, 5))), None)], "y: expected shape"),
        ([(DENSE[0], (at(1, 0, (3, 2)), *DENSE[1][1:]), None)], "w: expected shape"),
        ([(DENSE[0], (*DENSE[1][:4], 9, DENSE[1][5]), None)], "activation"),
        (
            [("gather", (at(1, 0, (1, 2, 3)), at(3, 0, (2,), "int64"), at(0, 0, (1, 2, 3))), None)],
            "index",
        ),
    ],
)
def test_a_plan_that_cannot_run_is_refused(arguments: Any, words: str) -> None:
    x, w, index = np.ones((2, 3), np.float32), np.ones((3, 4), np.float32), np.array([0, 2])
    frozen = x.copy()
    frozen.flags.writeable = False
    with pytest.raises((TypeError, ValueError), match=words):
        _kernels.plan(arguments, 96, [x, w, index, frozen], 1)


def test_a_run_with_other_arrays_than_planned_is_refused() -> None:
    w = np.ones((3, 4), np.float32)
    given = at(2, 0, (2, 3)), at(1, 0, (3, 4)), None, None, 0, at(3, 0, (2, 4))
    plan = _kernels.plan([("linear_forward", given, None)], 0, [w], 2)
    x, y = np.ones((2, 3), np.float32), np.zeros((2, 4), np.float32)
    frozen = y.copy()
    frozen.flags.writeable = False
    for wrong in ([x], [x, y, y], [x[:1], y], [x.astype(np.float64), y], [x, frozen], [x.T, y]):
        with pytest.raises((TypeError, ValueError)):
            plan.run(wrong, [])
    assert plan.run([x, y], []) == [[]]
    assert_array_equal(y, np.full((2, 4), 3))


def test_tokens_that_a_plan_keeps_cannot_change() -> None:
    x, index = np.arange(6, dtype=np.float32).reshape(1, 3, 2), np.array([2, 0])
    given = at(1, 0, (1, 3, 2)), at(2, 0, (2,), "int64"), at(3, 0, (1, 2, 2))
    plan = _kernels.plan([("gather", given, None)], 0, [x, index], 1)
    index[:] = 10**12
    y = np.zeros((1, 2, 2), np.float32)
    plan.run([y], [])
    assert_array_equal(y, x[:, [2, 0]])


def test_tokens_of_a_run_are_held_to_their_limits() -> None:
    w = np.arange(12, dtype=np.float32).reshape(4, 3)
    given = at(2, 0, (2,), "int64"), at(1, 0, (4, 3)), at(3, 0, (2, 3))
    plan = _kernels.plan([("embedding_forward", given, None)], 0, [w], 2)
    y = np.zeros((2, 3), np.float32)
    for token in (-1, 4):
        assert plan.run([np.array([0, token]), y], []) is None
        assert not y.any()
    plan.run([np.array([3, 1]), y], [])
    assert_array_equal(y, w[[3, 1]])


# ---- what depends on kept arrays alone


def scaled(source: Place, target: Place, factor: Any = 2.0) -> Any:
    return "scale", (source, factor, target), None


KEPT, BETWEEN, OUT = at(1, 0, (2,)), at(0, 0, (2,)), at(2, 0, (2,))


def test_it_is_prepared_again_only_where_kept_numbers_have_changed() -> None:
    kept, y = np.ones(2, np.float32), np.zeros(2, np.float32)
    instructions = [scaled(KEPT, BETWEEN), scaled(BETWEEN, OUT)]
    plan = _kernels.plan(instructions, 64, [kept], 1, 0, 1)
    seen = []
    for changed in (False, False, True, False):
        plan.run([y], [], 1, changed)
        seen.append(y[0])
        kept += 1
    assert seen == [4, 4, 12, 12]


@pytest.mark.parametrize(
    ("first", "prepared"),
    [
        (scaled(OUT, BETWEEN), 1),
        (scaled(KEPT, OUT), 1),
        (scaled(KEPT, BETWEEN, Given(0)), 1),
        (("pointwise_loss", (0, KEPT, KEPT, None, 1.0, BETWEEN), None), 1),
        (scaled(KEPT, BETWEEN), 3),
    ],
    ids=["input", "output", "number", "returns", "more than there are"],
)
def test_nothing_else_can_be_prepared(first: Any, prepared: int) -> None:
    kept = np.ones(2, np.float32)
    with pytest.raises(ValueError, match="prepared"):
        _kernels.plan([first, scaled(BETWEEN, OUT)], 64, [kept], 1, 0, prepared)


# ---- what some runs leave out


def test_an_instruction_is_left_out_where_its_number_is_0() -> None:
    x, y = np.ones(2, np.float32), np.zeros(6, np.float32)
    plan = _kernels.plan([scaled(KEPT, OUT), (*scaled(OUT, OUT), Given(0))], 0, [x], 1)
    plan.run([y], [1.0, 0.0, -3.0], 3)
    assert_array_equal(y, [4, 4, 2, 2, 4, 4])
    plan = _kernels.plan([scaled(KEPT, OUT), (*scaled(OUT, OUT), 0.0)], 0, [x], 1)
    plan.run([y], [], 3)
    assert_array_equal(y, np.full(6, 2))


def test_what_is_left_out_returns_nothing_and_ends_nothing() -> None:
    between = at(0, 0, (2,))
    loss = "pointwise_loss", (0, KEPT, KEPT, None, 1.0, between), Given(0), Given(1)
    plan = _kernels.plan([loss, scaled(KEPT, OUT)], 64, [np.ones(2, np.float32)], 1)
    y = np.zeros(6, np.float32)
    assert plan.run([y], [0.0, 0.0, 9.0, 1.0, 0.0, 1.0], 3) == [[], [0.0], [0.0]]
    assert_array_equal(y, [2, 2, 2, 2, 0, 0])


# ---- several runs in one call

SUM = ("pointwise_loss", (0, at(1, 0, (2,)), at(2, 0, (2,)), None, 1.0, at(3, 0, (2,))), Given(0))
"""The mean of squares, and its gradient; it stops unless it is below a number of the run."""


def test_each_run_takes_the_next_part_of_every_array() -> None:
    plan = _kernels.plan([SUM], 0, [], 3)
    x, zeros, d = np.arange(6, dtype=np.float32), np.zeros(6, np.float32), np.ones(6, np.float32)
    assert plan.run([x, zeros, d], [9.0, np.inf, 99.0], 3) == [[0.5], [6.5], [20.5]]
    assert_array_equal(d, x)


def test_runs_end_where_one_stops() -> None:
    plan = _kernels.plan([SUM], 0, [], 3)
    x, zeros = np.arange(6, dtype=np.float32), np.zeros(6, np.float32)
    d = np.full(6, 7, np.float32)
    assert plan.run([x, zeros, d], [0.6, 6.5, 99.0], 3) == [[0.5], [6.5]]
    assert_array_equal(d, [0, 1, 2, 3, 7, 7])
    x[2] = np.nan
    ((_,), (last,)) = plan.run([x, zeros, d], [np.inf] * 3, 3)
    assert np.isnan(last)


def test_runs_without_their_arrays_or_numbers_are_refused() -> None:
    plan = _kernels.plan([SUM], 0, [], 3)
    x, d = np.ones(6, np.float32), np.full(6, 7, np.float32)
    for arrays, numbers, times in (
        ([x, x, d], [1.0, 1.0], 3),
        ([x, x, d], [], 3),
        ([x, x, d], [1.0] * 4, 4),
        ([x[:5], x, d], [1.0] * 3, 3),
        ([x, x, d], [], 0),
    ):
        with pytest.raises((TypeError, ValueError)):
            plan.run(arrays, numbers, times)
        assert (d == 7).all()


def test_tokens_of_every_run_are_held_to_their_limits() -> None:
    w = np.arange(12, dtype=np.float32).reshape(4, 3)
    given = at(2, 0, (2,), "int64"), at(1, 0, (4, 3)), at(3, 0, (2, 3))
    plan = _kernels.plan([("embedding_forward", given, None)], 0, [w], 2)
    y = np.zeros((6, 3), np.float32)
    assert plan.run([np.array([0, 1, 2, 3, 4, 0]), y], [], 3) is None
    assert not y.any()
    tokens = np.array([0, 1, 2, 3, 3, 0])
    assert plan.run([tokens, y], [], 3) == [[], [], []]
    assert_array_equal(y, w[tokens])
