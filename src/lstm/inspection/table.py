"""Table: states and gates as a CSV file with a row for each token and unit."""

import csv
import io
from collections.abc import Iterable
from os import PathLike

from lstm import storage
from lstm.inspection.reading import Reading, checked_unit


def write_table(
    path: str | PathLike[str],
    parts: Iterable[Reading],
    *,
    layer: str | None = None,
    unit: int | None = None,
) -> int:
    """Write readings as CSV, as they come; the file is replaced in one step.

    The columns are step (from 0), token (its text), nats (its surprise; empty for the first), layer
    and unit, then the states and gates by their letters; empty where a layer does not have one.

    Args:
        path: the file; replaced if it exists.
        parts: the result of `readings`, or a list of consecutive readings.
        layer: write only this layer.
        unit: write only the unit with this number, which each of the layers must have.

    Returns:
        The number of rows.

    Raises:
        InvalidValueError: there is no such layer or unit.
        ModelFileError: the file cannot be written; an existing file stays unchanged.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import lstm
        >>> from lstm import inspection
        >>> model = lstm.LanguageModel.train("abracadabra " * 40, hidden=16, epochs=2, seed=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "states.csv")
        ...     rows = inspection.write_table(path, inspection.readings(model, "abra"))
        ...     print(rows, path.read_text().splitlines()[0])
        64 step,token,nats,layer,unit,h,c,i,f,g,o
    """
    step = rows = 0
    letters: list[str] = []
    with storage.replacing(path) as file:
        text = io.TextIOWrapper(file, "utf-8", errors="surrogatepass", newline="")
        writer = csv.writer(text, lineterminator="\n")
        for part in parts:
            layers = {name: x for name, x in part.layers.items() if layer in (None, name)}
            if not letters:
                for name in layers if layer is None else (layer,):
                    checked_unit(part.layers, name, 0 if unit is None else unit)
                letters = list(dict.fromkeys(key for x in layers.values() for key in x))
                writer.writerow(["step", "token", "nats", "layer", "unit", *letters])
            for t, piece in enumerate(part.pieces):
                nats = part.surprise[t]
                shown = "" if nats != nats else f"{nats:.6g}"
                for name, x in layers.items():
                    units = range(len(x["h"][t])) if unit is None else (unit,)
                    values = {key: array[t].tolist() for key, array in x.items()}
                    for k in units:
                        numbers = [
                            f"{values[key][k]:.6g}" if key in values else "" for key in letters
                        ]
                        writer.writerow([step + t, piece, shown, name, k, *numbers])
                    rows += len(units)
            step += len(part.pieces)
        text.flush()
        text.detach()
    return rows
