"""Names of layers and weights: unique in a graph."""

from collections import defaultdict


class Names:
    """Used names."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._counts: dict[str, int] = defaultdict(int)

    def unique(self, base: str) -> str:
        """Return an unused name, this one or with a number added, and mark it as used."""
        name = base
        while name in self._taken:
            self._counts[base] += 1
            name = f"{base}_{self._counts[base]}"
        self._taken.add(name)
        return name


def joined(layer: str, weight: str) -> str:
    """Return the name of a weight of a layer, such as "lstm/kernel".

    The weight of a Variable has no name besides that of its layer.
    """
    return f"{layer}/{weight}" if weight else layer
