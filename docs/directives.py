"""The Sphinx extension that makes pages live, and gives them pictures and solutions.

Before pages are read, their code runs (`live`), each page in its own process. `{picture}` shows
the figure that its code drew, `{solution}` folds its content.
"""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import live
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.display import status_iterator
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

import lstm

logger = logging.getLogger(__name__)
seconds: dict[str, float] = {}


class folded(nodes.container):  # noqa: N801 -- docutils names nodes in lower case
    """Content that a click on its title shows."""


class Picture(SphinxDirective):
    """The figure that the code in it draws, with a caption; the code is folded below it."""

    has_content = True
    required_arguments = 1
    final_argument_whitespace = True
    option_spec = {"alt": directives.unchanged_required}  # noqa: RUF012 -- as docutils has it

    def run(self) -> list[nodes.Node]:
        count = self.env.temp_data["pictures"] = self.env.temp_data.get("pictures", 0) + 1
        page = Path(self.env.doc2path(self.env.docname))
        path = picture_folder(self.env, page) / f"{page.stem}-{count}.svg"
        uri = Path(os.path.relpath(path, self.env.srcdir)).as_posix()
        if "alt" not in self.options:
            raise self.error("a picture needs an :alt: for those who cannot see it")
        code = "\n".join(self.content)
        figure = nodes.figure(
            "",
            nodes.image(uri=f"/{uri}", alt=self.options["alt"]),
            nodes.caption("", "", *self.parse_inline(self.arguments[0])[0]),
        )
        block = nodes.literal_block(code, code, language="python")
        return [figure, folded("", block, title="Code of this picture", classes=["drawing"])]


class Solution(SphinxDirective):
    """The solution of an exercise, folded."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        return [folded("", *self.parse_content_to_nodes(), title="Solution", classes=["solution"])]


def visit_folded(translator: HTML5Translator, node: folded) -> None:
    translator.body.append(translator.starttag(node, "details"))
    translator.body.append(f"<summary>{node['title']}</summary>\n")


def depart_folded(translator: HTML5Translator, node: folded) -> None:
    translator.body.append("</details>\n")


def picture_folder(env: BuildEnvironment, page: Path) -> Path:
    """The folder that keeps the pictures of a page until the next build."""
    return Path(env.doctreedir, "pictures", page.parent.relative_to(env.srcdir))


def run_pages(app: Sphinx, env: BuildEnvironment, names: list[str]) -> None:
    """Run the code of all pages that will be read; each problem becomes a build warning."""
    pages = {name: Path(env.doc2path(name)) for name in names}
    pages = {name: page for name, page in pages.items() if live.has_code(page)}
    # Spawned, so that no page finds state of another page or of Sphinx in its memory.
    with ProcessPoolExecutor(
        app.parallel, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        runs = {
            name: pool.submit(live.run, page, picture_folder(env, page))
            for name, page in pages.items()
        }
        for name in status_iterator(runs, "running code... ", "darkgreen", len(runs)):
            result = runs[name].result()
            seconds[name] = result.seconds
            for line, message in result.problems:
                logger.warning(message, location=(name, line), type="live")


def show_seconds(app: Sphinx, exception: Exception | None) -> None:
    for name, duration in sorted(seconds.items(), key=lambda item: -item[1]):
        logger.info("%6.1f s  %s", duration, name)


def newest(*folders: Path) -> float:
    paths = (path for folder in folders for path in folder.rglob("*"))
    return max(path.stat().st_mtime for path in paths if path.suffix in (".py", ".so"))


def setup(app: Sphinx) -> ExtensionMetadata:
    app.add_node(folded, html=(visit_folded, depart_folded))
    app.add_directive("picture", Picture)
    app.add_directive("solution", Solution)
    app.connect("env-before-read-docs", run_pages)
    app.connect("build-finished", show_seconds)
    # A new version of the library, or of the code that builds the pages, makes every page outdated.
    version = newest(Path(lstm.__file__).parent, Path(__file__).parent)
    app.add_config_value("live_version", version, "env", float)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
