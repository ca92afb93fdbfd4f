"""Layout: boxes in layers, from top to bottom, with lines between them.

The steps are those of Sugiyama, Tagawa & Toda, "Methods for visual understanding of hierarchical
system structures", 1981: every box gets a layer below those that it depends on, the order within a
layer is chosen to cross few lines, and boxes are placed near what they are connected to.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

_SIDE = 28.0
"""Space between two boxes of a layer."""

_BELOW = 44.0
"""Space between two layers."""

_SWEEPS = 8
"""How often the orders and the places are improved, down and up."""


@dataclass(eq=False)
class Box:
    """Something to place.

    Attributes:
        width, height: its size.
        x, y: its center, once it is placed.
    """

    width: float
    height: float
    x: float = 0.0
    y: float = 0.0
    above: list["Box"] = field(default_factory=list)
    below: list["Box"] = field(default_factory=list)


@dataclass(eq=False)
class Line:
    """A connection from the lower side of a box to the upper side of another.

    Attributes:
        start, end: the boxes.
        points: where it runs through, once the boxes are placed: the first and the last point are
            on their sides.
    """

    start: Box
    end: Box
    points: list[tuple[float, float]] = field(default_factory=list)


def place(boxes: Sequence[Box], lines: Sequence[Line]) -> tuple[float, float]:
    """Place boxes, each below those that lines to it start from, and lead the lines.

    Args:
        boxes: the boxes, each after those that lines to it start from.
        lines: the lines.

    Returns:
        Width and height of the whole.
    """
    ranks = _ranks(boxes, lines)
    layers: list[list[Box]] = [[] for _ in range(max(ranks.values(), default=-1) + 1)]
    for box in boxes:
        layers[ranks[box]].append(box)
    ways = {line: _way(line, ranks, layers) for line in lines}
    _order(layers)
    _spread(layers)
    y = 0.0
    for layer in layers:
        height = max(box.height for box in layer)
        for box in layer:
            box.y = y + height / 2
            if not box.width:  # A line runs straight past the boxes of the layer.
                box.height = height
        y += height + _BELOW
    left = min((box.x - box.width / 2 for layer in layers for box in layer), default=0.0)
    for layer in layers:
        for box in layer:
            box.x -= left
    _lead(ways)
    right = max((box.x + box.width / 2 for layer in layers for box in layer), default=0.0)
    return right, max(0.0, y - _BELOW)


def _ranks(boxes: Sequence[Box], lines: Sequence[Line]) -> dict[Box, int]:
    """Return the number of the layer of each box: below all that it depends on."""
    ranks = dict.fromkeys(boxes, 0)
    for box in boxes:
        ranks[box] = max((ranks[line.start] + 1 for line in lines if line.end is box), default=0)
    for box in boxes:  # What depends on nothing stands right above what needs it first.
        if not any(line.end is box for line in lines):
            needed = [ranks[line.end] for line in lines if line.start is box]
            ranks[box] = min(needed, default=1) - 1
    return ranks


def _way(line: Line, ranks: dict[Box, int], layers: list[list[Box]]) -> list[Box]:
    """Return the boxes that a line connects; where it crosses a layer, it gets a narrow one."""
    way = [line.start]
    for rank in range(ranks[line.start] + 1, ranks[line.end]):
        way.append(Box(0.0, 0.0))
        layers[rank].append(way[-1])
    way.append(line.end)
    for upper, lower in pairwise(way):
        upper.below.append(lower)
        lower.above.append(upper)
    return way


def _order(layers: list[list[Box]]) -> None:
    """Order each layer so that few lines cross: by the mean place of its neighbours."""
    best, fewest = [list(layer) for layer in layers], _crossings(layers)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for fixed, layer in _pairs(layers, down):
            place_of = {box: k for k, box in enumerate(fixed)}
            own = {box: k for k, box in enumerate(layer)}
            wish = {}
            for box in layer:
                found = [place_of[other] for other in (box.above if down else box.below)]
                wish[box] = sum(found) / len(found) if found else own[box]
            layer.sort(key=wish.__getitem__)
        crossings = _crossings(layers)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    layers[:] = best


def _pairs(layers: list[list[Box]], down: bool) -> Iterable[tuple[list[Box], list[Box]]]:
    """Return pairs of neighbouring layers, the one that stays first."""
    if down:
        return pairwise(layers)
    return zip(layers[:0:-1], layers[-2::-1], strict=False)


def _crossings(layers: list[list[Box]]) -> int:
    count = 0
    for upper, lower in pairwise(layers):
        place_of = {box: k for k, box in enumerate(lower)}
        ends = [sorted(place_of[other] for other in box.below) for box in upper]
        flat = [end for some in ends for end in some]
        count += sum(a > b for k, a in enumerate(flat) for b in flat[k + 1 :])
    return count


def _spread(layers: list[list[Box]]) -> None:
    """Choose the places in each layer: near those of the neighbours, without an overlap."""
    for layer in layers:
        for box, x in zip(layer, _apart(layer, [0.0] * len(layer)), strict=True):
            box.x = x
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for _, layer in _pairs(layers, down):
            wish = []
            for box in layer:
                found = box.above if down else box.below
                wish.append(sum(b.x for b in found) / len(found) if found else box.x)
            for box, x in zip(layer, _apart(layer, wish), strict=True):
                box.x = x


def _apart(layer: Sequence[Box], wish: Sequence[float]) -> list[float]:
    """Return the places closest to `wish` (by squares) at which no two boxes overlap.

    Boxes that would overlap form a group, which stands around the mean of what they wish.
    """
    shift, shifts = 0.0, []
    for k, box in enumerate(layer):
        if k:
            shift += (layer[k - 1].width + box.width) / 2 + _SIDE
        shifts.append(shift)
    groups: list[list[float]] = []  # The sum of the wishes, and how many there are.
    for x, by in zip(wish, shifts, strict=True):
        groups.append([x - by, 1])
        while len(groups) > 1 and groups[-2][0] / groups[-2][1] > groups[-1][0] / groups[-1][1]:
            total, count = groups.pop()
            groups[-1][0] += total
            groups[-1][1] += count
    means = [total / count for total, count in groups for _ in range(round(count))]
    return [mean + by for mean, by in zip(means, shifts, strict=True)]


def _lead(ways: dict[Line, list[Box]]) -> None:
    """Choose the points of the lines: those at the same side of a box are next to each other."""
    for line, way in ways.items():
        first = _port(way[0], [w[1] for w in ways.values() if w[0] is way[0]], way[1])
        last = _port(way[-1], [w[-2] for w in ways.values() if w[-1] is way[-1]], way[-2])
        line.points = [
            (first, way[0].y + way[0].height / 2),
            *((box.x, box.y + half) for box in way[1:-1] for half in _halves(box)),
            (last, way[-1].y - way[-1].height / 2),
        ]


def _halves(box: Box) -> tuple[float, float]:
    return -box.height / 2, box.height / 2


def _port(box: Box, others: Sequence[Box], other: Box) -> float:
    """Return where the line to another box leaves a side, among the lines to all others."""
    ordered = sorted(others, key=lambda b: b.x)
    gap = min(22.0, 0.7 * box.width / len(ordered))
    return box.x + (ordered.index(other) - (len(ordered) - 1) / 2) * gap
