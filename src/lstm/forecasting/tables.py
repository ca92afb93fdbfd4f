"""Tables in files: CSV, read as it comes, and Parquet where a library reads it."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks, storage
from lstm.errors import InvalidValueError, MissingExtraError

SEPARATORS = ";\t|,"
_MISSING = {"", "na", "nan", "n/a", "null", "none", "-", "?"}
_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?([eE][+-]?\d+)?")


class Table:
    """Columns by name: as little of a frame as `lstm.forecasting` needs.

    Args:
        columns: arrays, or lists, of one length.
        notes: what a reader should know about how the file was read.
    """

    def __init__(self, columns: Mapping[str, Any], notes: tuple[str, ...] = ()) -> None:
        self._columns = {name: np.asarray(column) for name, column in columns.items()}
        self.notes = notes

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self._columns)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._columns[name]

    def __len__(self) -> int:
        return len(next(iter(self._columns.values()), ()))

    def filter(self, wanted: NDArray[np.bool_]) -> "Table":
        """Return the rows where `wanted`, (rows), is True."""
        return Table({name: column[wanted] for name, column in self._columns.items()}, self.notes)

    def rows(self) -> Iterator[list[str]]:
        """Yield the rows as text: numbers to the last digit, times without what is 0."""
        for row in zip(*(_as_text(column) for column in self._columns.values()), strict=True):
            yield list(row)

    def text(self) -> str:
        """Return it as CSV."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(self.rows())
        return text.getvalue()

    def write(self, path: str | PathLike[str]) -> None:
        """Write it as CSV.

        Raises:
            ModelFileError: the file cannot be written; an existing one stays.
        """
        storage.write_bytes(path, self.text().encode())


def read_table(path: str | PathLike[str]) -> Any:
    """Read a file with a table.

    Of CSV, separators (comma, semicolon, tab, bar), decimal commas and the encoding are found out.

    Args:
        path: a file with column names in the first row; or one that ends in .parquet.

    Returns:
        A `Table`; of Parquet a frame of polars or pandas.

    Raises:
        InvalidValueError: there is no such file, or it is no table; the message names the row.
        MissingExtraError: nothing that is installed reads Parquet.
    """
    file = Path(checks.path("path", path))
    if not file.is_file():
        raise InvalidValueError("path", "a file", f"{file}, which does not exist")
    if file.suffix.lower() in (".parquet", ".pq"):
        return _parquet(file)
    text, encoding = _decoded(file.read_bytes())
    notes = [] if encoding == "utf-8" else [f"read as {encoding}"]
    lines = text.splitlines()
    header = next((line for line in lines if line.strip()), "")
    if not header:
        raise InvalidValueError(
            "path", "a table with column names in its first row", "an empty file"
        )
    second = next((line for line in lines[lines.index(header) + 1 :] if line.strip()), header)
    # What divides the first two rows alike; commas last, which may be in names and numbers.
    separator = max(
        SEPARATORS,
        key=lambda c: (_parts(header, c) == _parts(second, c) > 1, _parts(header, c)),
    )
    try:
        rows = [row for row in csv.reader(lines, delimiter=separator, strict=True) if any(row)]
    except csv.Error as error:
        raise InvalidValueError("path", "a table", f"{file}: {error}") from None
    names = [name.strip() or f"column {k + 1}" for k, name in enumerate(rows[0])]
    if len({*names}) < len(names):
        again = next(name for k, name in enumerate(names) if name in names[:k])
        raise InvalidValueError("path", "different names of columns", f"{again!r} twice")
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(names):
            expected = f"{len(names)} entries in each row, as in the first"
            raise InvalidValueError("path", expected, f"{len(row)} in row {number}")
    columns = {}
    for k, name in enumerate(names):
        entries = [row[k].strip() for row in rows[1:]]
        columns[name], comma = _column(entries, separator != ",")
        if comma:
            notes.append(f"decimal commas in {name}")
    if separator != ",":
        notes.insert(0, f"separated by {'tabs' if separator == chr(9) else repr(separator)}")
    return Table(columns, tuple(notes))


def _parts(line: str, separator: str) -> int:
    return len(next(csv.reader([line], delimiter=separator), []))


def _decoded(data: bytes) -> tuple[str, str]:
    """Return a text and its encoding."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace"), "utf-16"
    try:
        return data.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), "cp1252"


def _column(entries: list[str], commas: bool) -> tuple[NDArray[Any], bool]:
    """Return a column as numbers if it has nothing else, and whether they have decimal commas."""
    known = [entry for entry in entries if entry.lower() not in _MISSING]
    if commas and any("," in entry for entry in known) and all(map(_COMMA.fullmatch, known)):
        plain = [entry.replace(".", "").replace(",", ".") for entry in entries]
        return _column(plain, False)[0], True
    try:
        if any(re.fullmatch(r"0\d+", entry) for entry in known):
            raise ValueError  # Names that begin with 0, such as 007.
        if known and all(re.fullmatch(r"[+-]?\d+", entry) for entry in entries):
            return np.array([int(entry) for entry in entries]), False
        values = [np.nan if e.lower() in _MISSING else float(e.replace("_", "x")) for e in entries]
        return np.array(values), False
    except (ValueError, OverflowError):
        return np.array([entry or None for entry in entries], object), False


def _parquet(file: Path) -> Any:
    for library in ("polars", "pandas"):
        try:
            return import_module(library).read_parquet(file)
        except ImportError:
            continue
    raise MissingExtraError("a Parquet file", "parquet")


def _as_text(column: NDArray[Any]) -> list[str]:
    if column.dtype.kind == "M":
        units = ("D", "s", "ms", "us", "ns")
        exact = (u for u in units if (column.astype(f"datetime64[{u}]") == column).all())
        return [str(time).replace("T", " ") for time in column.astype(f"datetime64[{next(exact)}]")]
    if column.dtype.kind == "f":
        return ["" if value != value else repr(float(value)) for value in column]
    return ["" if entry is None else str(entry) for entry in column.tolist()]
