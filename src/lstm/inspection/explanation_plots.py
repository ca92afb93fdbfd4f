"""Plots of explanations of forecasts; each part draws on `ax` and returns it, or a new figure."""

from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks, plotting, storage
from lstm.errors import InvalidValueError
from lstm.inspection.coloring import ABOVE, BELOW, INK
from lstm.inspection.explanation import Explanation
from lstm.inspection.saturation import GATES

_FORECAST = plotting.COLORS[1]


def plot_explanation(
    found: Explanation, path: str | PathLike[str] | None = None, *, step: int | None = None
) -> Any:
    """Plot an explanation in one picture; return its `matplotlib.figure.Figure`.

    Left, over the time of the window: the series and its forecast, what each value and each entry
    of a column adds, and the gates. Right: the weights of the values by lag, for each step of the
    horizon, and the mix of simple forecasts.

    Args:
        found: the explanation.
        path: a file to write, which ends in .png, .svg or .pdf; none by default.
        step: of the horizon, from 1; by default contributions to the mean forecast.

    Raises:
        InvalidValueError: there is no such step, or no such kind of file.
        ModelFileError: the file cannot be written.
        MissingExtraError: matplotlib is not installed.
    """
    kind = None if path is None else _kind(path)
    names, layers = list(found.contributions), list(found.gates)
    heights = [1.7, *[1.0] * len(names), *[1.2] * len(layers)]
    with plotting.style() as plt:
        figure = plt.figure(figsize=(11, 1.6 * sum(heights)))
        grid = figure.add_gridspec(len(heights), 2, width_ratios=(2, 1), height_ratios=heights)
        top = figure.add_subplot(grid[0, 0])
        plot_window(found, ax=top)
        for row, name in enumerate(names, 1):
            ax = figure.add_subplot(grid[row, 0], sharex=top)
            plot_contributions(found, name, step=step, ax=ax)
        for row, layer in enumerate(layers, 1 + len(names)):
            plot_mean_gates(found, layer, ax=figure.add_subplot(grid[row, 0], sharex=top))
        for ax in figure.axes[:-1]:
            ax.tick_params(labelbottom=False)
            ax.xaxis.get_offset_text().set_visible(False)
        right = len(heights) - max(1, len(layers)) if found.mix else len(heights)
        plot_weights(found, ax=figure.add_subplot(grid[:right, 1]))
        if found.mix:
            plot_mix(found, ax=figure.add_subplot(grid[right:, 1]))
        if path is not None:
            with storage.replacing(path) as file:
                figure.savefig(file, dpi=150, format=kind)
    return figure


def plot_window(found: Explanation, *, ax: Any = None) -> Any:
    """Plot the window and the forecast, and what the forecast starts from (dotted).

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with plotting.axes(ax) as ax:
        ax.plot(found.times, found.values, "-", color=plotting.COLORS[6], label=found.target)
        ax.plot(found.ahead, found.forecast, "-", color=_FORECAST, label="forecast")
        ends = [found.times[0], found.ahead[-1]]
        level = float(found.base.mean())
        ax.plot(ends, [level, level], ":", color=INK, linewidth=1, label="starts from")
        ax.set(ylabel=found.target)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)
    return ax


def plot_contributions(
    found: Explanation, name: str | None = None, *, step: int | None = None, ax: Any = None
) -> Any:
    """Plot what each value, or each entry of a column, adds to the forecast.

    Args:
        found: the explanation.
        name: the target, or a column; the target by default.
        step: of the horizon, from 1; the mean of all by default.
        ax: where to plot.

    Raises:
        InvalidValueError: there is no such column or step.
        MissingExtraError: matplotlib is not installed.
    """
    name = found.target if name is None else name
    parts = found.contribution(name, step)
    with plotting.axes(ax) as ax:
        edges = _edges(found)[: len(parts) + 1]
        for color, some in ((ABOVE, np.maximum(parts, 0)), (BELOW, np.minimum(parts, 0))):
            ax.stairs(some, edges, fill=True, color=color)
        ax.axhline(0, color=INK, linewidth=0.6)
        if len(parts) > len(found.times):
            ax.axvline(edges[len(found.times)], color=INK, linewidth=0.8, linestyle=":")
        what = "the mean forecast" if step is None else f"step {step}"
        ax.set_title(f"{name} adds {parts.sum():+.4g} to {what}")
        ax.set(ylabel="adds")
    return ax


def plot_weights(found: Explanation, *, ax: Any = None) -> Any:
    """Plot the weight of each value in each step of the forecast, by lag.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with plotting.axes(ax, figsize=(5.4, 3.6)) as ax:
        h, T = found.weights.shape
        # A single large weight must not make all others pale.
        largest = float(np.quantile(np.abs(found.weights), 0.998)) or 1.0
        picture = ax.imshow(
            found.weights,
            cmap=plotting.SIGNED,
            vmin=-largest,
            vmax=largest,
            aspect="auto",
            origin="lower",
            interpolation="nearest",
            extent=(T + 0.5, 0.5, 0.5, h + 0.5),
        )
        ax.grid(visible=False)
        ax.set(xlabel="lag (steps before the forecast)", ylabel="step of the horizon")
        ax.yaxis.get_major_locator().set_params(integer=True)
        ax.set_title("Weight of each value")
        ax.figure.colorbar(picture, ax=ax, shrink=0.8)
    return ax


