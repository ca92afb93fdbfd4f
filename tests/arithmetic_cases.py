"""Cases of the arithmetic on whole arrays, in the form of `op_cases`.

Inputs keep away from where a function is not defined or its derivative jumps.
"""

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np

from lstm.backends.contract import FunctionName, Ops
from op_cases import Arrays, Case, Pullback, kink_free

FUNCTIONS: tuple[Any, ...] = get_args(FunctionName)
OF_ONE = FUNCTIONS[FUNCTIONS.index("exp") :]
NUMBER = 0.7

POSITIVE = ("log", "sqrt", "power")
"""Functions of positive numbers."""


def elementwise_case(
    function: Any, *, with_number: bool = False, shape: tuple[int, ...] = (3, 5)
) -> Case:
    rng = np.random.default_rng(30)
    two = function not in OF_ONE and not with_number

    def run(ops: Ops, a: Arrays) -> tuple[tuple[Any, ...], Pullback]:
        x, y = a["x"], a.get("y")
        z = ops.elementwise_forward(function, x, y, NUMBER)

        def pull(dys: Sequence[Any], buffers: Arrays, need: bool) -> Arrays:
            dx, dy = ops.elementwise_backward(function, dys[0], x, y, NUMBER, z, need, two)
            return {"x": dx, **({} if dy is None else {"y": dy})}

        return (z,), pull

    x = rng.uniform(0.2, 2, shape) if function in POSITIVE else kink_free(rng, shape, 0.0, NUMBER)
    x = np.asarray(x)
    if function == "floor":
        x = np.floor(x) + rng.uniform(0.2, 0.8, shape)
    if not two:
        return Case(f"{function}-{'number' if with_number else 'one'}", run, {"x": x})
    if function in ("divide", "keep"):
        y = rng.choice((-1, 1), shape) * rng.uniform(0.4, 2, shape)
    else:
        y = np.asarray(x + kink_free(rng, shape, 0.0))
    if function == "keep":
        y = y * rng.integers(0, 2, shape)
        return Case(function, run, {"x": x}, constants={"y": y})
    inputs = {"x": x, "y": y}
    if function in ("less", "less_equal", "equal"):
        return Case(function, run, {"x": x}, constants={"y": y})
    return Case(function, run, inputs)


def cumulative_sum_case(axis: int, reverse: bool) -> Case:
    rng = np.random.default_rng(31)

    def run(ops: Ops, a: Arrays) -> tuple[tuple[Any, ...], Pullback]:
        return (ops.cumulative_sum(a["x"], axis, reverse),), lambda dys, buffers, need: {
            "x": ops.cumulative_sum(dys[0], axis, not reverse)
        }

    name = f"cumulative_sum-{axis}{'-reverse' if reverse else ''}"
    return Case(name, run, {"x": rng.normal(size=(2, 5, 3))})


def take_case(index: Sequence[int], axis: int) -> Case:
    rng, places = np.random.default_rng(32), np.array(index, np.int64)

    def run(ops: Ops, a: Arrays) -> tuple[tuple[Any, ...], Pullback]:
        x = a["x"]
        return (ops.take(x, places, axis),), lambda dys, buffers, need: {
            "x": ops.take_backward(dys[0], places, axis, x.shape[axis])
        }

    return Case(f"take-{index}-{axis}", run, {"x": rng.normal(size=(2, 5, 3))})


def matmul_case(G: int, M: int, K: int, N: int) -> Case:
    rng = np.random.default_rng(33)

    def run(ops: Ops, a: Arrays) -> tuple[tuple[Any, ...], Pullback]:
        x, y = a["x"], a["y"]
        return (ops.matmul(x, y, False, False),), lambda dys, buffers, need: {
            "x": ops.matmul(dys[0], y, False, True),
            "y": ops.matmul(x, dys[0], True, False),
        }

    inputs = {"x": rng.normal(size=(G, M, K)), "y": rng.normal(size=(G, K, N))}
    return Case(f"matmul-{G}x{M}x{K}x{N}", run, inputs)


CASES = [
    *map(elementwise_case, FUNCTIONS),
    *(elementwise_case(f, with_number=True) for f in FUNCTIONS if f not in OF_ONE),
    elementwise_case("multiply", shape=(37,)),
    elementwise_case("elu", shape=()),
    elementwise_case("add", shape=(0, 3)),
    *(cumulative_sum_case(axis, reverse) for axis in (0, 1, -1) for reverse in (False, True)),
    take_case([0, 3, 3], 1),
    take_case([2, 0], -1),
    take_case([], 1),
    # Ranges, in pieces of one, two and three entries, and what is nearly one.
    take_case([1, 2, 3], 1),
    take_case([0, 1, 2, 3, 4], 1),
    take_case([1, 2], -1),
    take_case([0], 0),
    take_case([0, 2, 1, 3], 1),
    take_case([4, 3], 1),
    matmul_case(2, 3, 4, 5),
    matmul_case(1, 1, 1, 1),
    matmul_case(3, 2, 0, 4),
    matmul_case(0, 2, 3, 4),
    matmul_case(2, 17, 33, 65),
]
