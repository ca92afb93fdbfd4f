"""Imports: no file imports itself by way of others; `import lstm` leaves out what few need."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

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


def printed(program: str) -> set[str]:
    """The words that a program prints, in a Python of its own."""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    return {*found.stdout.decode().split()}


LATER = (
    *("data", "diagram", "forecasting", "inspection", "network", "preprocessing", "text", "utils"),
    "wrappers",
)
OTHERS = (
    "matplotlib",
    "pandas",
    "polars",
    "pooch",
    "rich",
    "sklearn",
    "tensorboardX",
    "tokenizers",
    "typer",
)


def test_what_few_programs_need_is_not_imported() -> None:
    modules = printed("import lstm, sys; lstm.Sequential([lstm.Input((9,))]); print(*sys.modules)")
    assert "lstm.layers" in modules
    assert modules & {*OTHERS, *(f"lstm.{name}" for name in LATER)} == set()


def test_forecasting_recognises_frames_without_the_libraries_that_have_them() -> None:
    modules = printed("import lstm.forecasting, sys; print(*sys.modules)")
    assert not modules & {*OTHERS}


@pytest.mark.parametrize(
    "program",
    [
        "import lstm; lstm.text.Corpus",
        "import lstm.text; lstm.text.Corpus",
        "from lstm import text; text.Corpus",
        "from lstm.text import Corpus",
        "from lstm import LanguageModel",
        "from lstm import *; LanguageModel, text",
    ],
)
def test_it_is_imported_where_it_is_asked_for(program: str) -> None:
    assert "lstm.text" in printed(f"{program}; import sys; print(*sys.modules)")


def test_every_public_name_is_found_and_listed() -> None:
    found = printed("import lstm; print(*(name for name in dir(lstm) if hasattr(lstm, name)))")
    assert {*lstm.__all__} <= found


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'lstm' has no attribute 'LSTMNetworks'"):
        lstm.LSTMNetworks  # type: ignore[attr-defined]  # noqa: B018
