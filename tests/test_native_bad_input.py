"""The binding of the kernels called with all that is wrong: an exception, never a crash."""

import subprocess
import sys
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from binding_cases import (
    FUNCTIONS,
    RECURRENT,
    SIZES,
    arguments_of,
    call,
    each_array,
    guarded,
    is_array,
    make,
    shape_of,
)
from lstm.backends import _kernels
from native_cases import INSTRUCTION_SETS, running_on
from op_cases import Array

fuzz = settings(max_examples=200)

ARRAYS = [
    (function, name)
    for function, arguments in FUNCTIONS.items()
    for name, (kind, _) in arguments.items()
    if is_array(kind)
]
over_arrays = pytest.mark.parametrize(("function", "name"), ARRAYS)


def assert_refused(function: str, arguments: dict[str, Any]) -> None:
    """Assert that a call raises, and writes nothing before it does."""
    before = [x.copy() for x in each_array(arguments)]
    with pytest.raises((TypeError, ValueError)):
        call(function, arguments)
    for x, y in zip(each_array(arguments), before, strict=True):
        np.testing.assert_array_equal(x, y)


def replaced(function: str, name: str, change: Any) -> dict[str, Any]:
    """Right arguments but for one array, which `change` makes another of."""
    arguments = arguments_of(function)
    old = arguments[name]
    arguments[name] = [change(old[0])] if isinstance(old, list) else change(old)
    return arguments


OTHERS = {"instruction_set", "set_instruction_set", "num_threads", "set_num_threads", "empty"}
OTHERS |= {"force_teams", "teams_so_far", "logits_pitch", "cell_sizes"}


def test_every_function_is_here() -> None:
    functions = {name for name in dir(_kernels) if not name.startswith("_")}
    assert functions - OTHERS == {function.partition(" ")[0] for function in FUNCTIONS}


@pytest.mark.parametrize("function", [*FUNCTIONS, *sorted(OTHERS)])
def test_a_wrong_number_of_arguments_is_refused(function: str) -> None:
    right = list(arguments_of(function).values()) if function in FUNCTIONS else []
    for arguments in ([*right, None, None], right[:-1]):
        if arguments != right:
            with pytest.raises(TypeError):
                getattr(_kernels, function.partition(" ")[0])(*arguments)


@pytest.mark.parametrize("name", ["set_instruction_set", "set_num_threads"])
@pytest.mark.parametrize("value", ["", "AVX2", "\ud800", "9" * 100_000, b"avx2", None, 0, 2.5, []])
def test_what_is_no_setting_changes_nothing(name: str, value: Any) -> None:
    before = _kernels.instruction_set(), _kernels.num_threads()
    with suppress(TypeError, ValueError):
        assert getattr(_kernels, name)(value) is False
    assert (_kernels.instruction_set(), _kernels.num_threads()) == before


@pytest.mark.parametrize("function", FUNCTIONS)
def test_right_arguments_are_taken(function: str) -> None:
    call(function, arguments_of(function))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_may_be_none_may_be_none(function: str) -> None:
    arguments = arguments_of(function)
    for name, (kind, _) in FUNCTIONS[function].items():
        if "?" in kind:
            arguments[name] = [None] if kind.startswith("[") else None
    call(function, arguments)


@over_arrays
def test_none_elsewhere_is_refused(function: str, name: str) -> None:
    if "?" not in FUNCTIONS[function][name][0]:
        assert_refused(function, replaced(function, name, lambda x: None))


@over_arrays
def test_a_wrong_size_is_refused(function: str, name: str) -> None:
    letters = FUNCTIONS[function][name][1]
    everywhere = [
        letter.strip("0123456789")
        for kind, what in FUNCTIONS[function].values()
        if is_array(kind)
        for letter in what
    ]
    for axis, letter in enumerate(letters):
        # One that stands nowhere else may have any size.
        if everywhere.count(letter.strip("0123456789")) == 1:
            continue
        for more in (-1, 1, 1000):

            def change(x: Array, axis: int = axis, more: int = more) -> Array:
                shape = list(x.shape)
                shape[axis] += more
                return guarded(tuple(shape), x.dtype)

            assert_refused(function, replaced(function, name, change))


