"""The types written in `_kernels.pyi` are those of the functions that C++ defines."""

import ast
import re
from pathlib import Path

import lstm
from lstm.backends import _kernels

STUB = Path(lstm.__file__).parent / "backends" / "_kernels.pyi"


def signature(text: str) -> list[tuple[str, bool]]:
    """Name of every argument in `def f(...) -> ...`, and whether it may be None."""
    # What stands in brackets, such as dtype=float32, is not Python.
    while text != (shorter := re.sub(r"\[[^\[\]]*\]", "", text)):
        text = shorter
    inside = text[text.index("(") + 1 : text.rindex(")")]
    arguments = (argument.partition(":") for argument in inside.split(",") if argument.strip())
    return [(name.strip(), kind.endswith("| None")) for name, _, kind in arguments]


def test_the_stub_says_what_the_extension_defines() -> None:
    defined = {
        name: signature(function.__nb_signature__[0][0])
        for name, function in vars(_kernels).items()
        if hasattr(function, "__nb_signature__")
    }
    written = {
        node.name: signature(ast.unparse(node))
        for node in ast.parse(STUB.read_text()).body
        if isinstance(node, ast.FunctionDef)
    }
    assert written == defined
