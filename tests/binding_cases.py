"""The functions of the binding with right arguments for each, between guards.

The guards show a kernel that writes past an array. Without them the address sanitizer sees one that
reads past it too.
"""

from typing import Any

import numpy as np

from lstm.backends import _kernels
from op_cases import Array

# Each function with its arguments: a kind, and for arrays one letter for each axis. "3H" and "4H"
# are so many times H, "2" is two, "V16" the multiple of 16 that V fits into; a list of arrays has
# its kind in brackets. A kind with "?" may be None; "recent" tokens may be -1. A function that can
# be called in two ways stands here twice, with a word behind its name.
FUNCTIONS: dict[str, dict[str, tuple[str, tuple[str, ...] | Any]]] = {
    "linear_forward": {
        "x": ("in", ("n", "D")),
        "w": ("in", ("D", "F")),
        "b": ("in?", ("F",)),
        "activation": ("code", 5),
        "y": ("out", ("n", "F")),
    },
    "linear_backward": {
        "dy": ("in", ("n", "F")),
        "x": ("in", ("n", "D")),
        "w": ("in", ("D", "F")),
        "y": ("in", ("n", "F")),
        "activation": ("code", 5),
        "dz": ("out", ("n", "F")),
        "dw": ("out?", ("D", "F")),
        "db": ("out?", ("F",)),
        "dx": ("out?", ("n", "D")),
    },
    "conv1d_forward": {
        "x": ("in", ("B", "T", "C")),
        "w": ("in", ("K", "C", "F")),
        "b": ("in?", ("F",)),
        "stride": ("value", 2),
        "dilation": ("value", 1),
        "before": ("value", 1),
        "activation": ("code", 1),
        "y": ("out", ("B", "S", "F")),
    },
    "conv1d_backward": {
        "dy": ("in", ("B", "S", "F")),
        "x": ("in", ("B", "T", "C")),
        "w": ("in", ("K", "C", "F")),
        "y": ("in", ("B", "S", "F")),
        "stride": ("value", 1),
        "dilation": ("value", 2),
        "before": ("value", 0),
        "activation": ("code", 1),
        "dz": ("out", ("B", "S", "F")),
        "dw": ("out?", ("K", "C", "F")),
        "db": ("out?", ("F",)),
        "dx": ("out?", ("B", "T", "C")),
    },
    "activation_forward": {
        "x": ("in", ("n", "D")),
        "activation": ("code", 5),
        "y": ("out", ("n", "D")),
    },
    "activation_backward": {
        "dy": ("in", ("n", "D")),
        "y": ("in", ("n", "D")),
        "activation": ("code", 5),
        "dx": ("out", ("n", "D")),
    },
    "dropout": {
        "x": ("in", ("n",)),
        "u": ("in", ("n",)),
        "rate": ("value", 0.5),
        "y": ("out", ("n",)),
    },
    "scale_features": {
        "x": ("in", ("B", "T", "C")),
        "factor": ("in", ("B", "C")),
        "y": ("out", ("B", "T", "C")),
    },
    "embedding_forward": {
        "tokens": ("tokens", ("n",)),
        "w": ("in", ("V", "E")),
        "y": ("out", ("n", "E")),
    },
    "embedding_backward": {
        "dy": ("in", ("n", "E")),
        "tokens": ("tokens", ("n",)),
        "dw": ("out", ("V", "E")),
    },
    "softmax_cross_entropy_forward": {
        "z": ("in", ("n", "V")),
        "classes": ("tokens", ("n",)),
        "rows": ("value", None),
        "weight": ("in?", ("n",)),
        "log_p": ("out", ("n", "V")),
    },
    "softmax_cross_entropy_backward": {
        "log_p": ("in", ("n", "V")),
        "classes": ("value", None),
        "rows": ("in", ("n", "V")),
        "weight": ("in?", ("n",)),
        "dz": ("out", ("n", "V")),
    },
    "cross_entropy_forward": {
        "p": ("in", ("n", "V")),
        "classes": ("value", None),
        "rows": ("in", ("n", "V")),
        "weight": ("in?", ("n",)),
    },
    "cross_entropy_backward": {
        "p": ("in", ("n", "V")),
        "classes": ("tokens", ("n",)),
        "rows": ("value", None),
        "weight": ("in?", ("n",)),
        "dp": ("out", ("n", "V")),
    },
    "linear_cross_entropy": {
        "x": ("in", ("n", "D")),
        "w": ("in", ("D", "V")),
        "b": ("in?", ("V",)),
        "classes": ("tokens", ("n",)),
        "rows": ("value", None),
        "weight": ("in?", ("n",)),
        "z": ("out", ("R", "V16")),
        "dw": ("out?", ("D", "V")),
        "db": ("out?", ("V",)),
        "dx": ("out?", ("n", "D")),
    },
    "pointwise_loss": {
        "loss": ("code", 4),
        "y": ("in", ("n",)),
        "target": ("in", ("n",)),
        "weight": ("in?", ("n",)),
        "delta": ("value", 1.0),
        "dy": ("out", ("n",)),
    },
    "clip_by_global_norm": {"g": ("out", ("n",)), "max_norm": ("value", 1.0)},
    "sgd_step": {
        "p": ("out", ("n",)),
        "g": ("in", ("n",)),
        "v": ("out", ("n",)),
        "lr": ("value", 0.1),
        "momentum": ("value", 0.9),
        "nesterov": ("value", True),
    },
    "rmsprop_step": {
        "p": ("out", ("n",)),
        "g": ("in", ("n",)),
        "s": ("out", ("n",)),
        "m": ("out?", ("n",)),
        "v": ("out?", ("n",)),
        "lr": ("value", 0.1),
        "rho": ("value", 0.9),
        "momentum": ("value", 0.9),
        "eps": ("value", 1e-7),
    },
    "adam_step": {
        "p": ("out", ("n",)),
        "g": ("in", ("n",)),
        "m": ("out", ("n",)),
        "s": ("out", ("n",)),
        "step": ("value", 1),
        "lr": ("value", 0.1),
        "beta_1": ("value", 0.9),
        "beta_2": ("value", 0.999),
        "eps": ("value", 1e-7),
        "weight_decay": ("value", 0.0),
    },
    "sample": {
        "z": ("in", ("B", "V")),
        "u": ("uniforms", ("B",)),
        "recent": ("recent", ("B", "W")),
        "temperature": ("value", 1.0),
        "top_k": ("value", 0),
        "top_p": ("value", 1.0),
        "min_p": ("value", 0.0),
        "repetition_penalty": ("value", 1.2),
        "out": ("tokens out", ("B",)),
    },
    "generate": {
        "tokens": ("tokens", ("B",)),
        "embedding": ("in", ("V", "E")),
        "w": ("[in]", ("E", "4H")),
        "r": ("[in]", ("H", "4H")),
        "b": ("[in?]", ("4H",)),
        "h": ("[out]", ("B", "H")),
        "c": ("[out]", ("B", "H")),
        "w_out": ("in", ("H", "V")),
        "b_out": ("in?", ("V",)),
        "recent": ("recent", ("B", "W")),
        "u": ("uniforms", ("B", "N")),
        "temperature": ("value", 1.0),
        "top_k": ("value", 3),
        "top_p": ("value", 0.9),
        "min_p": ("value", 0.1),
        "repetition_penalty": ("value", 1.2),
        "drawn": ("tokens out", ("B", "N")),
    },
    "matmul": {"a": ("in", ("M", "K")), "b": ("in", ("K", "N")), "c": ("out", ("M", "N"))},
}


