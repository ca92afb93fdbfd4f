"""The Sphinx extension that gives each source file a page, to which links in the text lead.

The page has the path of the file, with .html at its end: the site mirrors the repository.
"""

import inspect
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

import lstm

ROOT = Path(__file__).parents[1]
PACKAGE = Path(lstm.__file__).parent
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
    """Let links to source files lead to their pages; MyST would offer the files to download."""
    folder = Path(app.env.doc2path(app.env.docname)).parent
    shown = set(sources())
    for link in list(doctree.findall(addnodes.download_reference)):
        target = link["reftarget"]
        if Path(os.path.relpath(folder / target, ROOT)) in shown:
            link.replace_self(
                nodes.reference("", "", *link.children, refuri=f"{target}.html", internal=True)
            )


def source_of(domain: str, info: dict[str, str]) -> str | None:
    """Where an object of the reference is defined, seen from docs/reference, for linkcode."""
    thing: Any = import_module(info["module"])
    for name in info["fullname"].split("."):
        thing = getattr(thing, name, None)
    thing = inspect.unwrap(thing.fget if isinstance(thing, property) else thing)
    try:
        path, line = Path(inspect.getfile(thing)), inspect.getsourcelines(thing)[1]
    except TypeError:  # a value does not know where it is defined
        return None
    if not path.is_relative_to(PACKAGE):
        return None
    return f"../../src/lstm/{path.relative_to(PACKAGE).as_posix()}.html#line-{line}"


def setup(app: Sphinx) -> ExtensionMetadata:
    app.connect("doctree-read", lead_links, priority=400)  # before Sphinx collects downloads
    app.connect("html-collect-pages", pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
