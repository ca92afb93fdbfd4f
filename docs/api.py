"""The Sphinx extension that tidies the output of autodoc and links to the source."""

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

import lstm

PACKAGE = Path(lstm.__file__).parent
ARRAY = re.compile(r"[~\w.]*ndarray\[tuple\[[~\w.]*Any, \.\.\.\], [~\w.]*dtype\[([^][]*)\]\]")


def shorten(app: Sphinx, *event: Any) -> tuple[str | None, ...]:
    """Write the types of arrays in a signature as the code does."""
    return tuple(text and ARRAY.sub(r"NDArray[\1]", text) for text in event[-2:])


def is_field(app: Sphinx, kind: str, name: str, thing: object, *rest: object) -> bool | None:
    """Leave out the fields of a NamedTuple, which the docstring of the class describes."""
    return True if type(thing).__name__ == "_tuplegetter" else None


def source_of(domain: str, info: dict[str, str]) -> str | None:
    """Where an object is defined, as seen from docs/reference; what linkcode asks for."""
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
    app.connect("autodoc-process-signature", shorten)
    app.connect("autodoc-skip-member", is_field)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
