"""The plots: all contenders on all data sets, and the ablation."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import results
from contenders import CONTENDERS
from report import number
from results import Result
from suite import TASKS

LOOK = {"svg.hashsalt": "lstm", "axes.spines.top": False, "axes.spines.right": False}
OURS, OTHERS, SIMPLE, PUBLISHED = "#0072b2", "#d55e00", "#888888", "#000000"
COLORS = {"ours": OURS, "classifier": OURS, "ablation": "#009e73"}
COLORS |= {name: SIMPLE for name in ("simple", "simple_labels", "linear")}

FARTHEST = 1.8


def draw(found: Sequence[Result], folder: Path) -> list[Path] | None:
    """Write the plots of results into a folder.

    Returns:
        The files, or None if matplotlib is missing.
    """
    try:
        from matplotlib import pyplot
    except ImportError:
        return None
    files = []
    with pyplot.rc_context(LOOK):
        for name, panels in (("comparison", compared(found)), ("ablation", taken_apart(found))):
            if not panels:
                continue
            columns = min(3, len(panels))
            rows = [panels[k : k + columns] for k in range(0, len(panels), columns)]
            heights = [0.7 + 0.24 * max(len(lines) for _, lines in row) for row in rows]
            figure, axes = pyplot.subplots(
                len(rows),
                columns,
                figsize=(4.8 * columns, sum(heights)),
                height_ratios=heights,
                squeeze=False,
                layout="constrained",
            )
            for axis in axes.flat[len(panels) :]:
                axis.remove()
            for axis, (title, lines) in zip(axes.flat, panels, strict=False):
                draw_lines(axis, title, lines)
            files.append(folder / f"{name}.svg")
            # Without a date, the same results give the same file.
            figure.savefig(files[-1], metadata={"Date": None})
            pyplot.close(figure)
    return files


Line = tuple[str, str, list[float]]
"""A title, a colour and the values of the seeds."""

Panels = list[tuple[str, list[Line]]]


def compared(found: Sequence[Result]) -> Panels:
    """Return a panel for each data set, without the ablation."""
    panels: Panels = []
    for name, task in TASKS.items():
        measure = task.measures[0]
        lines = [
            line(contender, method, runs, measure)
            for (contender, method), runs in results.groups(found, name).items()
            if contender != "ablation"
        ]
        if lines:
            figures = task.published.items()
            lines += [(f"{name}, published", PUBLISHED, [x[0]]) for name, x in figures if x[0]]
            panels.append((f"{task.title.partition(':')[0]}, {measure}", in_order(lines, measure)))
    return panels


def taken_apart(found: Sequence[Result]) -> Panels:
    """Return panels of the data set with the most of the ablation, one for each measure."""
    name = "m4_hourly"
    of_task = results.groups(found, name)
    if not any(contender == "ablation" for contender, _ in of_task):
        return []
    return [
        (
            f"M4 hourly, {measure}",
            in_order(
                [
                    line(contender, method, runs, measure)
                    for (contender, method), runs in of_task.items()
                    if contender in ("ours", "ablation")
                ],
                measure,
            ),
        )
        for measure in TASKS[name].measures
    ]


def line(contender: str, method: str, runs: Sequence[Result], measure: str) -> Line:
    """Return what is drawn of a method."""
    title = CONTENDERS[contender].methods[method].title.replace("**", "")
    values = [run["measures"][measure] for run in runs]
    return title, COLORS.get(contender, OTHERS), values


def in_order(lines: list[Line], measure: str) -> list[Line]:
    """Return lines from the best to the worst."""
    return sorted(lines, key=lambda one: median(one[2]), reverse=measure == "accuracy")


def draw_lines(axis: Any, title: str, lines: Sequence[Line]) -> None:
    """Draw a row for each method: a dot for each seed, a bar at their median.

    Published figures are diamonds. Errors of more than `FARTHEST` times the least one are written
    at the edge.
    """
    edge = FARTHEST * median(lines[0][2])
    for row, (_, color, values) in enumerate(lines):
        middle = median(values)
        if middle > edge and "accuracy" not in title:
            far = {"ha": "right", "va": "center", "fontsize": 8, "color": color}
            axis.text(0.99, row, f"{number(middle)} →", transform=axis.get_yaxis_transform(), **far)
            continue
        if color == PUBLISHED:
            axis.plot(values, [row], "D", color=color, markersize=4, fillstyle="none")
            continue
        axis.plot(values, [row] * len(values), "o", color=color, markersize=4, alpha=0.6)
        axis.plot([middle], [row], "|", color=color, markersize=14, markeredgewidth=2)
    axis.set_yticks(range(len(lines)), [name for name, _, _ in lines], fontsize=8)
    axis.set_ylim(len(lines) - 0.5, -0.5)
    axis.set_title(title, loc="left", fontsize=9)
    axis.grid(axis="x", color="#dddddd", linewidth=0.6)
    axis.margins(x=0.12)
    axis.tick_params(axis="x", labelsize=8)
