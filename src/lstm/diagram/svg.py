"""SVG: a placed diagram as text, which every browser shows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from lstm.terminal import visible

CHARACTER = 7.8
"""Width of a character of the text, which has a fixed one."""

ROW = 21.0
"""Height of a row of text."""

MARGIN = 14.0
"""Space around text, and around the whole."""

_FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


@dataclass
class Shape:
    """Something to draw, with its left upper corner at (x, y)."""

    width: float
    height: float
    x: float = 0.0
    y: float = 0.0

    def drawn(self) -> Iterable[str]:
        """Yield the elements of the picture."""
        return ()


@dataclass
class Card(Shape):
    """A box of a title and rows of text.

    Attributes:
        title: its first row, on the color.
        rows: the others: a word and what it is about, such as ("output", "(None, 3)").
        color: of the title.
    """

    width: float = field(init=False)
    height: float = field(init=False)
    title: str = ""
    rows: Sequence[tuple[str, str]] = ()
    color: str = "#eceff1"

    def __post_init__(self) -> None:
        self._column = 1 + max((len(word) for word, _ in self.rows), default=0)
        lengths = [len(self.title), *(self._column + len(value) for _, value in self.rows)]
        self.width = max(90.0, max(lengths) * CHARACTER + 2 * MARGIN)
        self.height = ROW + 8 + len(self.rows) * ROW + (6 if self.rows else 0)

    def drawn(self) -> Iterable[str]:
        x, y, w, h, head = self.x, self.y, self.width, self.height, ROW + 8
        yield _rect(x, y, w, h, self.color, "#455a64")
        if self.rows:  # White below the title, with the two lower corners round.
            yield (
                f'<path d="M{x + 0.5:g} {y + head:g}h{w - 1:g}v{h - head - 6:g}q0 5.5 -5.5 5.5'
                f'h{12 - w:g}q-5.5 0 -5.5 -5.5z" fill="#ffffff"/>'
            )
        yield _text(x + w / 2, y + 19, self.title, 'text-anchor="middle" font-weight="bold"')
        for k, (word, value) in enumerate(self.rows):
            below = y + head + 17 + k * ROW
            yield _text(x + MARGIN, below, word, 'fill="#607d8b"')
            yield _text(x + MARGIN + self._column * CHARACTER, below, value)


@dataclass
class Frame(Shape):
    """A frame with a title around other shapes, which stand relative to its corner."""

    title: str = ""
    inside: Sequence[Shape] = ()
    paths: Sequence[str] = ()

    def drawn(self) -> Iterable[str]:
        yield f'<g transform="translate({self.x:g} {self.y:g})">'
        yield _rect(0, 0, self.width, self.height, "#fafbfc", "#90a4ae", 'stroke-dasharray="5 4"')
        yield _text(MARGIN, 19, self.title, 'font-weight="bold" fill="#546e7a"')
        yield from self.paths
        for shape in self.inside:
            yield from shape.drawn()
        yield "</g>"


def curve(points: Sequence[tuple[float, float]], *, across: bool) -> str:
    """Return a smooth line with an arrow at its end.

    Args:
        points: (x, y) that it runs through.
        across: whether it runs from left to right, not from top to bottom.
    """
    (x, y), *others = points
    steps = [f"M{x:.1f} {y:.1f}"]
    for to_x, to_y in others:
        mid_x, mid_y = (x + to_x) / 2, (y + to_y) / 2
        bends = (mid_x, y, mid_x, to_y) if across else (x, mid_y, to_x, mid_y)
        steps.append("C" + " ".join(f"{z:.1f}" for z in (*bends, to_x, to_y)))
        x, y = to_x, to_y
    return (
        f'<path d="{"".join(steps)}" fill="none" stroke="#455a64" stroke-width="1.4" '
        'marker-end="url(#arrow)"/>'
    )


def document(title: str, width: float, height: float, elements: Iterable[str]) -> str:
    """Return the whole picture, on white."""
    size = f"{width + 2 * MARGIN:.0f}", f"{height + 2 * MARGIN:.0f}"
    name = escape(visible(title))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" height="{size[1]}" '
        f'viewBox="0 0 {size[0]} {size[1]}" font-family="{_FONT}" font-size="13" '
        f'role="img" aria-label="{name}">',
        f"<title>{name}</title>",
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#455a64"/></marker></defs>',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<g transform="translate({MARGIN:g} {MARGIN:g})">',
        *elements,
        "</g>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _rect(x: float, y: float, w: float, h: float, fill: str, stroke: str, more: str = "") -> str:
    place = f'x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="6"'
    return f'<rect {place} fill="{fill}" stroke="{stroke}" {more}/>'.replace(" />", "/>")


def _text(x: float, y: float, text: str, more: str = "") -> str:
    more = more if "fill=" in more else f'fill="#212b30" {more}'.strip()
    return f'<text x="{x:g}" y="{y:g}" {more}>{escape(visible(text), quote=False)}</text>'
