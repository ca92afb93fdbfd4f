"""How trainings went, side by side: their losses over time, steps or epochs."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from lstm import checks, plotting
from lstm.errors import InvalidValueError
from lstm.text.training.run_files import read_records

OVER = {"time": ("seconds", "time (s)"), "steps": ("step", "steps"), "epochs": ("epoch", "epochs")}
"""What losses are plotted over: a key of the records, and the label of the axis."""


def plot_runs(folders: Sequence[str | PathLike[str]], *, over: str = "time", ax: Any = None) -> Any:
    """Plot the training and validation losses of trainings.

    Losses are in nats per token: they compare trainings of the same tokens.

    Args:
        folders: those of the trainings, each with a history.jsonl.
        over: "time", "steps" or "epochs".
        ax: where to plot; a figure of its own by default.

    Returns:
        The `matplotlib.axes.Axes`.

    Raises:
        ModelFileError: a folder holds no training, or one of which no round has ended.
        InvalidValueError: `folders` is empty or names one twice, or `over` is something else.
        MissingExtraError: matplotlib is not installed.
    """
    key, label = OVER[checks.one_of("over", over, tuple(OVER))]
    paths = [Path(folder) for folder in folders]
    if not paths or len({path.resolve() for path in paths}) < len(paths):
        names = ", ".join(map(str, paths))
        raise InvalidValueError("runs", "folders of trainings, each once", names or "none")
    runs = [read_records(path) for path in paths]
    with plotting.style() as plt:
        if ax is None:
            _, ax = plt.subplots()
        for k, (path, records) in enumerate(zip(paths, runs, strict=True)):
            look = {
                "color": plotting.COLORS[k % len(plotting.COLORS)],
                "linestyle": plotting.DASHES[k % len(plotting.DASHES)],
                # A single round would be no line.
                "marker": "o" if len(records) == 1 else None,
                "markersize": 4,
            }
            name = path.resolve().name if len(path.parts) < 2 else str(path)
            at = [record[key] for record in records]
            losses = [record["loss"] for record in records]
            ax.plot(at, losses, linewidth=0.9, label=f"{name}, training", **look)
            judged = [record for record in records if "val_loss" in record]
            if judged:
                at = [record[key] for record in judged]
                losses = [record["val_loss"] for record in judged]
                ax.plot(at, losses, label=f"{name}, validation", **look)
        ax.set(xlabel=label, ylabel="loss (nats per token)")
        ax.legend()
    return ax
