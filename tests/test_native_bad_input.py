"""The binding of the kernels called with all that is wrong: an exception, never a crash."""

import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from binding_cases import (
    CALLS,
    DTYPES,
    LIMITED_SIZES,
    OPERATIONS,
    SIZES,
    arrays_of,
    call,
    guarded,
    in_order,
    right,
    shape_of,
)
from lstm.backends import _kernels
from native_cases import INSTRUCTION_SETS, running_on
from op_cases import Array

fuzz = settings(max_examples=200)

# Every array of every call.
ARRAYS = [
    (name, whole, key)
    for name, whole in CALLS
    for key, value in right(name, whole).items()
    if isinstance(value, np.ndarray)
]
over_arrays = pytest.mark.parametrize(("name", "whole", "key"), ARRAYS)
over_calls = pytest.mark.parametrize(("name", "whole"), CALLS)


def assert_refused(name: str, arguments: dict[str, Any], words: str = ".") -> None:
    """Assert that a call raises, and writes nothing before it does."""
    before = [x.copy() for x in arrays_of(arguments)]
    with pytest.raises((TypeError, ValueError), match=words):
        call(name, arguments)
    for x, y in zip(arrays_of(arguments), before, strict=True):
        np.testing.assert_array_equal(x, y)


def says(key: str) -> str:
    """How a message about an argument begins."""
    return rf"^{key.removeprefix('layers.')}: expected .+, got .+"


# ---- limits, said here once more: a wrong line in the table would be believed by what follows


NEGATIVE, ZERO = -1, 0
LIMITS: list[tuple[str, str, list[Any]]] = [
    ("lstm_forward", "activation", [NEGATIVE, 5]),
    ("framed_gru_forward", "recurrent_activation", [NEGATIVE, 5]),
    ("linear_forward", "activation", [NEGATIVE, 6]),
    ("pointwise_loss", "loss", [NEGATIVE, 5]),
    ("ctc_forward", "blank", [NEGATIVE, 3]),
    ("conv1d_forward", "stride", [NEGATIVE, ZERO, 2**31]),
    ("conv1d_forward", "dilation", [NEGATIVE, ZERO, 2**31]),
    ("conv1d_forward", "before", [NEGATIVE, 2**31]),
    *[(f"{name}_step", "step", [NEGATIVE, ZERO]) for name in ("adam", "adamax", "nadam")],
    ("dropout", "rate", [-0.1, 1.0, np.nan]),
    ("sample", "temperature", [-0.1, np.nan]),
    ("sample", "top_k", [NEGATIVE]),
    ("sample", "top_p", [0.0, np.nan]),
    ("sample", "min_p", [-0.1, 1.1]),
    ("sample", "repetition_penalty", [0.0, -1.0]),
    ("generate", "repetition_penalty", [0.0]),
]


@pytest.mark.parametrize(("name", "key", "values"), LIMITS)
def test_limits(name: str, key: str, values: list[Any]) -> None:
    for value in values:
        assert_refused(name, right(name) | {key: value}, says(key))


