"""The Sphinx extension that gives each source file a page, for links in the text.

The page has the path of the file, with .html at its end: the site mirrors the repository.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

ROOT = Path(__file__).parents[1]
LANGUAGES = {".py": "python", ".cpp": "c++", ".h": "c++", ".inl": "c++"}
FOLDERS = ("src/lstm", "cpp", "docs", "examples", "benchmarks", "tests")


def sources() -> Iterator[Path]:
    """The files that have a page, relative to the root of the repository."""
    for folder in FOLDERS:
        paths = (ROOT / folder).rglob("*.*")
        yield from (path.relative_to(ROOT) for path in paths if path.suffix in LANGUAGES)


def pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Make the pages: name, what is in it, template."""
    for path in sources():
        text = (ROOT / path).read_text("utf-8")
        code = app.builder.highlighter.highlight_block(
            text, LANGUAGES[path.suffix], linenos="inline", lineanchors="line", anchorlinenos=True
        )
        name = path.as_posix()
        yield name, {"title": name, "body": f"<h1>{name}</h1>\n{code}"}, "page.html"


def lead_links(app: Sphinx, doctree: nodes.document) -> None:
    """Make links to source files lead to their pages; MyST would offer the files as downloads."""
    folder = Path(app.env.doc2path(app.env.docname)).parent
    shown = set(sources())
    for link in list(doctree.findall(addnodes.download_reference)):
        target = link["reftarget"]
        if Path(os.path.relpath(folder / target, ROOT)) in shown:
            link.replace_self(
                nodes.reference("", "", *link.children, refuri=f"{target}.html", internal=True)
            )


def setup(app: Sphinx) -> ExtensionMetadata:
    app.connect("doctree-read", lead_links, priority=400)  # before Sphinx collects downloads
    app.connect("html-collect-pages", pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
