"""Compares training runs: their losses over time, steps or epochs."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from lstm import checks, plotting
from lstm.errors import InvalidValueError
from lstm.text.training.run_files import read_records

OVER = {"time": ("seconds", "time (s)"), "steps": ("step", "steps"), "epochs": ("epoch", "epochs")}
"""The x axis of a plot of losses: a key of the records, and the label of the axis."""


def plot_runs(folders: Sequence[str | PathLike[str]], *, over: str = "time", ax: Any = None) -> Any:
    """Plot the training and validation losses of training runs.

    Losses are in nats per token: they compare runs on the same tokens.

    Args:
        folders: the folders of the training runs, each with a history.jsonl.
        over: "time", "steps" or "epochs".
        ax: the axes to plot on; a new figure by default.

    Returns:
        The `matplotlib.axes.Axes`.

    Raises:
        ModelFileError: a folder holds no training run, or no round of the run has ended.
        InvalidValueError: `folders` is empty or has duplicates, or `over` is something else.
        MissingExtraError: matplotlib is not installed.
    """
    key, label = OVER[checks.one_of("over", over, tuple(OVER))]
    paths = [Path(folder) for folder in folders]
    if not paths or len({path.resolve() for path in paths}) < len(paths):
        names = ", ".join(map(str, paths))
        raise InvalidValueError("runs", "folders of training runs, each once", names or "none")
    runs = [read_records(path) for path in paths]
    with plotting.style() as plt:
        if ax is None:
            _, ax = plt.subplots()
        for k, (path, records) in enumerate(zip(paths, runs, strict=True)):
            look = {
                "color": plotting.COLORS[k % len(plotting.COLORS)],
                "linestyle": plotting.DASHES[k % len(plotting.DASHES)],
                # A single round would not make a line.
                "marker": "o" if len(records) == 1 else None,
                "markersize": 4,
            }
            name = path.resolve().name if len(path.parts) < 2 else str(path)
            at = [record[key] for record in records]
            losses = [record["loss"] for record in records]
            ax.plot(at, losses, linewidth=0.9, label=f"{name}, training", **look)
            validated = [record for record in records if "val_loss" in record]
            if validated:
                at = [record[key] for record in validated]
                losses = [record["val_loss"] for record in validated]
                ax.plot(at, losses, label=f"{name}, validation", **look)
        ax.set(xlabel=label, ylabel="loss (nats per token)")
        ax.legend()
    return ax
