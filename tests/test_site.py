"""The site of the documentation: the reference is complete, and dead links are found."""

import importlib
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import lstm

DOCS = Path(__file__).parents[1] / "docs"


def in_the_reference() -> list[object]:
    """The modules, classes and functions that the pages of the reference document."""
    found: list[object] = []
    module = lstm
    for page in sorted(DOCS.glob("reference/*.md")):
        text = page.read_text("utf-8")
        for line in re.findall(r"^(?:\.\. |   :)(\w+):+ ?(.*)$", text, re.MULTILINE):
            match line:
                case "automodule" | "currentmodule" as kind, name:
                    module = importlib.import_module(name)
                    found += [module] if kind == "automodule" else []
                case "autoclass" | "autofunction", name:
                    found.append(getattr(module, name))
                case "members", names if found and found[-1] is module:
                    every = getattr(module, "__all__", vars(module))
                    found += [getattr(module, name) for name in names.split(", ") if name]
                    found += [getattr(module, name) for name in every if not names]
    return found


@pytest.mark.parametrize(
    "module",
    [
        lstm,
        lstm.layers,
        lstm.losses,
        lstm.activations,
        lstm.ops,
        lstm.models,
        lstm.utils,
        lstm.text,
        lstm.data,
        lstm.inspection,
        lstm.metrics,
        lstm.initializers,
        lstm.wrappers,
    ],
    ids=lambda m: m.__name__,
)
def test_the_reference_has_every_public_name(module: ModuleType) -> None:
    found = in_the_reference()
    missing = [n for n in module.__all__ if not any(getattr(module, n) is f for f in found)]
    assert missing == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<a href="other.html#here">', ""),
        ('<a href="#top">', ""),
        ('<a href="https://example.org">', ""),
        ('<img src="data:image/png;base64,">', ""),
        ('<a href="missing.html">', "docs/page.html: no missing.html"),
        ('<a href="other.html#there">', "docs/page.html: no anchor other.html#there"),
        ('<img src="missing.svg">', "docs/page.html: no missing.svg"),
        (
            '<script src="https://example.org/a.js">',
            "docs/page.html: loads https://example.org/a.js",
        ),
        (
            '<link rel="stylesheet" href="//example.org/a.css">',
            "docs/page.html: loads //example.org/a.css",
        ),
    ],
)
def test_a_link_that_leads_nowhere_is_found(tmp_path: Path, body: str, problem: str) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "page.html").write_text(body, "utf-8")
    (tmp_path / "docs" / "other.html").write_text('<p id="here">', "utf-8")
    result = subprocess.run(
        [sys.executable, str(DOCS / "check_links.py"), str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert result.stderr.strip() == problem
    assert result.returncode == bool(problem)
