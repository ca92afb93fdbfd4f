"""Report of an explanation: one HTML file about where a forecast came from.

The file contains everything, has no script and needs no network.
"""

import html
import io
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from lstm import plotting, storage
from lstm.errors import InvalidTypeError
from lstm.forecasting.frequency import shown
from lstm.inspection.coloring import marked
from lstm.inspection.explanation import Explanation
from lstm.inspection.explanation_plots import (
    plot_contributions,
    plot_mean_gates,
    plot_mix,
    plot_weights,
    plot_window,
)

_WIDTH = 8.6
"""Inches of a picture."""

_READ = {
    "f": "A forget gate near 1 keeps what the cell holds, near 0 it drops it; the input gate lets "
    "in what comes, the output gate shows what there is.",
    "u": "An update gate near 1 keeps the state, near 0 it takes a new one; a reset gate near 0 "
    "makes the new one without the old.",
    "h": "This layer has a state and no gates.",
}
"""How to read gates, by a letter of the cell."""


def write_explanation(
    path: str | PathLike[str], found: Explanation, *, title: str | None = None
) -> None:
    """Write the page of an explanation, in one step.

    Args:
        path: the HTML file; replaced if it exists.
        found: the explanation.
        title: its heading; by default it names the series.

    Raises:
        ModelFileError: the file cannot be written; an existing file stays unchanged.
        MissingExtraError: matplotlib is not installed.
    """
    storage.write_bytes(path, explanation_html(found, title=title).encode("utf-8", "replace"))


def explanation_html(found: Explanation, *, title: str | None = None) -> str:
    """Return the page that `write_explanation` writes.

    Raises:
        InvalidTypeError: `found` is not a result of `explain_forecast`.
        MissingExtraError: matplotlib is not installed.
    """
    if not isinstance(found, Explanation):
        expected = "an Explanation, from explain_forecast"
        raise InvalidTypeError("found", expected, type(found).__name__)
    page = Path(__file__).with_name("explanation.html").read_text("utf-8")
    heading = f"Where the forecast of {found.id} came from" if title is None else title
    return Template(page).substitute(
        title=_text(heading),
        css=Path(__file__).with_name("report.css").read_text("utf-8"),
        facts="".join(
            f"<div><dt>{_text(name)}</dt><dd>{_text(fact)}</dd></div>"
            for name, fact in _facts(found)
        ),
        body="\n".join(_sections(found)),
    )


def summed(found: Explanation) -> str:
    """Return a sentence about what the mean forecast consists of."""
    parts = [f"{name} adds {found.contribution(name).sum():+.4g}" for name in found.contributions]
    return (
        f"A window without ups and downs would lead to {found.base.mean():.4g}; "
        f"{', '.join(parts)}: the mean forecast is {found.forecast.mean():.4g}."
    )


def shown_time(time: Any) -> str:
    """Return a time of an explanation as text."""
    return shown(int(time.astype(np.int64)), isinstance(time, np.datetime64))


def lag_of(found: Explanation, place: int) -> str:
    """Return how far a place is before the forecast, or which step of it."""
    back = len(found.times) - place
    return f"{back} before" if back > 0 else f"step {1 - back}"


def _facts(found: Explanation) -> Iterator[tuple[str, str]]:
    yield "read", f"{len(found.times):,} values of {found.target}"
    yield "from", f"{shown_time(found.times[0])} to {shown_time(found.times[-1])}"
    yield "forecast", f"{len(found.ahead):,} steps to {shown_time(found.ahead[-1])}"
    if found.columns:
        yield "columns", ", ".join(found.columns)
    yield "layers", ", ".join(f"{name} ({_steps(found, name)} steps)" for name in found.gates)


def _steps(found: Explanation, layer: str) -> int:
    return len(next(iter(found.gates[layer].values())))


def _sections(found: Explanation) -> Iterator[str]:
    """Yield the parts of the page."""
    said = summed(found)
    if found.columns:
        said += " Columns start from the means that they had in training."
    yield _section("The forecast", said, _picture(plot_window, found, 2.6, "series and forecast"))
    yield _section("The largest parts", "", _table(found))
    for name in found.contributions:
        what = (
            "What each value of the window adds to the mean forecast (violet) or takes from it "
            "(orange). A value at the mean of the window adds nothing."
            if name == found.target
            else f"What each entry of {name} changes, beside the same entry at its mean; behind "
            "the dotted line those of the horizon."
        )
        picture = _picture(plot_contributions, found, 2.2, f"contributions of {name}", name)
        yield _section(f"What {name} adds", what, picture)
    unit = "one percent" if found.log else "1"
    yield _section(
        "Which lags",
        f"By how much a step of the forecast changes, if a value changes by {unit}: by as much "
        "where the weight is 1. A line at one lag is a value that all steps rest on; a slanted "
        "line is the same phase of a season. The weights of a step sum to 1.",
        _picture(plot_weights, found, 3.6, "weights by lag and step of the horizon"),
    )
    if found.mix:
        yield _section(
            "The mix",
            "The network mixes simple forecasts, with other shares in each part of the horizon, "
            "and corrects the mix.",
            _picture(plot_mix, found, 3.0, "shares of simple forecasts"),
        )
    for layer, gates in found.gates.items():
        read = next(text for letter, text in _READ.items() if letter in gates)
        yield _section(
            f"Gates of {layer}",
            f"Means over the units. The layer reads {found.patch} values in each step. {read}",
            _picture(plot_mean_gates, found, 2.6, f"gates of {layer} along the window", layer),
        )


def _section(title: str, note: str, content: str) -> str:
    said = f'<p class="note">{_text(note)}</p>' if note else ""
    return f"<section><h2>{_text(title)}</h2>{said}{content}</section>"


def _picture(draw: Any, found: Explanation, height: float, alt: str, *rest: str) -> str:
    """Return a plot as an SVG element in a figure."""
    with plotting.style() as plt:
        figure, ax = plt.subplots(figsize=(_WIDTH, height))
        draw(found, *rest, ax=ax)
        file = io.StringIO()
        # Without a date, so that equal reports make equal files.
        figure.savefig(file, format="svg", metadata={"Date": None})
        plt.close(figure)
    svg = file.getvalue()
    drawn = svg[svg.index("<svg") :]
    return f'<figure class="picture" role="img" aria-label="{_text(alt)}">{drawn}</figure>'


def _table(found: Explanation) -> str:
    """Return a table of the largest contributions."""
    times, rows = np.concatenate([found.times, found.ahead]), []
    for name, place, entry, part in found.largest():
        lag = lag_of(found, place)
        cells = (name, shown_time(times[place]), lag, f"{entry:.4g}", f"{part:+.3g}")
        rows.append("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{n}</th>" for n in ("of", "time", "lag", "entry", "adds"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _text(text: Any) -> str:
    return html.escape(marked(str(text)))
