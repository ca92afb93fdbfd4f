"""Derived: what plans find out about data again, and which data they leave to others."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from lstm.backends.contract import NotRecordableError
from lstm.backends.native.derived import Derivation, Derived

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
    derivation = Derivation()
    derived = function(derivation.data(MASK))
    assert isinstance(derived, Derived)
    assert_array_equal(derived.example, function(MASK))
    assert (derived.shape, derived.dtype) == (function(MASK).shape, function(MASK).dtype)
    derivation.want(derived)
    found = derivation.run([OTHER])
    assert found is not None
    assert_array_equal(found[0], function(OTHER))
    assert found[0].flags.c_contiguous


def test_the_same_of_the_same_is_found_once() -> None:
    derivation = Derivation()
    mask = derivation.data(MASK)
    assert np.any(mask, 1) is np.any(mask, 1)
    assert mask[:, 0] is mask[:, 0]
    assert np.any(mask, 0) is not np.any(mask, 1)
    assert np.where(mask, 1, 0) is not np.where(mask, True, False)  # 1 == True
    assert (mask & OTHER) is not (mask & MASK)


def test_what_python_decided_has_to_be_so_again() -> None:
    derivation = Derivation()
    mask = derivation.data(MASK)
    assert not mask.all()
    derivation.want(mask.sum(1) if mask.any() else mask)
    assert_array_equal(derivation.run([OTHER])[0], [2, 3])  # type: ignore[index]
    assert derivation.run([np.ones((2, 3), bool)]) is None
    assert derivation.run([np.zeros((2, 3), bool)]) is None


def test_data_for_which_python_would_have_stopped_go_no_further() -> None:
    derivation = Derivation()
    count = derivation.data(np.array([3, 2]))
    if (count > 0).all():
        derivation.want(np.repeat(count, 2 // count.min()))
    assert derivation.run([np.array([0, 1])]) is None


def test_a_shape_that_depends_on_numbers_is_that_of_the_recording() -> None:
    derivation = Derivation()
    derivation.want(np.flatnonzero(derivation.data(MASK)))
    assert derivation.run([OTHER]) is None
    assert derivation.run([~OTHER]) is None
    assert_array_equal(derivation.run([MASK[::-1]])[0], [0, 3, 4])  # type: ignore[index]


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
        look(Derivation().data(np.array([1])))


def test_shapes_can() -> None:
    mask = Derivation().data(MASK)
    assert (np.shape(mask), np.ndim(mask), np.size(mask), len(mask)) == ((2, 3), 2, 6, 2)