@over_arrays
@pytest.mark.parametrize("change", [lambda x: x[None], lambda x: x[..., None], lambda x: x[0]])
def test_a_wrong_number_of_axes_is_refused(function: str, name: str, change: Any) -> None:
    assert_refused(function, replaced(function, name, change))


@over_arrays
@pytest.mark.parametrize("dtype", ["str", "object", "complex64", "datetime64[s]", "S4"])
def test_what_is_no_number_is_refused(function: str, name: str, dtype: str) -> None:
    assert_refused(function, replaced(function, name, lambda x: x.astype(int).astype(dtype)))


@over_arrays
@pytest.mark.parametrize("value", ["text", 1.5, {}, (), object(), [[1.0]]])
def test_what_is_no_array_is_refused(function: str, name: str, value: Any) -> None:
    assert_refused(function, arguments_of(function) | {name: value})


@over_arrays
def test_an_odd_address_is_refused(function: str, name: str) -> None:
    def shifted(x: Array) -> Array:
        return np.frombuffer(bytearray(x.nbytes + 1), np.uint8)[1:].view(x.dtype).reshape(x.shape)

    if "mask" not in FUNCTIONS[function][name][0]:
        assert_refused(function, replaced(function, name, shifted))


def frozen(x: Array) -> Array:
    x = x.copy()
    x.flags.writeable = False
    return x


@over_arrays
@pytest.mark.parametrize(
    "change",
    [
        frozen,
        lambda x: np.repeat(x, 2, -1)[..., ::2],
        lambda x: x.astype(np.float32 if x.dtype != np.float32 else np.float64),
        lambda x: x.astype(x.dtype.newbyteorder()),
        lambda x: np.broadcast_to(x[:1], x.shape),
    ],
    ids=["frozen", "gaps", "dtype", "byte order", "broadcast"],
)
def test_outputs_must_be_just_what_is_asked_for(function: str, name: str, change: Any) -> None:
    if "out" in FUNCTIONS[function][name][0]:
        assert_refused(function, replaced(function, name, change))


@pytest.mark.parametrize("token", [-1, SIZES["V"], 2**62, -(2**63)])
@pytest.mark.parametrize(
    "function", [f for f, arguments in FUNCTIONS.items() if "V" in str(arguments)]
)
def test_tokens_out_of_range_are_refused(function: str, token: int) -> None:
    for name, (kind, _) in FUNCTIONS[function].items():
        if kind == "tokens":

            def change(x: Array) -> Array:
                x[-1] = token
                return x

            assert_refused(function, replaced(function, name, change))


@pytest.mark.parametrize("function", ["sample", "generate"])
def test_recent_tokens_may_be_missing_but_not_out_of_range(function: str) -> None:
    def with_last(token: int) -> dict[str, Any]:
        arguments = arguments_of(function)
        arguments["recent"][-1, -1] = token
        return arguments

    call(function, with_last(-1))
    for token in (-2, SIZES["V"], 2**62, -(2**63)):
        assert_refused(function, with_last(token))


INDICES = [a for a in ARRAYS if a[1] in ("tokens", "classes", "recent")]


@pytest.mark.parametrize(("function", "name"), INDICES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.uint64, np.bool_])
def test_tokens_must_be_int64(function: str, name: str, dtype: Any) -> None:
    assert_refused(function, replaced(function, name, lambda x: x.astype(dtype)))


CODES = [
    (f, n) for f, arguments in FUNCTIONS.items() for n, a in arguments.items() if a[0] == "code"
]