@pytest.mark.parametrize(
    ("name", "key", "low", "high"),
    [
        ("embedding_forward", "tokens", -1, SIZES["V"]),
        ("embedding_backward", "tokens", -1, SIZES["V"]),
        ("gather", "index", -1, SIZES["N"]),
        *[(name, "index", -1, SIZES["N"]) for name in ("scatter", "scatter_add")],
        ("softmax_cross_entropy_forward", "classes", -1, SIZES["V"]),
        ("linear_cross_entropy", "classes", -1, SIZES["V"]),
        ("ctc_forward", "labels", -1, SIZES["C"]),
        ("generate", "tokens", -1, SIZES["V"]),
        ("sample", "recent", -2, SIZES["V"]),
        ("generate", "recent", -2, SIZES["V"]),
        ("clip_by_norm", "ends", -1, SIZES["P"] + 1),
    ],
)
def test_limits_of_tokens(name: str, key: str, low: int, high: int) -> None:
    for value in (low, high):
        arguments = right(name)
        arguments[key].flat[-1] = value
        assert_refused(name, arguments, says(key))
    arguments[key].flat[-1] = high - 1
    call(name, arguments)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("softmax_cross_entropy_forward", {"rows": np.zeros((2, 3, SIZES["V"]), np.float32)}),
        ("softmax_cross_entropy_forward", {"classes": None}),
        ("lstm_forward", {"recurrent_mask": None}),
        ("lstm_forward", {"masked_h": None}),
        ("lstm_forward", {"gates": None}),
        ("lstm_forward", {"x": None}),
        ("lstm_forward", {"tokens": np.zeros((SIZES["B"], SIZES["T"]), np.int64)}),
        ("framed_gru_backward", {"gates": None}),
        ("linear_backward", {"dz": None}),
        ("adam_step", {"m": None}),
    ],
)
def test_what_belongs_together(name: str, given: dict[str, Any]) -> None:
    assert_refused(name, right(name) | given)


# ---- functions

OTHERS = {"instruction_set", "set_instruction_set", "num_threads", "set_num_threads", "bfloat16"}
OTHERS |= {"force_teams", "teams_so_far", "logits_pitch", "operations", "cell_sizes", "empty"}
OTHERS |= {"plan", "Plan", "best_in_lanes"}


def test_every_function_is_in_the_table() -> None:
    functions = {name for name in dir(_kernels) if not name.startswith("_")}
    assert functions - OTHERS == set(OPERATIONS)


@pytest.mark.parametrize("name", [*OPERATIONS, *sorted(OTHERS)])
def test_a_wrong_number_of_arguments_is_refused(name: str) -> None:
    values = in_order(right(name)) if name in OPERATIONS else []
    for arguments in ([*values, None, None], values[:-1]):
        if arguments != values:
            with pytest.raises(TypeError):
                getattr(_kernels, name)(*arguments)


@pytest.mark.parametrize("name", ["set_instruction_set", "set_num_threads"])
@pytest.mark.parametrize("value", ["", "AVX2", "\ud800", "9" * 100_000, b"avx2", None, 0, 2.5, []])
def test_what_is_no_setting_changes_nothing(name: str, value: Any) -> None:
    before = _kernels.instruction_set(), _kernels.num_threads()
    with suppress(TypeError, ValueError):
        assert getattr(_kernels, name)(value) is False
    assert (_kernels.instruction_set(), _kernels.num_threads()) == before


@pytest.mark.parametrize("shape", [(-1,), (2**63,), (2**40, 2**40), (2**62, 4), "3", None, 3])
def test_impossible_shapes_are_refused(shape: Any) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError, MemoryError)):
        _kernels.empty(shape)


# ---- arrays


@over_calls
def test_right_arguments_are_taken(name: str, whole: bool) -> None:
    call(name, right(name, whole))


@over_calls
def test_arrays_are_there_just_where_they_are_needed(name: str, whole: bool) -> None:
    for key, a in OPERATIONS[name].items():
        arguments = right(name, whole)
        if not a.is_array or a.need == "?":
            continue
        if arguments[key] is None:
            shape = shape_of(a.shape or ["B"], SIZES)
            assert_refused(name, arguments | {key: guarded(shape, DTYPES[a.kind])}, says(key))
        else:
            assert_refused(name, arguments | {key: None})


@over_arrays
def test_a_wrong_size_is_refused(name: str, whole: bool, key: str) -> None:
    arguments, axes = right(name, whole), OPERATIONS[name][key].shape or []
    exact = [  # Multiples, such as V16, leave open of what.
        axis.lstrip("0123456789")
        for other, a in OPERATIONS[name].items()
        if isinstance(arguments[other], np.ndarray)
        for axis in a.shape or ()
        if not axis[1:].lstrip("ABCDEFGHKMNRSTVW").isdigit()
    ]
    for axis, letter in enumerate(axes, start=arguments[key].ndim - len(axes)):
        if exact.count(letter.lstrip("0123456789")) == 1:
            continue  # A size that nothing else has may be any.
        for more in (-1, 1, 1000):
            shape = list(arguments[key].shape)
            shape[axis] += more
            wrong = {key: guarded(tuple(shape), arguments[key].dtype)}
            assert_refused(name, arguments | wrong, ": expected .+, got")


