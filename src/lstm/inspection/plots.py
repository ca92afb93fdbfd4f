"""Plots of the results of the lens; each returns its `matplotlib.axes.Axes`.

They need matplotlib (`pip install 'lstm-kit[plot]'`) and draw on `ax`, or in a new figure.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lstm import checks, plotting
from lstm.errors import InvalidValueError
from lstm.inspection.coloring import ABOVE, BELOW, INK, checked_values, marked
from lstm.inspection.flow import GradientFlow
from lstm.inspection.memory import NOTICEABLE, Context, Memory, Position
from lstm.inspection.reading import Reading, checked_unit
from lstm.inspection.saturation import GATES, Saturation
from lstm.inspection.units import UnitScore

_MARKERS = "o^sDv"


def plot_text(
    pieces: Sequence[str],
    values: ArrayLike,
    *,
    scale: float | None = None,
    width: int = 72,
    ax: Any = None,
) -> Any:
    """Plot text coloured by numbers: violet above 0, orange below.

    Args:
        pieces: text of each token, T of them.
        values: (T,); NaN has no colour.
        scale: the number of the strongest colour; the largest absolute value by default.
        width: largest number of characters of a line.
        ax: where to plot.

    Raises:
        InvalidShapeError: the number of values is not the number of pieces.
        InvalidValueError: `scale` is not above 0, or `width` not at least 1.
        MissingExtraError: matplotlib is not installed.
    """
    array, largest = checked_values(pieces, values, scale)
    cells = list(_cells(pieces, checks.positive_int("width", width)))
    rows = 1 + max((row for *_, row in cells), default=0)
    columns = 1 + max((column for _, _, column, _ in cells), default=0)
    with plotting.axes(ax, figsize=(max(3.0, 0.105 * columns), 0.3 + 0.19 * rows)) as ax:
        for character, token, column, row in cells:
            share = abs(array[token]) / largest
            if share > 0:  # NaN is not.
                color = ABOVE if array[token] > 0 else BELOW
                ax.barh(row, 1, 0.92, left=column, color=color, alpha=min(1.0, share), linewidth=0)
            look = {"color": INK, "family": "monospace", "fontsize": 8}
            ax.text(column + 0.5, row, character, ha="center", va="center", **look)
        ax.set(xlim=(0, columns), ylim=(rows - 0.5, -0.5))
        ax.axis("off")
    return ax


def plot_gates(
    reading: Reading, layer: str, unit: int, *, start: int = 0, count: int = 60, ax: Any = None
) -> Any:
    """Plot the states and gates of one unit along a piece of text, one row for each.

    Args:
        reading: the result of `read`.
        layer: name of the layer.
        unit: number of the unit, from 0.
        start: the first token.
        count: number of tokens.
        ax: where to plot.

    Raises:
        InvalidValueError: there is no such layer, unit or token.
        MissingExtraError: matplotlib is not installed.
    """
    checked_unit(reading.layers, layer, unit)
    if checks.int_at_least("start", start, 0) >= len(reading.tokens):
        raise InvalidValueError("start", f"a token below {len(reading.tokens)}", start)
    part = slice(start, start + checks.positive_int("count", count))
    pieces = reading.pieces[part]
    edges = np.arange(len(pieces) + 1) - 0.5
    with plotting.axes(ax, figsize=(7.2, 3.4)) as ax:
        names = []
        for row, (name, values) in enumerate(reading.layers[layer].items()):
            x = values[part, unit].astype(np.float64)
            largest = max(1.0, float(np.abs(x).max()))
            for sign, color in ((1, ABOVE), (-1, BELOW)):
                height = 0.44 * np.maximum(sign * x, 0) / largest
                base = -row if (values < 0).any() else -row - 0.44
                size = height if (values < 0).any() else 2 * height
                ax.stairs(base + sign * size, edges, baseline=base, fill=True, color=color)
            names.append(name if largest == 1 else f"{name} (±{largest:.1f})")
        ax.set_yticks(-np.arange(len(names)), names)
        ax.set_xticks(range(len(pieces)), [marked(piece).strip("\n") for piece in pieces])
        ax.tick_params(axis="x", labelfontfamily="monospace", labelsize=7, length=0)
        ax.grid(visible=False)
        ax.set(xlabel=f"text, from token {start}", xlim=(edges[0], edges[-1]))
        ax.set_title(f"Unit {unit} of {layer}")
    return ax


def plot_position(position: Position, *, ax: Any = None) -> Any:
    """Plot the loss along a text, part by part.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with plotting.axes(ax) as ax:
        ax.plot(position.starts, position.nats)
        ax.set(xlabel="position (tokens)", ylabel="loss (nats per token)")
    return ax


