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