@pytest.mark.parametrize(("function", "name"), CODES)
@pytest.mark.parametrize("code", [-1, 6, 2**31, 2**64, -(2**70), 1.0, "tanh", None])
def test_codes_of_nothing_are_refused(function: str, name: str, code: Any) -> None:
    assert_refused(function, arguments_of(function) | {name: code})


@pytest.mark.parametrize("name", ["activation", "recurrent_activation"])
@pytest.mark.parametrize("function", RECURRENT)
def test_a_recurrent_layer_has_no_softmax(function: str, name: str) -> None:
    arguments = arguments_of(function)
    if name in arguments:
        assert_refused(function, arguments | {name: 5})


@pytest.mark.parametrize("function", ["conv1d_forward", "conv1d_backward"])
@pytest.mark.parametrize("name", ["stride", "dilation", "before"])
@pytest.mark.parametrize("value", [-1, -(2**63), 2**40, 2**63 - 1, 2**64])
def test_strides_out_of_range_are_refused(function: str, name: str, value: int) -> None:
    assert_refused(function, arguments_of(function) | {name: value})


@pytest.mark.parametrize("function", ["sample", "generate"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", -0.1),
        ("temperature", np.nan),
        ("top_k", -1),
        ("top_k", 2**64),
        ("top_p", 0.0),
        ("top_p", -1.0),
        ("top_p", np.nan),
        ("min_p", -0.1),
        ("min_p", 1.1),
        ("min_p", np.nan),
        ("repetition_penalty", 0.0),
        ("repetition_penalty", -1.0),
        ("repetition_penalty", np.nan),
    ],
)
def test_choices_out_of_range_are_refused(function: str, name: str, value: Any) -> None:
    assert_refused(function, arguments_of(function) | {name: value})


@pytest.mark.parametrize("function", RECURRENT)
def test_a_recurrent_layer_takes_vectors_or_tokens(function: str) -> None:
    vectors, tokens = arguments_of(function), arguments_of(f"{function} tokens")
    assert_refused(function, vectors | {"x": None})
    assert_refused(function, vectors | {"tokens": tokens["tokens"]})
    assert_refused(function, tokens | {"x": vectors["x"]})


@pytest.mark.parametrize("function", RECURRENT)
def test_a_recurrent_mask_and_what_it_masks_belong_together(function: str) -> None:
    with_mask, without = arguments_of(f"{function} tokens"), arguments_of(function)
    for name in ("recurrent_mask", "masked_h"):
        assert_refused(function, with_mask | {name: None})
        assert_refused(function, without | {name: with_mask[name]})


@pytest.mark.parametrize("function", [name for name in RECURRENT if "backward" in name])
def test_tokens_have_no_gradient(function: str) -> None:
    arguments = arguments_of(f"{function} tokens")
    dx = np.zeros((SIZES["B"], SIZES["T"], SIZES["V"]), np.float32)
    assert_refused(function, arguments | {"dx": dx})


def test_without_gates_the_cell_is_the_last() -> None:
    arguments = arguments_of("recurrent_forward lstm")
    assert_refused("recurrent_forward lstm", arguments | {"gates": None})


@pytest.mark.parametrize("shape", [(-1,), (2**63,), (2**40, 2**40), (2**62, 4), "3", None, 3])
def test_impossible_shapes_are_refused(shape: Any) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError, MemoryError)):
        _kernels.empty(shape)


@pytest.mark.parametrize("function", ["linear_backward", "conv1d_backward"])
def test_work_space_is_needed_where_there_is_an_activation(function: str) -> None:
    assert_refused(function, arguments_of(function) | {"dz": None})
    call(function, arguments_of(function) | {"dz": None, "activation": 0})


def test_work_space_holds_at_least_one_row_of_logits() -> None:
    function = "linear_cross_entropy"
    assert_refused(function, replaced(function, "z", lambda z: guarded((0, z.shape[1]), z.dtype)))