def plot_context(context: Context, *, ax: Any = None) -> Any:
    """Plot the loss against the length of the context, as means over groups of lengths.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    smooth = context.smoothed()
    with plotting.axes(ax) as ax:
        ax.semilogx(smooth.lengths, smooth.nats)
        ax.set(xlabel="tokens read before", ylabel="loss (nats per token)")
    return ax


def plot_memory(memory: Memory, *, ax: Any = None) -> Any:
    """Plot the change of the loss with a changed token some steps back.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with plotting.axes(ax) as ax:
        ax.loglog(memory.lags, np.where(memory.change > 0, memory.change, np.nan), marker=".")
        ax.axhline(NOTICEABLE, color=INK, linestyle=":", linewidth=1)
        ax.annotate(
            f"noticeable: {NOTICEABLE} nats",
            (1, NOTICEABLE),
            xycoords=("axes fraction", "data"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="right",
        )
        ax.set(xlabel="tokens back", ylabel="change of the loss (nats)")
    return ax


def plot_gradient(flow: GradientFlow, *, ax: Any = None) -> Any:
    """Plot the length of a gradient against the number of steps that it went back.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with plotting.axes(ax) as ax:
        for layer, states in flow.norms.items():
            for letter, norms in states.items():
                shown = np.where(norms > 0, norms, np.nan)
                ax.semilogy(flow.lags, shown, label=f"{letter} of {layer}")
        ax.set(xlabel="steps back", ylabel="length of the gradient")
        ax.legend()
    return ax


def plot_saturation(gates: Mapping[str, Saturation], *, ax: Any = None) -> Any:
    """Plot how often each gate of each unit is shut and how often it is open.

    Args:
        gates: of one layer, by letter: what `saturation` returned for it. States and candidates
            are left out.
        ax: where to plot.

    Raises:
        InvalidValueError: there is no gate, as in a SimpleRNN.
        MissingExtraError: matplotlib is not installed.

    Source:
        Karpathy, Johnson & Fei-Fei, "Visualizing and understanding recurrent networks", 2015.
    """
    with plotting.axes(ax, figsize=(4.4, 4.2)) as ax:
        for k, (letter, gate) in enumerate(_gates(gates)):
            color, marker = plotting.COLORS[k], _MARKERS[k % len(_MARKERS)]
            look = {"s": 14, "alpha": 0.6, "linewidths": 0}
            ax.scatter(gate.low, gate.high, color=color, marker=marker, label=letter, **look)
        ax.set(xlabel="share of steps below 0.1", ylabel="share of steps above 0.9")
        ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
        ax.legend(title="gate")
    return ax


def plot_gate_values(gates: Mapping[str, Saturation], *, ax: Any = None) -> Any:
    """Plot the distribution of gate values of a layer, over all its units.

    For the arguments see `plot_saturation`.

    Raises:
        InvalidValueError: there is no gate, as in a SimpleRNN.
        MissingExtraError: matplotlib is not installed.
    """
    with plotting.axes(ax) as ax:
        for k, (letter, gate) in enumerate(_gates(gates)):
            share = gate.histogram.sum(0) / gate.histogram.sum()
            look = {"color": plotting.COLORS[k], "linestyle": plotting.DASHES[k]}
            ax.stairs(share, gate.edges, label=letter, linewidth=1.8, **look)
        ax.set(xlabel="value of the gate", ylabel="share of all units and steps")
        ax.legend(title="gate")
    return ax


def plot_units(scores: Sequence[UnitScore], *, ax: Any = None) -> Any:
    """Plot the scores of units next to those by chance: their mean and 5 standard deviations.

    Args:
        scores: scores such as those from `best_units`; plot those of one property together.
        ax: where to plot.

    Raises:
        InvalidValueError: there is no score.
        MissingExtraError: matplotlib is not installed.
    """
    if not scores:
        raise InvalidValueError("scores", "at least one score", "none")
    names = [
        f"{score.property.replace('_', ' ')}: {score.layer} {score.unit} {score.quantity}"
        for score in scores
    ]
    rows = np.arange(len(scores))
    with plotting.axes(ax, figsize=(6.4, 0.9 + 0.28 * len(scores))) as ax:
        ax.barh(rows, [abs(s.score) for s in scores], 0.6, color=plotting.COLORS[5], label="unit")
        ax.errorbar(
            [score.control for score in scores],
            rows,
            xerr=[5 * score.deviation for score in scores],
            fmt="|",
            color=INK,
            capsize=3,
            label="best by chance, ± 5 deviations",
        )
        ax.set_yticks(rows, names)
        ax.grid(axis="y", visible=False)
        ax.set(xlabel="|correlation| with the property", ylim=(len(scores) - 0.5, -0.5))
        ax.set(xlim=(0, 1))
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return ax


def _gates(gates: Mapping[str, Saturation]) -> list[tuple[str, Saturation]]:
    """Return the gates, which can be open or shut, without states and candidates."""
    found = [(letter, gate) for letter, gate in gates.items() if letter in GATES]
    if not found:
        raise InvalidValueError("gates", "those of an LSTM or a GRU", ", ".join(gates) or "none")
    return found


def _cells(pieces: Sequence[str], width: int) -> Iterator[tuple[str, int, int, int]]:
    """Yield each character with its token, column and row."""
    row = column = 0
    for token, piece in enumerate(pieces):
        for character in marked(piece):
            if character == "\n":
                row, column = row + 1, 0
                continue
            if column == width:
                row, column = row + 1, 0
            yield character, token, column, row
            column += 1
