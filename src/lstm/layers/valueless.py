"""Valueless: refuses what a symbolic tensor cannot do, because it has no values."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Never

from lstm.errors import InvalidTypeError, NoSuchAttributeError

_NEAREST = {
    **dict.fromkeys(
        (
            *("absolute", "clip", "concatenate", "cos", "cumsum", "dot", "einsum", "exp"),
            *("expand_dims", "flip", "floor", "log", "log1p", "logical_and", "logical_not"),
            *("logical_or", "matmul", "max", "maximum", "mean", "min", "minimum", "moveaxis"),
            *("pad", "power", "repeat", "reshape", "roll", "sign", "sin", "split", "sqrt"),
            *("square", "squeeze", "stack", "std", "sum", "swapaxes", "take", "tanh", "tile"),
            *("transpose", "var", "where", "zeros_like", "ones_like", "abs", "amax", "amin"),
        ),
        "",
    ),
    **dict.fromkeys(("append", "concat", "hstack", "vstack"), "concatenate"),
    **dict.fromkeys(("T", "permute_dims"), "transpose"),
    "expit": "sigmoid",
    "flipud": "flip",
}
"""Functions and methods of NumPy with a counterpart in `lstm.ops`, perhaps of another name."""

_OPERATORS = {
    "__bool__": "a branch on it",
    "__iter__": "a loop over it",
    "__contains__": "a search in it",
    "__len__": "its len()",
    **dict.fromkeys(
        ("__float__", "__int__", "__index__", "__complex__"), "a conversion to a number"
    ),
    "__setitem__": "an assignment to a part of it",
    "__pos__": "+x",
    "__invert__": "~x",
    "__round__": "round(x)",
}
"""Special methods of one tensor, and the code that calls them."""

_BINARY = {
    "floordiv": "//",
    "mod": "%",
    "and": "&",
    "or": "|",
    "xor": "^",
    "lshift": "<<",
    "rshift": ">>",
}
"""Arithmetic for which there is no layer."""


class Valueless:
    """Base of objects that stand for later values.

    `==` and hashes work by identity, as for any object.
    """

    def __array__(self, *args: Any, **options: Any) -> Never:
        raise without_values("a conversion to an array of NumPy")

    def __array_function__(self, function: Any, *args: Any) -> Never:
        raise without_values(f"{function.__name__} of NumPy", function.__name__)

    if not TYPE_CHECKING:  # A type checker knows the attributes.

        def __getattr__(self, name: str) -> Never:
            if name.startswith("_"):  # Looked up by copy, pickle and NumPy.
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            raise NoSuchAttributeError(str(without_values(f".{name}", name)))


def without_values(got: str, function: str | None = None) -> InvalidTypeError:
    """Return the error for a use that needs values.

    Args:
        got: the use.
        function: the NumPy function, if it is one.
    """
    near = _NEAREST.get(function or "")
    hint = "" if near is None else f" (did you mean lstm.ops.{near or function}?)"
    return InvalidTypeError(
        "symbolic tensor",
        "layers, functions of lstm.ops, indexing, arithmetic, or your own layer with `forward`, "
        f"because it has no values before data comes{hint}",
        got,
    )


def _refusal(got: str) -> Callable[..., Never]:
    def refuse(self: Valueless, *args: Any) -> Never:
        raise without_values(got)

    return refuse


for _name, _use in _OPERATORS.items():
    setattr(Valueless, _name, _refusal(_use))
for _name, _sign in _BINARY.items():
    setattr(Valueless, f"__{_name}__", _refusal(f"x {_sign} ..."))
    setattr(Valueless, f"__r{_name}__", _refusal(f"... {_sign} x"))
