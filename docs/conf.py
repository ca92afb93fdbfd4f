"""How Sphinx builds the documentation; `make docs` calls it."""

import sys
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from api import source_of

MATHJAX = Path(
    find_spec("sphinx-mathjax-offline").submodule_search_locations[0], "static", "mathjax"
)

project = "lstm"
author = "the lstm authors"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.linkcode",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "api",
    "directives",
    "sources",
]

# The source folder is the repository, and the site mirrors it: a link from page to page is the same
# in both.
include_patterns = [
    "docs/**.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "cpp/README.md",
    "benchmarks/**.md",
    "examples/README.md",
]
root_doc = "docs/index"

exclude_patterns = [".venv", "build"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4

default_role = "code"
napoleon_custom_sections = ["Source"]
napoleon_use_ivar = True  # the fields of a NamedTuple are described once, by their class
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False  # what all layers share is documented at Layer
maximum_signature_line_length = 88
python_use_unqualified_type_names = True
linkcode_resolve = source_of

highlight_language = "text"

html_theme = "furo"
html_title = "lstm"
# Formulas are drawn by MathJax from this one file, fonts included: no network. MathML without
# JavaScript was tried; it depends on the fonts of the reader, and latex2mathml lacks `aligned`.
html_static_path = ["static", str(MATHJAX / "tex-svg-full.js")]
mathjax_path = "tex-svg-full.js"
mathjax3_config = {
    "options": {"enableMenu": False}
}  # the menu would fetch more, and stops every Tab
html_extra_path = ["root"]  # from the root to the first page
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
pygments_dark_style = "a11y-high-contrast-dark"
copybutton_exclude = ".linenos, .gp, .go"