def plot_mix(found: Explanation, *, ax: Any = None) -> Any:
    """Plot the shares of simple forecasts, which the network corrects, over the horizon.

    Raises:
        InvalidValueError: the forecaster mixes none.
        MissingExtraError: matplotlib is not installed.
    """
    if not found.mix:
        raise InvalidValueError("found", "a forecast with a mix (baseline='auto')", "one without")
    with plotting.axes(ax, figsize=(5.4, 3.0)) as ax:
        edges, below = np.arange(len(found.forecast) + 1) + 0.5, np.zeros(len(found.forecast))
        for k, (name, shares) in enumerate(found.mix.items()):
            color = plotting.COLORS[k % len(plotting.COLORS)]
            above = below + shares
            ax.stairs(above, edges, baseline=below, fill=True, color=color, label=name)
            below = above
        ax.grid(visible=False)
        ax.set(xlabel="step of the horizon", ylabel="share", ylim=(0, 1))
        ax.set(xlim=(edges[0], edges[-1]))
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set_title("Mix of simple forecasts")
        look = {"ncols": 2, "fontsize": 8, "borderaxespad": 5}
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0), **look)
    return ax


def plot_mean_gates(found: Explanation, layer: str | None = None, *, ax: Any = None) -> Any:
    """Plot the gates of a layer along the window, and the size of its cell: means over its units.

    Args:
        found: the explanation.
        layer: the name of the layer; the first by default.
        ax: where to plot.

    Raises:
        InvalidValueError: there is no such layer.
        MissingExtraError: matplotlib is not installed.
    """
    name = next(iter(found.gates)) if layer is None else layer
    gates = found.gates[checks.one_of("layer", name, tuple(found.gates))]
    shown = {letter: f"{letter} ({GATES[letter]})" for letter in gates if letter in GATES}
    shown["c" if "c" in gates else "h"] = "|c|" if "c" in gates else "|h|"
    with plotting.axes(ax) as ax:
        edges = _edges(found)[: len(found.times) + 1][::-1][:: found.patch][::-1]
        for k, (letter, label) in enumerate(shown.items()):
            values = gates[letter][len(gates[letter]) - (len(edges) - 1) :]
            look = {"color": plotting.COLORS[k], "linestyle": plotting.DASHES[k]}
            ax.stairs(values, edges, baseline=None, label=label, linewidth=1.8, **look)
        ax.set(ylabel="mean over units", ylim=(0, None))
        ax.set_title(f"{'Gates' if len(shown) > 1 else 'State'} of {name}")
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
    return ax


def _edges(found: Explanation) -> NDArray[Any]:
    """Return where each step of the window and the horizon begins, and the last one ends."""
    steps = np.concatenate([found.times, found.ahead])
    return np.append(steps, steps[-1] + (steps[-1] - steps[-2]))


def _kind(path: str | PathLike[str]) -> str:
    ending = "." + checks.path("path", path).rpartition(".")[2].lower()
    if ending not in plotting.KINDS:
        raise InvalidValueError("path", f"a file that ends in {', '.join(plotting.KINDS)}", path)
    return ending[1:]
