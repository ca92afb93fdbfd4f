"""Pictures of forecasts."""

from typing import Any

import numpy as np

from lstm import plotting
from lstm.forecasting import frames
from lstm.forecasting.frames import Columns
from lstm.forecasting.outputs import NAME
from lstm.forecasting.panel import Panel

SERIES = 6
"""At most so many series are drawn."""


def plot_forecasts(panel: Panel, made: Any, columns: Columns, h: int) -> Any:
    """Draw the ends of series and how they go on, with the widest interval; return the figure.

    Args:
        panel: the series.
        made: forecasts, as `LSTMForecaster.predict` returns them in a frame.
        columns: the names of its columns.
        h: steps of each forecast.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    pyplot = plotting.pyplot()
    count = min(len(panel), SERIES)
    table = {str(name): frames.as_column(made[name]) for name in made.columns}
    levels = sorted(float(name.split("-")[-1]) for name in table if name.startswith(f"{NAME}-hi-"))
    figure, axes = pyplot.subplots(count, 1, figsize=(7.2, 1.2 + 1.9 * count), squeeze=False)
    for n, ax in enumerate(axes[:, 0]):
        T = int(panel.lengths[n])
        begin = max(T - 4 * h, 0)
        rows = slice(n * h, (n + 1) * h)
        kind = "datetime64[ns]" if panel.dated else np.int64
        known, ahead = (panel.times(n, *part).astype(kind) for part in ((begin, T), (T, T + h)))
        ax.plot(known, panel.series(n)[begin:], color=plotting.COLORS[6], label=columns.target)
        ax.plot(ahead, table[NAME][rows], color=plotting.COLORS[1], label="forecast")
        if levels:
            low, high = (table[f"{NAME}-{side}-{levels[-1]:g}"][rows] for side in ("lo", "hi"))
            label = f"{levels[-1]:g} %"
            ax.fill_between(
                ahead, low, high, color=plotting.COLORS[1], alpha=0.2, lw=0, label=label
            )
        if len(panel) > 1:
            ax.set_title(str(panel.ids[n]))
    axes[0, 0].legend(loc="upper left", ncols=3)
    return figure
