"""The horizon: what is known of the steps to forecast."""

from collections.abc import Sequence

import numpy as np

from lstm.errors import InvalidValueError
from lstm.forecasting.panel import Panel


def with_future(panel: Panel, coming: Panel, names: Sequence[str], steps: int) -> Panel:
    """Return series with rows behind their ends that have the columns known of these.

    Args:
        panel: the series.
        coming: rows of theirs, with times and columns.
        names: the columns.
        steps: rows to add to each.

    Raises:
        InvalidValueError: a series or a step is missing, or a number is.
    """
    places = {entry: m for m, entry in enumerate(coming.ids)}
    if len(panel) == len(coming) == 1:
        places = {panel.ids[0]: 0}  # A single series may have no id.
    longer = panel.ahead(panel.lengths, steps)
    for n, entry in enumerate(panel.ids):
        if entry not in places:
            raise InvalidValueError("future_df", "rows for each series", f"none of {entry!r}")
        m, T = places[entry], int(panel.lengths[n])
        own, wanted = coming.times(m, 0, int(coming.lengths[m])), panel.times(n, T, T + steps)
        rows = np.minimum(np.searchsorted(own, wanted), len(own) - 1)
        columns = {name: coming.covariates[name][coming.offsets[m] + rows] for name in names}
        missing = (own[rows] != wanted) | np.any([np.isnan(v) for v in columns.values()], axis=0)
        if missing.any():
            step = longer.shown(n, T + int(missing.argmax()))
            expected = f"{list(names)} for {steps} steps of {entry!r}"
            raise InvalidValueError("future_df", expected, f"nothing for {step}")
        begin = longer.offsets[n] + T
        for name, values in columns.items():
            longer.covariates[name][begin : begin + steps] = values
    return longer
