"""Coloring: text coloured by a number for each token, as HTML and for a terminal."""

import html
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm import checks
from lstm.errors import InvalidShapeError
from lstm.terminal import visible

if TYPE_CHECKING:
    from rich.text import Text

INK, PAPER = "#1a1a1a", "#ffffff"
ABOVE, BELOW = "#a78bda", "#f5a142"
"""Colours of the largest number and its opposite; INK has a contrast of 6 to 1 to both."""

LEVELS = 8
"""Number of shades on each side of zero: neighbours of equal shade share one element."""


def marked(piece: str) -> str:
    r"""Return a piece of text with signs for line breaks, tabs and control characters.

    A line break still breaks the line, after its sign.

    Example:
        >>> marked("a\tb\x00")
        'a⇥\tb␀'
    """
    return visible(piece).replace("\n", "↵\n").replace("\t", "⇥\t")


def colored_html(
    pieces: Sequence[str], values: ArrayLike, *, scale: float | None = None, title: str = ""
) -> str:
    """Return text as HTML, each token coloured by its number: violet above 0, orange below.

    The element has its own colours and no script: it works in any page, light or dark.

    Args:
        pieces: text of each token, T of them; any characters.
        values: (T,); NaN has no colour.
        scale: the number of the strongest colour, above 0; the largest absolute value by default.
        title: what the numbers are, as a caption.

    Returns:
        One `<figure>` element.

    Raises:
        InvalidShapeError: the number of values is not the number of pieces.
        InvalidValueError: `scale` is not above 0.

    Example:
        >>> "background:#a78bda" in colored_html(["a", "<b>"], [1.0, -0.5])
        True
    """
    runs = "".join(
        f'<span style="background:{shade}">{text}</span>' if shade != PAPER else text
        for shade, text in (
            (_shade(level), html.escape(marked(text), quote=False))
            for level, text in _runs(pieces, values, scale)
        )
    )
    caption = f"<figcaption>{html.escape(title)}</figcaption>" if title else ""
    style = (
        f"color:{INK};background:{PAPER};padding:0.8em;border-radius:4px;line-height:1.5;"
        "white-space:pre-wrap;overflow-wrap:anywhere"
    )
    # HTML drops a line break at the start of a <pre>.
    return f'<figure>{caption}<pre style="{style}">\n{runs}</pre></figure>'


def colored_text(pieces: Sequence[str], values: ArrayLike, *, scale: float | None = None) -> "Text":
    """Return text for a terminal, each token coloured by its number.

    Tokens near zero keep the colours of the terminal. For the arguments see `colored_html`.

    Returns:
        A `rich.text.Text`.

    Raises:
        InvalidShapeError: the number of values is not the number of pieces.
        InvalidValueError: `scale` is not above 0.
    """
    from rich.text import Text

    text = Text()
    for level, run in _runs(pieces, values, scale):
        text.append(marked(run), f"{INK} on {_shade(level)}" if level else None)
    return text


def checked_values(
    pieces: Sequence[str], values: ArrayLike, scale: float | None
) -> tuple[NDArray[np.float64], float]:
    """Return the values (T,) as floats, and the scale: 1 if all are zero or NaN."""
    checks.unmasked("values", values)
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (len(pieces),):
        raise InvalidShapeError("values", f"shape ({len(pieces)},), as pieces", array.shape)
    if scale is not None:
        return array, checks.number("scale", scale, 0, open_low=True)
    finite = np.abs(array[np.isfinite(array)])
    return array, float(finite.max(initial=0)) or 1.0


def _runs(
    pieces: Sequence[str], values: ArrayLike, scale: float | None
) -> Iterator[tuple[int, str]]:
    """Yield the text in runs of equal shade, each with its level in [-LEVELS, LEVELS]."""
    array, largest = checked_values(pieces, values, scale)
    shares = np.nan_to_num(np.clip(array / largest, -1, 1))
    levels = np.rint(LEVELS * shares).astype(int).tolist()
    run: list[str] = []
    for k, piece in enumerate(pieces):
        if k and levels[k] != levels[k - 1]:
            yield levels[k - 1], "".join(run)
            run = []
        run.append(piece)
    if run:
        yield levels[-1], "".join(run)


def _shade(level: int) -> str:
    """Return the colour of a level, mixed with the colour of paper."""
    pole, share = (ABOVE if level > 0 else BELOW), abs(level) / LEVELS
    mixed = (
        round(share * int(pole[at : at + 2], 16) + (1 - share) * int(PAPER[at : at + 2], 16))
        for at in (1, 3, 5)
    )
    return "#" + "".join(f"{channel:02x}" for channel in mixed)
