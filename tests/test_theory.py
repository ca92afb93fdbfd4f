"""The theory pages: their labels are those of the code, and code blocks print what they say."""

import doctest
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "theory" / "lstm.md"
PAGES = sorted((ROOT / "docs" / "theory").glob("*.md"))
SOURCES = sorted((ROOT / "src" / "lstm").rglob("*.py"))


def labels(text: str) -> set[str]:
    return set(re.findall(r"\(([LBRG]\d+)\)", text))


def definitions() -> list[str]:
    """The labels of all rows that define an equation."""
    rows = (re.findall(r"^\| \(([LBRG]\d+)\) \|", p.read_text(), re.MULTILINE) for p in PAGES)
    return [label for page in rows for label in page]


def test_every_label_is_defined_once() -> None:
    assert [label for label, count in Counter(definitions()).items() if count > 1] == []


def test_pages_cite_only_what_is_defined() -> None:
    for page in PAGES:
        assert labels(page.read_text()) <= set(definitions()), page


def test_code_and_pages_label_the_same_equations() -> None:
    cited = {label for path in SOURCES for label in labels(path.read_text())}
    assert cited
    assert cited == set(definitions())


def test_links_lead_somewhere() -> None:
    page = PAGE.read_text()
    headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}
    links = re.findall(r"\]\(([^)]*)\)", page)
    assert links
    for link in links:
        found = link[1:] in anchors if link.startswith("#") else (PAGE.parent / link).exists()
        assert found, link


def test_code_blocks_print_what_they_say() -> None:
    page = PAGE.read_text()
    blocks = list(re.finditer(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    assert len(blocks) == page.count("```python")
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False)
    names: dict[str, object] = {}
    report: list[str] = []
    for block in blocks:
        line = page.count("\n", 0, block.start(1))
        test = parser.get_doctest(block[1], names, PAGE.name, str(PAGE), line)
        assert test.examples, f"{PAGE}:{line}: a block that is never run"
        runner.run(test, out=report.append, clear_globs=False)
        names = test.globs
    assert runner.tries > len(blocks)
    assert not report, "".join(report)