@over_arrays
@pytest.mark.parametrize("change", [lambda x: x[None], lambda x: x[..., None], lambda x: x[0]])
def test_a_wrong_number_of_axes_is_refused(name: str, whole: bool, key: str, change: Any) -> None:
    arguments = right(name, whole)
    if "..." not in (OPERATIONS[name][key].shape or ()):
        assert_refused(name, arguments | {key: change(arguments[key])}, says(key))


@over_arrays
def test_numbers_of_another_type_are_refused(name: str, whole: bool, key: str) -> None:
    arguments = right(name, whole)
    own = arguments[key].dtype
    others = ["f2", "f4", "f8", "c8", "i4", "i8", "u8", "?", "S4", "U3", "O", "M8[s]"]
    for other in [*others, own.newbyteorder() if own.itemsize > 1 else "u1"]:
        if np.dtype(other) != own:
            wrong = {key: arguments[key].astype(int).astype(other)}
            assert_refused(name, arguments | wrong, says(key))


@over_arrays
def test_what_is_no_array_is_refused(name: str, whole: bool, key: str) -> None:
    for value in ("text", b"bytes", 1.5, {}, (), object(), [[1.0]]):
        assert_refused(name, right(name, whole) | {key: value}, says(key))


# ---- where arrays lie in memory


def frozen(x: Array) -> Array:
    x = x.copy()
    x.flags.writeable = False
    return x


def odd(x: Array) -> Array:
    """An address that no number should have."""
    shifted = np.frombuffer(bytearray(x.nbytes + 1), np.uint8)[1:].view(x.dtype).reshape(x.shape)
    shifted[...] = x
    return shifted


PLACES: dict[str, Callable[[Array], Array]] = {
    "frozen": frozen,
    "odd": odd,
    "gaps": lambda x: np.repeat(x[..., None], 2, -1)[..., 0],
    "backwards": lambda x: x[::-1].copy()[::-1],
    "broadcast": lambda x: np.broadcast_to(x[:1], x.shape),
}


@over_arrays
def test_only_what_is_read_may_lie_anywhere(name: str, whole: bool, key: str) -> None:
    rng = np.random.default_rng(80)
    for place, move in PLACES.items():
        arguments = right(name, whole)
        for x in arrays_of(arguments):
            if x.dtype.kind == "f":
                x[...] = rng.random(x.shape)
        moved = move(arguments[key])
        if OPERATIONS[name][key].written:
            assert_refused(name, arguments | {key: moved}, says(key))
        elif moved.itemsize > 1 or place != "odd":
            arguments[key][...] = moved
            same = {k: x.copy() if isinstance(x, np.ndarray) else x for k, x in arguments.items()}
            assert call(name, same | {key: moved}) == call(name, arguments)
            for k, x in arguments.items():
                np.testing.assert_array_equal(same[k], x)


# ---- values

LIMITED = [
    (name, whole, key)
    for name, whole in CALLS
    for key, a in OPERATIONS[name].items()
    if (a.least or a.most) and right(name, whole)[key] is not None
]


@pytest.mark.parametrize(("name", "whole", "key"), LIMITED)
def test_values_out_of_bounds_are_refused(name: str, whole: bool, key: str) -> None:
    a = OPERATIONS[name][key]
    arguments = right(name, whole)
    whole_number = a.kind != "float"
    bad: list[Any] = [2**64, -(2**70)] if whole_number and not a.is_array else []
    bad += [2**62, -(2**63)] if a.is_array else []
    bad += [np.nan, "text", None] if not a.is_array else []
    for limit, outwards in ((a.least, -1), (a.most, 1)):
        if limit:
            value, strict = SIZES.get(limit[0], limit[0]), limit[1]  # type: ignore[call-overload]
            nearest = value if strict else value + outwards * (1 if whole_number else 0.01)
            bad.append(int(nearest) if whole_number else nearest)
    for value in bad:
        if a.is_array:
            wrong = arguments[key].copy()
            wrong.flat[-1] = value
            assert_refused(name, arguments | {key: wrong}, says(key))
        else:
            assert_refused(name, arguments | {key: value})


