"""The binding of the kernels called with anything: it returns or raises, and never crashes."""

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from binding_cases import (
    OPERATIONS,
    SIZES,
    call,
    frozen,
    guarded,
    right,
)
from native_cases import INSTRUCTION_SETS, running_on

fuzz = settings(max_examples=200)

small = st.integers(0, 5)
numbers = st.one_of(
    st.integers(-3, 9),
    st.sampled_from((2**31 - 1, 2**31, 2**40, 2**62, 2**63 - 1, -(2**63))),
    st.sampled_from((0.0, 0.5, 1.0, -1.0, 1e-320, 1e308, np.inf, -np.inf, np.nan)),
)
values = st.sampled_from((0.0, 1.0, 2.0, -1.0, 1e30, -1e30, 1e-40, np.inf, -np.inf, np.nan))

# What may be wrong, or only unusual, about an array: each makes another of it.
shapes = st.lists(st.integers(0, 9), max_size=4).map(tuple)
dtypes = st.sampled_from(("f2", "f4", ">f4", "f8", "c8", "?", "u1", "i4", "i8", "u8", "U3", "O"))
LAYOUTS: tuple[Any, ...] = (
    frozen,
    np.asfortranarray,
    lambda x: np.repeat(x[..., None], 2, -1)[..., 0],
    lambda x: x[..., ::-1].copy()[..., ::-1] if x.ndim else x,
    lambda x: np.lib.stride_tricks.as_strided(x, strides=[0] * x.ndim),
    memoryview,
    lambda x: None,
)
changes = st.one_of(
    shapes.map(lambda shape: lambda x: guarded(shape, x.dtype)),
    dtypes.map(lambda dtype: lambda x: x.astype(dtype)),
    st.sampled_from(LAYOUTS),
)


@pytest.mark.parametrize("name", OPERATIONS)
@fuzz
@given(data=st.data())
def test_any_call_returns_or_raises(name: str, data: st.DataObject) -> None:
    sizes = {letter: data.draw(small, label=letter) for letter in SIZES}
    some = data.draw(st.lists(small, max_size=3), label="...")
    guard = data.draw(st.sampled_from((0, 64)), label="guard")
    wrong = data.draw(st.sampled_from(("", "", *OPERATIONS[name])), label="wrong")
    arguments = right(name, data.draw(st.booleans(), label="whole"), sizes, some, guard)
    for key, value in arguments.items():
        if not OPERATIONS[name][key].is_array:
            if key == wrong:
                arguments[key] = data.draw(numbers, label=key)
        elif value is not None:
            if value.dtype.kind == "f":
                value[...] = data.draw(values)
                value.flat[:1] = data.draw(values)
            elif value.dtype.kind == "i":
                value[...] = data.draw(st.integers(-1, 5))
            if OPERATIONS[name][key].need == "?" and data.draw(st.booleans()):
                arguments[key] = None
            elif key == wrong:
                with np.errstate(all="ignore"):
                    arguments[key] = data.draw(changes, label=key)(value)
    with running_on(data.draw(st.sampled_from(INSTRUCTION_SETS))), suppress(TypeError, ValueError):
        call(name, arguments)