def _recurrent(cell: str, way: str, tokens: bool) -> dict[str, tuple[str, Any]]:
    """The arguments of a pass; with tokens it has a recurrent mask, too, and keeps no gates."""
    code, (blocks, bias, kept, c) = CELLS[cell]
    D, forward = "V" if tokens else "D", way == "forward"
    whole, state, gates = ("B", "T", "H"), ("B", "H"), ("out", ("B", "T", kept))
    nothing = ("value", None)
    found: dict[str, tuple[str, Any]] = {
        "cell": ("code", code),
        "options": ("value", 0),
        "x": nothing if tokens else ("in", ("B", "T", D)),
        "tokens": ("tokens", ("B", "T")) if tokens else nothing,
        "w": ("in", (D, blocks)),
        "r": ("in", ("H", blocks)),
        **({"b": ("in?", bias)} if forward else {}),
        "h0": ("in?", state),
        "c0": ("in?", state) if c else nothing,
        "mask": ("mask?", ("B", "T")),
        "recurrent_mask": ("in", state) if tokens else nothing,
        "reverse": ("value", tokens == forward),
        "activation": ("code", 2),
        "recurrent_activation": ("code", 3),
    }
    if forward:
        last_only = cell == "lstm" and tokens
        return found | {
            "gates": nothing if cell == "rnn" or last_only else gates,
            "masked_h": ("out", whole) if tokens else nothing,
            "c": ("out", state if last_only else whole) if c else nothing,
            "y": ("out", whole),
            "framed": ("value", cell != "lstm"),
        }
    return found | {
        "gates": gates,
        "masked_h": ("in", whole) if tokens else nothing,
        "c": ("in", whole) if c else nothing,
        "y": ("in", whole),
        "dy": ("in?", whole),
        "dh": ("out", state),
        "dc": ("out", state) if c else nothing,
        "dw": ("out?", (D, blocks)),
        "dr": ("out?", ("H", blocks)),
        "db": ("out?", bias),
        "dx": nothing if tokens else ("out?", ("B", "T", D)),
        "framed": ("value", cell != "lstm"),
    }


