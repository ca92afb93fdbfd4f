"""Order: the order of the layers of a graph, as a file gives it."""

from collections.abc import Mapping
from typing import Any

from lstm.errors import InvalidValueError
from lstm.layers.base import Layer


def ordered(layers: Mapping[str, Layer], names: Any) -> list[Layer]:
    """Return the layers of a graph in the order given in a file.

    Raises:
        InvalidValueError: `names` does not name each layer once.
    """
    known = [name for name in names if name in layers] if isinstance(names, list) else []
    if known != names or sorted(known) != sorted(layers):
        raise InvalidValueError("order", "the names of the layers, each once", f"{names!r:.60}")
    return [layers[name] for name in known]
