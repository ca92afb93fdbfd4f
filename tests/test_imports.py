"""The files of the package: none imports, by way of others, one that imports it."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import lstm

ROOT = Path(lstm.__file__).parent


def module(file: Path) -> str:
    parts = file.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module(file): file for file in ROOT.rglob("*.py")}
KERNELS = "lstm.backends._kernels"
"""Compiled: it imports nothing."""


def imported(file: Path) -> set[str]:
    """The modules of the package that a file imports, also in functions and only for types."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            paths = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {path if path in {*FILES, KERNELS} else node.module for path in paths}
    return (found & FILES.keys()) - {module(file)}


def circle(imports: dict[str, set[str]]) -> list[str]:
    """A circle of imports, or nothing."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def test_no_file_imports_itself_by_way_of_others() -> None:
    assert circle({name: imported(file) for name, file in FILES.items()}) == []


def test_a_circle_is_found() -> None:
    """As there would be if lstm.errors, which everything imports, were to import something."""
    imports = {name: imported(file) for name, file in FILES.items()}
    imports["lstm.errors"].add("lstm.text.language_model")
    assert {"lstm.errors", "lstm.text.language_model"} <= {*circle(imports)}