CELLS = {
    "lstm": (0, ("4H", ("4H",), "4H", True)),
    "gru": (1, ("3H", ("2", "3H"), "4H", False)),
    "rnn": (2, ("H", ("H",), "H", False)),
}
"""Of each cell its code, columns of its kernels, its bias, what it keeps, whether it has a c."""

RECURRENT = [f"recurrent_{way} {cell}" for cell in CELLS for way in ("forward", "backward")]

for _cell in CELLS:
    for _way in ("forward", "backward"):
        name = f"recurrent_{_way} {_cell}"
        FUNCTIONS |= {name: _recurrent(_cell, _way, False)}
        FUNCTIONS |= {f"{name} tokens": _recurrent(_cell, _way, True)}

DTYPES = {"tokens": np.int64, "tokens out": np.int64, "recent": np.int64}
DTYPES |= {"uniforms": np.float64, "mask": np.bool_}


def is_array(kind: str) -> bool:
    return kind not in ("value", "code")


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


SIZES = {"B": 2, "T": 3, "D": 4, "H": 5, "n": 6, "F": 7, "C": 3, "K": 2, "S": 2, "V": 5, "E": 4}
SIZES |= {"N": 3, "M": 2, "R": 4, "W": 4}


def make(kind: str, shape: tuple[int, ...], guard: int = 64) -> Any:
    """An argument of that kind and shape."""
    if kind.startswith("["):
        return [make(kind.strip("[]"), shape, guard)]
    return guarded(shape, DTYPES.get(kind.rstrip("?"), np.float32), guard)


def shape_of(letters: tuple[str, ...], sizes: dict[str, int]) -> tuple[int, ...]:
    products = {"2": 2, "3H": 3 * sizes["H"], "4H": 4 * sizes["H"]}
    products |= {"V16": -(-sizes["V"] // 16) * 16}
    return tuple((sizes | products)[letter] for letter in letters)


def arguments_of(function: str) -> dict[str, Any]:
    """Right arguments for a function."""
    return {
        name: make(kind, shape_of(what, SIZES)) if is_array(kind) else what
        for name, (kind, what) in FUNCTIONS[function].items()
    }


def each_array(arguments: dict[str, Any]) -> list[Array]:
    values = [x for a in arguments.values() for x in (a if isinstance(a, list) else [a])]
    return [x for x in values if isinstance(x, np.ndarray)]


def call(function: str, arguments: dict[str, Any]) -> Any:
    result = getattr(_kernels, function.partition(" ")[0])(*arguments.values())
    for array in each_array(arguments):
        assert_guards_hold(array)
    return result
