"""The theory pages: their labels are those of the code."""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs" / "theory").glob("*.md"))
SOURCES = sorted((ROOT / "src" / "lstm").rglob("*.py"))
REFERENCE = ROOT / "src" / "lstm" / "backends" / "reference"


def labels(text: str) -> set[str]:
    return set(re.findall(r"\(([LBRGC]\d+)\)", text))


def definitions() -> list[str]:
    """The labels of all rows that define an equation."""
    rows = (re.findall(r"^\| \(([LBRGC]\d+)\) \|", p.read_text(), re.MULTILINE) for p in PAGES)
    return [label for page in rows for label in page]


def test_every_label_is_defined_once() -> None:
    assert [label for label, count in Counter(definitions()).items() if count > 1] == []


def test_pages_cite_only_what_is_defined() -> None:
    for page in PAGES:
        assert labels(page.read_text()) <= set(definitions()), page


def test_kernels_cite_only_what_is_defined() -> None:
    for path in (ROOT / "cpp").glob("*.inl"):
        assert labels(path.read_text()) <= set(definitions()), path


def test_every_label_stands_where_the_index_says() -> None:
    index = ROOT / "docs" / "theory" / "index.md"
    links = re.findall(r"\((\S+\.py)\)", index.read_text())
    files = [(index.parent / link).resolve() for link in links]
    cited = {path: labels(path.read_text()) for path in files}
    within = {path: labels(path.read_text()) for path in REFERENCE.rglob("*.py")}
    assert {path for path, found in within.items() if found} <= cited.keys()
    of_reference = set().union(*within.values())
    elsewhere = set(definitions()) - of_reference
    assert elsewhere == set().union(*(cited[path] for path in cited.keys() - within.keys()))
    assert elsewhere == labels(index.read_text()) - of_reference


def test_code_and_pages_label_the_same_equations() -> None:
    cited = {label for path in SOURCES for label in labels(path.read_text())}
    assert cited
    assert cited == set(definitions())
