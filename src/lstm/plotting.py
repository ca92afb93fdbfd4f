"""The style of all plots, and matplotlib, which is imported only for plots."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lstm.errors import MissingExtraError

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444")
"""Colours that colour-blind readers can tell apart and that also differ in grey.

Source:
    Okabe & Ito, "Color universal design", 2008.
"""

DASHES = ("-", "--", "-.", ":", (0, (3, 1, 1, 1, 1, 1)), (0, (5, 1)), (0, (1, 1)))
"""A line style for each colour, so that lines differ not only by colour."""

STYLE: dict[str, Any] = {
    "figure.figsize": (6.4, 3.6),
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "image.cmap": "cividis",
    "date.converter": "concise",
    # Equal pictures make equal files, and their text can be searched.
    "svg.hashsalt": "lstm",
    "svg.fonttype": "none",
}
"""The settings of matplotlib that differ from its defaults."""

KINDS = (".png", ".svg", ".pdf")
"""How files of pictures may end."""

SIGNED = "PuOr"
"""The colour map of numbers around zero: orange below, violet above."""


def pyplot() -> Any:
    """Return `matplotlib.pyplot`.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot
    except ImportError as error:
        raise MissingExtraError("a plot", "plot") from error
    return matplotlib.pyplot


@contextmanager
def style() -> Iterator[Any]:
    """Make the plots of a `with` block in one style; yields `matplotlib.pyplot`.

    Raises:
        MissingExtraError: matplotlib is not installed.

    Example:
        >>> from lstm import plotting
        >>> with plotting.style() as plt:  # doctest: +SKIP
        ...     figure, ax = plt.subplots()
    """
    plt = pyplot()
    with plt.rc_context(STYLE):
        colors = plt.cycler(color=COLORS) + plt.cycler(linestyle=DASHES)
        plt.rcParams["axes.prop_cycle"] = colors
        yield plt


@contextmanager
def axes(ax: Any = None, **size: Any) -> Iterator[Any]:
    """Yield the axes to plot on, in the style of all plots.

    Args:
        ax: axes; None for those of a new figure.
        size: of that figure: arguments of `pyplot.subplots`.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with style() as plt:
        yield plt.subplots(**size)[1] if ax is None else ax
