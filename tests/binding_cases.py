"""Calls of the kernels, made from the table of the operations, between guards.

The guards show a kernel that writes past an array. Without them the address sanitizer sees one that
reads past it too.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from lstm.backends import _kernels
from op_cases import Array

DTYPES: dict[str, Any] = {
    "float32": np.float32,
    "float64": np.float64,
    "int64": np.int64,
    "bool_": np.bool_,
    "int8": np.int8,
}


class Argument(NamedTuple):
    """An argument of an operation, or a size, as `cpp/bindings_operation.h` explains.

    Attributes:
        kind: the type of a number, or of the numbers in an array.
        written: whether it is an array that is written to.
        shape: its axes, None where there is no array.
        need: "" if it must be there, or what the table says after its name, "?" or "?!other".
        least, most: a number, or the letter of a size, and whether that value itself is excluded.
    """

    kind: str
    written: bool
    shape: list[str] | None
    need: str
    least: tuple[Any, bool] | None
    most: tuple[Any, bool] | None

    @property
    def is_array(self) -> bool:
        return self.kind in DTYPES


_ARGUMENT = re.compile(
    r"((?P<least>-?[\w.]+)(?P<above><=?))?(?P<name>[a-z]\w*|[A-Z])((?P<below><=?)(?P<most>[\w.]+))?"
    r"(?P<need>\?!?\w*)?(\[(?P<shape>.*)\])?"
)


def _argument(text: str, kind: str, written: bool, last_code: int) -> tuple[str, Argument]:
    found = _ARGUMENT.fullmatch(text)
    assert found, text

    def limit(value: str | None, sign: str | None) -> tuple[Any, bool] | None:
        if value is None:
            return None
        return value if value.isupper() else float(value), sign == "<"

    least, most = limit(found["least"], found["above"]), limit(found["most"], found["below"])
    if kind == "code":
        least, most = (0, False), most or (last_code, False)
    shape = None if found["shape"] is None else found["shape"].split()
    return found["name"], Argument(kind, written, shape, found["need"] or "", least, most)


Arguments = dict[str, Argument]


INT8_LAYER = "int8_generation_layer"


def _table() -> tuple[dict[str, Arguments], dict[str, Arguments]]:
    """The sizes and the arguments of each operation, by name.

    The arrays of a generator's layer stand among them, as `layers.w` and so on.
    """
    sizes: dict[str, Arguments] = {}
    arguments: dict[str, Arguments] = {}
    for name, (line, kinds) in _kernels.operations().items():
        before, _, after = line.partition(": ")
        sizes[name] = dict(_argument(text, "int", False, 0) for text in before.split())
        arguments[name] = dict(
            _argument(text, *kind) for text, kind in zip(after.split(", "), kinds, strict=True)
        )
    for loop, of_layer in (("generate", "generation_layer"), ("int8_generate", INT8_LAYER)):
        layer = arguments.pop(of_layer)
        sizes[loop]["H"] = sizes.pop(of_layer)["H"]
        arguments[loop] = {
            (f"layers.{key}" if name == "layers" else key): value
            for name, argument in arguments[loop].items()
            for key, value in (layer if name == "layers" else {name: argument}).items()
        }
    # What the first layer reads are the vectors of the embedding, and the output layer its units.
    for loop, key, shape in (
        ("generate", "layers.w", ["E", "4H64"]),
        ("int8_generate", "layers.w", ["4H16", "E"]),
        ("int8_generate", "w_out", ["V16", "H4"]),
    ):
        arguments[loop][key] = arguments[loop][key]._replace(shape=shape)
    return sizes, arguments


LIMITED_SIZES, OPERATIONS = _table()

# Two calls of each operation: with all that may be there, and with as little as possible.
CALLS = [(name, whole) for name in OPERATIONS for whole in (True, False)]

SIZES = {"B": 2, "C": 3, "D": 4, "E": 4, "F": 7, "H": 5, "K": 2, "L": 2, "M": 2, "N": 3, "R": 4}
SIZES |= {"A": 2, "G": 2, "P": 6, "S": 2, "T": 3, "V": 6, "W": 4}


def size_of(axis: str, sizes: dict[str, int]) -> int:
    """4H is four times H, V16 the multiple of 16 that V fits into."""
    found = re.fullmatch(r"(\d*)([A-Z]?)(\d*)", axis)
    assert found, axis
    factor, letter, multiple = found.groups()
    size = int(factor or 1) * sizes.get(letter, 1)
    return -(-size // int(multiple or 1)) * int(multiple or 1)


def shape_of(
    axes: Sequence[str], sizes: dict[str, int], some: Sequence[int] = (2, 3)
) -> tuple[int, ...]:
    """The shape of an array; `...` stands for the axes `some`."""
    return tuple(
        size for axis in axes for size in (some if axis == "..." else [size_of(axis, sizes)])
    )


def guarded(shape: tuple[int, ...], dtype: Any, guard: int = 64) -> Array:
    """Zeros in the middle of a larger array of another number."""
    size = int(np.prod(shape, dtype=int))
    whole = np.full(size + 2 * guard, 77, dtype)
    array = whole[guard : guard + size].reshape(shape)
    array[...] = 0
    return array


def assert_guards_hold(array: Array) -> None:
    whole = array
    while isinstance(whole.base, np.ndarray):
        whole = whole.base
    if whole.ndim == 1 and whole.dtype == array.dtype:
        guard = (whole.size - array.size) // 2
        mark = np.array(77, array.dtype)
        assert (whole[:guard] == mark).all()
        assert (whole[whole.size - guard :] == mark).all()


def is_there(argument: Argument, before: dict[str, Any], whole: bool) -> bool:
    """Whether an array is given, after such arguments."""
    found = re.fullmatch(r"\??(!?)(\w*)", argument.need)
    assert found, argument.need
    without, other = found.groups()
    if argument.shape is None:
        return False
    if other:
        given = before[other] is not None and not (
            isinstance(before[other], int) and before[other] == 0
        )
        return given != bool(without)
    return whole or not argument.need


def number_for(argument: Argument, whole: bool) -> Any:
    """A number that is right: a code is the last of all, or 0."""
    if argument.kind == "bool":
        return whole
    if argument.kind == "float":
        return 0.5
    least, most = argument.least or (0, False), argument.most or (0, True)
    return int(most[0]) - most[1] if argument.kind == "code" and whole else int(least[0])


def right(
    name: str,
    whole: bool = True,
    sizes: dict[str, int] = SIZES,
    some: Sequence[int] = (2, 3),
    guard: int = 64,
) -> dict[str, Any]:
    """Right arguments for an operation."""
    found: dict[str, Any] = {}
    for key, argument in OPERATIONS[name].items():
        if not argument.is_array:
            found[key] = number_for(argument, whole)
        elif is_there(argument, found, whole):
            shape = shape_of(argument.shape or (), sizes, some)
            found[key] = guarded(shape, DTYPES[argument.kind], guard)
        else:
            found[key] = None
    return found


def in_order(arguments: dict[str, Any]) -> list[Any]:
    """The arguments as the function takes them, the arrays of a layer in a list."""
    layer = tuple(value for key, value in arguments.items() if key.startswith("layers."))
    outside = {key: value for key, value in arguments.items() if not key.startswith("layers.")}
    values = list(outside.values())
    if layer:
        values.insert(list(outside).index("w_out"), [layer])
    return values


def arrays_of(arguments: dict[str, Any]) -> list[Array]:
    return [value for value in arguments.values() if isinstance(value, np.ndarray)]


def call(name: str, arguments: dict[str, Any]) -> Any:
    result = getattr(_kernels, name)(*in_order(arguments))
    for array in arrays_of(arguments):
        assert_guards_hold(array)
    return result