@pytest.mark.parametrize("function", [f for f in FUNCTIONS if "cross_entropy" in f])
def test_a_target_is_classes_or_rows(function: str) -> None:
    arguments = arguments_of(function)
    assert_refused(function, arguments | {"classes": None, "rows": None})
    n, V = SIZES["n"], SIZES["V"]
    both = {"classes": guarded((n,), np.int64), "rows": guarded((n, V), np.float32)}
    assert_refused(function, arguments | both)


@pytest.mark.parametrize("step", [0, -1, 2**64])
def test_steps_count_from_1(step: int) -> None:
    assert_refused("adam_step", arguments_of("adam_step") | {"step": step})


def test_layers_must_fit_together() -> None:
    for name in ("w", "r", "b", "h", "c"):
        arguments = arguments_of("generate")
        assert_refused("generate", arguments | {name: []})
        assert_refused("generate", arguments | {name: arguments[name] * 2})
    names = ("w", "r", "b", "h", "c")
    assert_refused("generate", arguments_of("generate") | {name: [] for name in names})


def test_a_layer_without_units_generates_nothing() -> None:
    # No array would hold the number of tokens down to what fits into memory.
    none = {"w": ("E", 0), "r": (0, 0), "b": (0,), "h": ("B", 0), "c": ("B", 0), "w_out": (0, "V")}
    arguments = arguments_of("generate")
    for name, shape in none.items():
        array = guarded(tuple(SIZES.get(str(size), 0) for size in shape), np.float32)
        arguments[name] = array if name == "w_out" else [array]
    assert_refused("generate", arguments)


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
layers = [zeros(1, 4)], [zeros(1, 4)], [None], [h], [c]
for _ in range(2):
    try:
        _kernels.generate(
            tokens, zeros(V, 1), *layers, zeros(1, V), None, recent, u, *choice, drawn
        )
    except MemoryError:
        print("refused")
_kernels.generate(
    tokens[:9], zeros(9, 1), [zeros(1, 4)], [zeros(1, 4)], [None], [h[:9]], [c[:9]], zeros(1, 9),
    None, recent[:9], u[:9], *choice, drawn[:9]
)
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
    lambda x: x[..., ::-1].copy()[..., ::-1],
    lambda x: np.lib.stride_tricks.as_strided(x, strides=[0] * x.ndim),
    memoryview,
    lambda x: None,
)
changes = st.one_of(
    shapes.map(lambda shape: lambda x: guarded(shape, x.dtype)),
    dtypes.map(lambda dtype: lambda x: x.astype(dtype)),
    st.sampled_from(LAYOUTS),
)


@pytest.mark.parametrize("function", FUNCTIONS)
@fuzz
@given(data=st.data())
def test_any_call_returns_or_raises(function: str, data: st.DataObject) -> None:
    sizes = {letter: data.draw(small, label=letter) for letter in SIZES}
    guard = data.draw(st.sampled_from((0, 64)), label="guard")
    wrong = data.draw(st.sampled_from(("", "", *FUNCTIONS[function])), label="wrong")
    arguments = {}
    for name, (kind, what) in FUNCTIONS[function].items():
        if not is_array(kind):
            arguments[name] = data.draw(numbers, label=name) if name == wrong else what
            continue
        array = make(kind.strip("[]"), shape_of(what, sizes), guard)
        if array.dtype.kind == "f":
            array[...] = data.draw(values)
            array.flat[:1] = data.draw(values)
        elif array.dtype.kind == "i":
            array[...] = data.draw(st.integers(-1, 5))
        if "?" in kind and data.draw(st.booleans()):
            array = None
        elif name == wrong:
            with np.errstate(all="ignore"):
                array = data.draw(changes, label=name)(array)
        layers = data.draw(small, label=name) if name == wrong else 1
        arguments[name] = [array] * layers if kind.startswith("[") else array
    with running_on(data.draw(st.sampled_from(INSTRUCTION_SETS))), suppress(TypeError, ValueError):
        call(function, arguments)
