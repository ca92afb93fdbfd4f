"""Derived: what plans find out about data again, and which data they leave to others."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from lstm.backends.contract import NotRecordableError
from lstm.backends.native.derived import Derived, Deriving

MASK = np.array([[True, True, False], [True, False, False]])
OTHER = np.array([[False, True, True], [True, True, True]])

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "functions": lambda m: np.where(np.any(m, 1), np.count_nonzero(m, 1), -1),
    "methods": lambda m: m.cumsum(1).reshape(-1).astype(np.float32, order="C"),
    "operators": lambda m: ~m & (np.arange(3) > 1) | (m.sum(1) * 2 == 4)[:, None],
    "lists": lambda m: np.concatenate([m[:, :1], np.ones((2, 2), bool), m], 1),
    "parts": lambda m: m[m.argmax(1), :2],
    "views": lambda m: np.broadcast_to(m.transpose(1, 0)[..., None], (3, 2, 4)),
    "constants of other types": lambda m: np.stack([m * 1, np.where(m, True, False) * 2]),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_functions_of_numpy_are_found_again(function: Callable[[Any], Any]) -> None:
    deriving = Deriving()
    derived = function(deriving.data(MASK))
    assert isinstance(derived, Derived)
    assert_array_equal(derived.example, function(MASK))
    assert (derived.shape, derived.dtype) == (function(MASK).shape, function(MASK).dtype)
    deriving.want(derived)
    found = deriving.finished().run([OTHER])
    assert found is not None
    assert_array_equal(found[0], function(OTHER))
    assert found[0].flags.c_contiguous


def test_the_same_of_the_same_is_found_once() -> None:
    deriving = Deriving()
    mask = deriving.data(MASK)
    assert np.any(mask, 1) is np.any(mask, 1)
    assert mask[:, 0] is mask[:, 0]
    assert np.any(mask, 0) is not np.any(mask, 1)
    assert np.where(mask, 0.0, 1) is not np.where(mask, -0.0, 1)
    assert np.where(mask, 1, 0) is not np.where(mask, True, False)  # 1 == True
    assert (mask & OTHER) is not (mask & MASK)


def test_runs_find_no_more_than_they_need() -> None:
    deriving, calls = Deriving(), list[str]()

    def noticed(name: str, x: Any) -> Any:
        calls.append(name)
        return x

    mask = deriving.data(MASK)
    unused = deriving.apply(noticed, "unused", mask)
    deriving.want(deriving.apply(noticed, "used", ~mask))
    assert unused is not mask
    calls.clear()
    found = deriving.finished()
    assert_array_equal(found.run([OTHER])[0], ~OTHER)  # type: ignore[index]
    assert calls == ["used"]
    assert found.depends
    deriving = Deriving()
    deriving.apply(noticed, "unused", deriving.data(MASK))
    assert not deriving.finished().depends


def test_what_python_decided_has_to_be_so_again() -> None:
    deriving = Deriving()
    mask = deriving.data(MASK)
    assert not mask.all()
    deriving.want(mask.sum(1) if mask.any() else mask)
    assert_array_equal(deriving.finished().run([OTHER])[0], [2, 3])  # type: ignore[index]
    assert deriving.finished().run([np.ones((2, 3), bool)]) is None
    assert deriving.finished().run([np.zeros((2, 3), bool)]) is None


def test_data_for_which_python_would_have_stopped_go_no_further() -> None:
    deriving = Deriving()
    count = deriving.data(np.array([3, 2]))
    if (count > 0).all():
        deriving.want(np.repeat(count, 2 // count.min()))
    assert deriving.finished().run([np.array([0, 1])]) is None


def test_a_shape_that_depends_on_numbers_is_that_of_the_recording() -> None:
    deriving = Deriving()
    deriving.want(np.flatnonzero(deriving.data(MASK)))
    assert deriving.finished().run([OTHER]) is None
    assert deriving.finished().run([~OTHER]) is None
    assert_array_equal(deriving.finished().run([MASK[::-1]])[0], [0, 3, 4])  # type: ignore[index]


@pytest.mark.parametrize(
    "look",
    [
        np.asarray,
        np.ascontiguousarray,
        list,
        int,
        float,
        lambda x: x.tolist(),
        lambda x: np.arange(4)[x],
        lambda x: x.__setitem__(0, 1),
        lambda x: np.add(x, 1, out=np.zeros(1, int)),
        lambda x: np.add.reduce(x),
        lambda x: np.sum(np.ones(1), where=x),
    ],
)
def test_numbers_cannot_be_looked_at(look: Callable[[Any], Any]) -> None:
    with pytest.raises(NotRecordableError):
        look(Deriving().data(np.array([1])))


def test_shapes_can() -> None:
    mask = Deriving().data(MASK)
    assert (np.shape(mask), np.ndim(mask), np.size(mask), len(mask)) == ((2, 3), 2, 6, 2)
