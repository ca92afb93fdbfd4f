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
    "lstm_forward": {
        "x": ("in", ("B", "T", "D")),
        "tokens": ("value", None),
        "w": ("in", ("D", "4H")),
        "r": ("in", ("H", "4H")),
        "b": ("in?", ("4H",)),
        "h0": ("in?", ("B", "H")),
        "c0": ("in?", ("B", "H")),
        "mask": ("mask?", ("B", "T")),
        "recurrent_mask": ("value", None),
        "reverse": ("value", False),
        "activation": ("code", 2),
        "recurrent_activation": ("code", 3),
        "gates": ("out", ("B", "T", "4H")),
        "masked_h": ("value", None),
        "c": ("out", ("B", "T", "H")),
        "y": ("out", ("B", "T", "H")),
    },
    "lstm_forward tokens": {
        "x": ("value", None),
        "tokens": ("tokens", ("B", "T")),
        "w": ("in", ("V", "4H")),
        "r": ("in", ("H", "4H")),
        "b": ("in?", ("4H",)),
        "h0": ("in?", ("B", "H")),
        "c0": ("in?", ("B", "H")),
        "mask": ("mask?", ("B", "T")),
        "recurrent_mask": ("in", ("B", "H")),
        "reverse": ("value", True),
        "activation": ("code", 2),
        "recurrent_activation": ("code", 3),
        "gates": ("value", None),
        "masked_h": ("out", ("B", "T", "H")),
        "c": ("out", ("B", "H")),
        "y": ("out", ("B", "T", "H")),
    },
    "lstm_backward": {
        "x": ("in", ("B", "T", "D")),
        "tokens": ("value", None),
        "w": ("in", ("D", "4H")),
        "r": ("in", ("H", "4H")),
        "h0": ("in?", ("B", "H")),
        "c0": ("in?", ("B", "H")),
        "mask": ("mask?", ("B", "T")),
        "recurrent_mask": ("value", None),
        "reverse": ("value", True),
        "activation": ("code", 2),
        "recurrent_activation": ("code", 3),
        "gates": ("out", ("B", "T", "4H")),
        "masked_h": ("value", None),
        "c": ("in", ("B", "T", "H")),
        "y": ("in", ("B", "T", "H")),
        "dy": ("in?", ("B", "T", "H")),
        "dh": ("out", ("B", "H")),
        "dc": ("out", ("B", "H")),
        "dw": ("out?", ("D", "4H")),
        "dr": ("out?", ("H", "4H")),
        "db": ("out?", ("4H",)),
        "dx": ("out?", ("B", "T", "D")),
    },
    "lstm_backward tokens": {
        "x": ("value", None),
        "tokens": ("tokens", ("B", "T")),
        "w": ("in", ("V", "4H")),
        "r": ("in", ("H", "4H")),
        "h0": ("in?", ("B", "H")),
        "c0": ("in?", ("B", "H")),
        "mask": ("mask?", ("B", "T")),
        "recurrent_mask": ("in", ("B", "H")),
        "reverse": ("value", False),
        "activation": ("code", 2),
        "recurrent_activation": ("code", 3),
        "gates": ("out", ("B", "T", "4H")),
        "masked_h": ("in", ("B", "T", "H")),
        "c": ("in", ("B", "T", "H")),
        "y": ("in", ("B", "T", "H")),
        "dy": ("in?", ("B", "T", "H")),
        "dh": ("out", ("B", "H")),
        "dc": ("out", ("B", "H")),
        "dw": ("out?", ("V", "4H")),
        "dr": ("out?", ("H", "4H")),
        "db": ("out?", ("4H",)),
        "dx": ("value", None),
    },
    "rnn_forward": {
        "x": ("in", ("B", "T", "D")),
        "tokens": ("value", None),
        "w": ("in", ("D", "H")),
        "r": ("in", ("H", "H")),
        "b": ("in?", ("H",)),
        "h0": ("in", ("B", "H")),
        "mask": ("mask?", ("B", "T")),
        "recurrent_mask": ("value", None),
        "reverse": ("value", False),
        "activation": ("code", 2),
        "masked_h": ("value", None),
        "y": ("out", ("B", "T", "H")),
    },
    "rnn_forward tokens": {
        "x": ("value", None),
        "tokens": ("tokens", ("B", "T")),
        "w": ("in", ("V", "H")),
        "r": ("in", ("H", "H")),
        "b": ("in?", ("H",)),
        "h0": ("in", ("B", "H")),
        "mask": ("mask?", ("B", "T")),
        "recurrent_mask": ("in", ("B", "H")),
        "reverse": ("value", True),
        "activation": ("code", 2),
        "masked_h": ("out", ("B", "T", "H")),
        "y": ("out", ("B", "T", "H")),
    },
    "rnn_backward": {
        "x": ("in", ("B", "T", "D")),
        "tokens": ("value", None),
        "w": ("in", ("D", "H")),
        "r": ("in", ("H", "H")),
        "h0": ("in", ("B", "H")),
        "mask": ("mask?", ("B", "T")),
        "recurrent_mask": ("value", None),
        "reverse": ("value", True),
        "activation": ("code", 2),
        "masked_h": ("value", None),
        "y": ("in", ("B", "T", "H")),
        "dy": ("in?", ("B", "T", "H")),
        "dh": ("out", ("B", "H")),
        "dz": ("out", ("B", "T", "H")),
        "dw": ("out?", ("D", "H")),
        "dr": ("out?", ("H", "H")),
        "db": ("out?", ("H",)),
        "dx": ("out?", ("B", "T", "D")),
    },
    "rnn_backward tokens": {
        "x": ("value", None),
        "tokens": ("tokens", ("B", "T")),
        "w": ("in", ("V", "H")),
        "r": ("in", ("H", "H")),
        "h0": ("in", ("B", "H")),
        "mask": ("mask?", ("B", "T")),
        "recurrent_mask": ("in", ("B", "H")),
        "reverse": ("value", False),
        "activation": ("code", 2),
        "masked_h": ("in", ("B", "T", "H")),
        "y": ("in", ("B", "T", "H")),
        "dy": ("in?", ("B", "T", "H")),
        "dh": ("out", ("B", "H")),
        "dz": ("out", ("B", "T", "H")),
        "dw": ("out?", ("V", "H")),
        "dr": ("out?", ("H", "H")),
        "db": ("out?", ("H",)),
        "dx": ("value", None),
    },
    "gru_forward": {
        "x": ("in", ("B", "T", "D")),
        "tokens": ("value", None),
        "w": ("in", ("D", "3H")),
        "r": ("in", ("H", "3H")),
        "b": ("in?", ("2", "3H")),
        "h0": ("in", ("B", "H")),
        "mask": ("mask?", ("B", "T")),
        "recurrent_mask": ("value", None),
        "reverse": ("value", False),
        "activation": ("code", 2),
        "recurrent_activation": ("code", 3),
        "gates": ("out", ("B", "T", "4H")),
        "masked_h": ("value", None),
        "y": ("out", ("B", "T", "H")),
    },
    "gru_forward tokens": {
        "x": ("value", None),
        "tokens": ("tokens", ("B", "T")),
        "w": ("in", ("V", "3H")),
        "r": ("in", ("H", "3H")),
        "b": ("in?", ("2", "3H")),
        "h0": ("in", ("B", "H")),
        "mask": ("mask?", ("B", "T")),
        "recurrent_mask": ("in", ("B", "H")),
        "reverse": ("value", True),
        "activation": ("code", 2),
        "recurrent_activation": ("code", 3),
        "gates": ("out", ("B", "T", "4H")),
        "masked_h": ("out", ("B", "T", "H")),
        "y": ("out", ("B", "T", "H")),
    },
    "gru_backward": {
        "x": ("in", ("B", "T", "D")),
        "tokens": ("value", None),
        "w": ("in", ("D", "3H")),
        "r": ("in", ("H", "3H")),
        "h0": ("in", ("B", "H")),
        "mask": ("mask?", ("B", "T")),
        "recurrent_mask": ("value", None),
        "reverse": ("value", True),
        "activation": ("code", 2),
        "recurrent_activation": ("code", 3),
        "gates": ("out", ("B", "T", "4H")),
        "masked_h": ("value", None),
        "y": ("in", ("B", "T", "H")),
        "dy": ("in?", ("B", "T", "H")),
        "dh": ("out", ("B", "H")),
        "dw": ("out?", ("D", "3H")),
        "dr": ("out?", ("H", "3H")),
        "db": ("out?", ("2", "3H")),
        "dx": ("out?", ("B", "T", "D")),
    },
    "gru_backward tokens": {
        "x": ("value", None),
        "tokens": ("tokens", ("B", "T")),
        "w": ("in", ("V", "3H")),
        "r": ("in", ("H", "3H")),
        "h0": ("in", ("B", "H")),
        "mask": ("mask?", ("B", "T")),
        "recurrent_mask": ("in", ("B", "H")),
        "reverse": ("value", False),
        "activation": ("code", 2),
        "recurrent_activation": ("code", 3),
        "gates": ("out", ("B", "T", "4H")),
        "masked_h": ("in", ("B", "T", "H")),
        "y": ("in", ("B", "T", "H")),
        "dy": ("in?", ("B", "T", "H")),
        "dh": ("out", ("B", "H")),
        "dw": ("out?", ("V", "3H")),
        "dr": ("out?", ("H", "3H")),
        "db": ("out?", ("2", "3H")),
        "dx": ("value", None),
    },
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
