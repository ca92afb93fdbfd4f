"""What `lstm inspect` shows of a forecaster: where the forecast of a series came from."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from lstm.cli.running import print_json
from lstm.cli.series import forecaster_at, going_on
from lstm.inspection import Explanation, explain_forecast, write_explanation
from lstm.inspection.explanation_report import lag_of, shown_time, summed
from lstm.inspection.saturation import GATES
from lstm.screen import Screen


def explain(
    model: Path,
    new: Path | None,
    id: str | None,
    future_file: Path | None,
    report: Path | None,
    json_output: bool,
) -> None:
    """Explain the forecast of one series, from a file with a forecaster."""
    forecaster = forecaster_at(model)
    names = {str(name): name for name in forecaster.learned.panel.ids}
    with going_on(forecaster, new, future_file) as coming:
        found = explain_forecast(forecaster, id=id and names.get(id, id), future_df=coming)
    if report is not None:
        write_explanation(report, found)
    if json_output:
        print_json(_as_json(found))
        return
    _show(Screen(), found)
    if report is not None:
        Screen().print(f"Saved {report}.")


def _show(screen: Screen, found: Explanation) -> None:
    """Print a summary for a reader."""
    screen.print(
        f"{found.id}: {len(found.forecast)} steps of {found.target} from "
        f"{shown_time(found.ahead[0])} on, from {len(found.times):,} values before"
    )
    screen.print(summed(found))
    screen.print("\nThe largest parts of the mean forecast")
    screen.print(_parts(found))
    if found.mix:
        table = Table("simple forecast", "share of the mix", box=None)
        for name, shares in sorted(found.mix.items(), key=lambda item: -item[1].mean()):
            table.add_row(name, f"{100 * shares.mean():.0f} %")
        screen.print("\nThe mix that the network corrects")
        screen.print(table)
    gates = Table("layer", "gate", "mean", "at the last step", box=None)
    for layer, values in found.gates.items():
        for letter, each in values.items():
            if letter in GATES:
                row = f"{letter} ({GATES[letter]})", f"{each.mean():.2f}", f"{each[-1]:.2f}"
                gates.add_row(layer, *row)
    if gates.row_count:
        screen.print("\nGates, over all units")
        screen.print(gates)


def _parts(found: Explanation) -> Table:
    table = Table("of", "time", "lag", "entry", "adds", box=None)
    times = np.concatenate([found.times, found.ahead])
    for name, place, entry, part in found.largest():
        lag = lag_of(found, place)
        table.add_row(name, shown_time(times[place]), lag, f"{entry:.4g}", f"{part:+.3g}")
    return table


def _as_json(found: Explanation) -> dict[str, Any]:
    """Return an explanation as JSON values."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(part) for name, part in value.items()}
        if isinstance(value, np.ndarray):
            if value.dtype.kind == "M":
                return [shown_time(time) for time in value]
            return value.tolist()
        return value

    return {name: plain(value) for name, value in asdict(found).items()}
