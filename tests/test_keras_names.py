"""The names of Keras: each is here, or the guide says what to use instead."""

import importlib
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

GOLDEN = Path(__file__).parent / "golden" / "keras_names.json"
"""Written by golden/make_keras_names.py."""

NAMES: dict[str, list[str]] = json.loads(GOLDEN.read_text("utf-8"))["names"]
PAGE = Path(__file__).parents[1] / "docs" / "guides" / "keras_names.md"


def rows(title: str) -> list[tuple[str, str]]:
    """Return the rows of the table of a section, without its head."""
    _, _, behind = PAGE.read_text("utf-8").partition(f"\n## {title}\n")
    section = behind.partition("\n## ")[0]
    cells = re.findall(r"^\| (.+?) \| (.+) \|$", section, re.MULTILINE)
    return [(left, right) for left, right in cells[2:]]


def listed(title: str) -> list[str]:
    """Return the names in the first column of a section."""
    return [name for left, _ in rows(title) for name in re.findall(r"`(\w+)`", left)]


def missing(module: str) -> set[str]:
    """Return the names of a module of Keras that ours does not have."""
    ours = importlib.import_module(f"lstm.{module}")
    found = {name: getattr(ours, name, None) for name in NAMES[module]}
    return {name for name, x in found.items() if x is None or isinstance(x, ModuleType)}


@pytest.mark.parametrize("module", NAMES)
def test_the_guide_lists_what_is_not_here(module: str) -> None:
    names = listed(f"keras.{module}")
    assert len(names) == len(set(names))
    assert set(names) == missing(module) - set(listed("All modules"))


def test_what_it_names_instead_is_here() -> None:
    modules = "|".join([*NAMES, "text", "data"])
    titles = ["All modules", *(f"keras.{module}" for module in NAMES)]
    found = [
        name
        for title in titles
        for _, right in rows(title)
        for name in re.findall(rf"\b({modules})\.(\w+)", right)
    ]
    assert len(found) > 80
    unknown = [
        f"{module}.{name}"
        for module, name in found
        if not hasattr(importlib.import_module(f"lstm.{module}"), name)
    ]
    assert unknown == []


PLACES = ("", "layers", "ops", "losses", "metrics", "optimizers", "optimizers.schedules")
PLACES += ("callbacks", "models", "utils", "saving", "wrappers", "text", "initializers")
PLACES += ("constraints", "preprocessing.text", "preprocessing.sequence", "activations", "Model")
TABLES = PAGE.with_name("coming_from_keras_or_pytorch.md").read_text("utf-8")
KERAS_TABLES, _, _ = TABLES.partition("\n## A program for PyTorch\n")


def found(path: str) -> bool:
    """Whether a dotted name, after `lstm.`, is here."""
    x: object = importlib.import_module("lstm")
    for name in filter(None, path.split(".")):
        x = getattr(x, name, None)
    return x is not None


def names_in(cell: str) -> list[str]:
    """Return the classes, functions and dotted names that a cell of a table shows as code."""
    code = re.findall(r"`([^`]+)`", cell)
    return [name for text in code for name in re.findall(r"[A-Za-z_][\w.]*\w", text.split("(")[0])]


def test_names_that_the_table_gives_are_here() -> None:
    cells = [row.split(" | ") for row in re.findall(r"^\| (.+) \|$", KERAS_TABLES, re.MULTILINE)]
    heres = [name for row in cells for name in names_in(row[-1])]
    dotted = [name for name in heres if re.match(r"(lstm|layers|ops|losses|metrics)\.", name)]
    assert len(dotted) > 15
    assert [name for name in dotted if not found(name.removeprefix("lstm."))] == []


def test_what_it_calls_the_same_is_here_under_its_name() -> None:
    cells = [row.split(" | ") for row in re.findall(r"^\| (.+) \|$", KERAS_TABLES, re.MULTILINE)]
    same = [names_in(row[0]) for row in cells if len(row) == 2 and row[1].startswith("the same")]
    given = [name.removeprefix("keras.") for row in same for name in row]
    of_others = {"DataLoader"}
    names = [
        name
        for name in given
        if (name[0].isupper() or name.split(".")[0] in PLACES) and name not in of_others
    ]
    assert len(names) > 30
    missing = [
        name for name in names if not any(found(f"{place}.{name}".strip(".")) for place in PLACES)
    ]
    assert missing == []