@over_calls
def test_sizes_out_of_bounds_are_refused(name: str, whole: bool) -> None:
    for letter, limited in LIMITED_SIZES[name].items():
        if limited.least:
            none = right(name, whole, sizes=SIZES | {letter: int(limited.least[0]) - 1})
            assert_refused(name, none)


def test_a_kernel_of_a_convolution_is_not_longer_than_numbers_can_say() -> None:
    # No memory holds it down where there are no channels.
    for name in ("conv1d_forward", "conv1d_backward"):
        sizes = SIZES | {"K": 2**31, "C": 0}
        with pytest.raises(ValueError, match="K: expected K <= 1000000000, got 2147483648"):
            call(name, right(name, sizes=sizes))


# ---- what the table does not say


def test_layers_must_fit_together() -> None:
    def refuse(layers: Any, words: str) -> None:
        values = in_order(right("generate"))
        values[2] = layers
        with pytest.raises((TypeError, ValueError), match=words):
            _kernels.generate(*values)

    [layer] = in_order(right("generate"))[2]
    refuse([], "^layers: expected 5 units at last")
    refuse([layer[:4]], "^layers: expected five arrays for each, got 4")
    refuse([layer, layer], "^layers: expected 2 states and 5 inputs")
    refuse([None], ".")
    refuse(None, ".")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (
            {"w": np.zeros((4, 8), np.float32)},
            "b: expected shape (F) where n = 6, D = 4, F = 8, got (7)",
        ),
        ({"w": np.zeros(4, np.float32)}, "w: expected shape (D, F) where n = 6, D = 4, got (4)"),
        ({"x": np.zeros((6, 4))}, "x: expected an array of float32, got float64"),
        ({"x": [[1.0]]}, "x: expected an array of float32, got <class 'list'>"),
        ({"activation": 6}, "activation: expected 0 <= activation <= 5, got 6"),
        (
            {"y": frozen(np.zeros((6, 7), np.float32))},
            "y: expected memory to write to, aligned and without gaps, got memory to read",
        ),
    ],
)
def test_what_is_wrong_is_said(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        call("linear_forward", right("linear_forward") | wrong)


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_memory_that_the_system_does_not_give_is_an_exception() -> None:
    program = """
import resource
import numpy as np
from lstm.backends import _kernels
B = V = 1 << 14  # logits of a gigabyte
def zeros(*shape):
    return np.zeros(shape, np.float32)
h, c = zeros(B, 1), zeros(B, 1)
tokens, u, drawn = np.zeros(B, np.int64), np.zeros((B, 1)), np.zeros((B, 1), np.int64)
recent, choice = np.zeros((B, 0), np.int64), (1.0, 0, 1.0, 0.0, 1.0)
pages = int(open("/proc/self/statm").read().split()[0])
room = pages * resource.getpagesize() + 200_000_000
resource.setrlimit(resource.RLIMIT_AS, (room, room))
w, r = zeros(1, 64), zeros(1, 64)
layers = [(w, r, None, h, c)]
for _ in range(2):
    try:
        _kernels.generate(tokens, zeros(V, 1), layers, zeros(1, V), None, recent, u, *choice, drawn)
    except MemoryError:
        print("refused")
layers = [(w, r, None, h[:9], c[:9])]
rest = recent[:9], u[:9], *choice, drawn[:9]
_kernels.generate(tokens[:9], zeros(9, 1), layers, zeros(1, 64), None, *rest)
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stdout) == (0, "refused\n" * 2), run.stderr


# ---- anything at all

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
