"""Validation loss against time, one plot for each corpus."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from corpora import CORPORA, Mark
from numpy.typing import NDArray

STYLES = [
    ("#0072b2", "solid"),
    ("#d55e00", "dashed"),
    ("#009e73", (0, (6, 1.5, 1, 1.5))),
    ("#7b3294", (0, (1, 1))),
]
"""Of the budgets. The colour-blind tell these colours apart; without colours the dashes do."""

GREY = "#555555"
LOOK = {"svg.hashsalt": "lstm", "axes.spines.top": False, "axes.spines.right": False}
LEGEND = {
    "alignment": "left",
    "handlelength": 4,
    "loc": "upper center",
    "bbox_to_anchor": (0.5, -0.12),
}
"""Below the plot, where it hides nothing."""

Curve = Sequence[Sequence[float]]


def draw(results: Sequence[dict[str, Any]], folder: Path) -> list[Path] | None:
    """Write CORPUS.svg for each corpus of sorted results.

    Returns:
        The files, or None if matplotlib is missing.
    """
    try:
        from matplotlib import pyplot
    except ImportError:
        return None
    files = []
    for name, group in groupby(results, lambda result: result["corpus"]):
        of_corpus = [*group]
        files.append(folder / f"{name}.svg")
        with pyplot.rc_context(LOOK):
            panels = 1 if of_corpus[0]["floor"] is None else 2
            size = (4 + 4 * panels, 6.5)
            figure, axes = pyplot.subplots(
                1, panels, figsize=size, squeeze=False, layout="constrained"
            )
            draw_losses(axes[0, 0], name, of_corpus)
            if panels == 2:
                draw_gaps(axes[0, 1], of_corpus)
            figure.suptitle(f"{CORPORA[name].title}: lstm train, default options")
            # Without a date, the same results give the same file.
            figure.savefig(files[-1], metadata={"Date": None})
            pyplot.close(figure)
    return files


def draw_losses(axis: Any, name: str, results: Sequence[dict[str, Any]]) -> None:
    """The losses of a corpus, with the results of others and the floor."""
    draw_curves(axis, results, 0.0, "{:g} min: best {:.3f}")
    for mark, shape in zip(CORPORA[name].marks, "s^D", strict=False):
        draw_mark(axis, mark, shape)
    if (floor := results[0]["floor"]) is not None:
        axis.axhline(
            floor, color="black", linewidth=1.2, label=f"floor of the grammar: {floor:.3f}"
        )
    axis.set(ylabel="validation loss (nats per character)")
    axis.legend(title="budget; thick: median of the seeds", **LEGEND)


def draw_gaps(axis: Any, results: Sequence[dict[str, Any]]) -> None:
    """How far the losses of a corpus are above its floor."""
    draw_curves(axis, results, results[0]["floor"], "{:g} min: best {:.4f}")
    axis.set(yscale="log", ylabel="validation loss above the floor (nats per character)")
    label_ticks(axis.yaxis)
    axis.legend(title="above the floor", **LEGEND)


def draw_curves(axis: Any, results: Sequence[dict[str, Any]], level: float, label: str) -> None:
    """The curves above a level: thin lines for the seeds, a thick one for their median.

    A dot marks the best validation of a seed, a large dot the median of these.
    """
    from matplotlib.patheffects import withStroke

    budgets = groupby(results, lambda result: result["minutes"])
    for k, (minutes, group) in enumerate(budgets):
        curves = [[(t, loss - level) for t, loss in result["curve"]] for result in group]
        color, dashes = STYLES[k % len(STYLES)]
        ends = [min(curve, key=lambda point: point[1]) for curve in curves]
        for curve, end in zip(curves, ends, strict=True):
            axis.plot(*zip(*curve, strict=True), color=color, linewidth=0.7, alpha=0.6)
            axis.plot(*end, ".", color=color, markersize=4)
        second, best = np.median(ends, axis=0)
        line = {"color": color, "linestyle": dashes, "linewidth": 2.2}
        axis.plot(*middle(curves), **line)
        axis.plot([second], [best], "o", label=label.format(minutes, best), **line)
        # Above and to the right of its best value, where a falling curve never comes.
        axis.annotate(
            f"{minutes:g} min",
            (second, best),
            xytext=(4, 4),
            textcoords="offset points",
            color=color,
            zorder=5,
            path_effects=[withStroke(linewidth=3, foreground="white")],
        )
    axis.set(xscale="log", xlabel="time of training (seconds)")
    label_ticks(axis.xaxis)
    axis.margins(x=0.08)
    axis.grid(color="#dddddd", linewidth=0.6)


def label_ticks(axis: Any) -> None:
    """Ticks at 1, 2 and 5 times the powers of ten, as numbers, on a logarithmic axis."""
    from matplotlib.ticker import LogLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(NullLocator())


def draw_mark(axis: Any, mark: Mark, shape: str) -> None:
    """The result of another program: a point, and a line at its level."""
    axis.axhline(mark.nats, color=GREY, linewidth=0.8, linestyle=(0, (1, 3)))
    label = f"{mark.title}: {mark.nats:g} after {mark.seconds:g} s"
    axis.plot([mark.seconds], [mark.nats], shape, color=GREY, markersize=8, label=label)


def middle(curves: Sequence[Curve]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The median of curves with points at different times, where all curves are defined.

    Returns:
        Seconds and losses, at the times of all points; between its own points a curve is straight
        over the logarithm of time, as it is drawn.
    """
    columns = [np.array(curve, np.float64).T for curve in curves]
    first = max(seconds[0] for seconds, _ in columns)
    last = min(seconds[-1] for seconds, _ in columns)
    times = np.unique(np.concatenate([seconds for seconds, _ in columns] + [[first, last]]))
    times = times[(times >= first) & (times <= last)]
    losses = [np.interp(np.log(times), np.log(seconds), loss) for seconds, loss in columns]
    return times, np.median(losses, axis=0)
