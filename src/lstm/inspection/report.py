"""Report: one HTML file in which a reader moves over a text and sees what a model does.

The file contains everything and needs no network. Its numbers are arrays, packed with gzip and
written in base64, which the script of the page unpacks.
"""

import base64
import gzip
import html
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import storage
from lstm.errors import InvalidTypeError
from lstm.inspection.coloring import marked
from lstm.inspection.examination import Examination
from lstm.inspection.saturation import GATES
from lstm.text import Vocabulary

_VALUES = 2**24
"""Largest number of states and gates in a report, each a byte."""

_STEPS = 127
"""Steps of a byte on each side of zero."""

Chart = dict[str, Any]


def write_report(
    path: str | PathLike[str], examination: Examination, *, title: str = "What the model sees"
) -> None:
    """Write a report, in one step.

    It shows the text that was read, or for a large model its start: at most 16 million states and
    gates.

    Args:
        path: the HTML file; replaced if it exists.
        examination: the result of `examine`.
        title: its heading, such as the names of model and text.

    Raises:
        ModelFileError: the file cannot be written; an existing file stays unchanged.
    """
    # A title may be the name of a file, which need not be Unicode.
    storage.write_bytes(path, report_html(examination, title=title).encode("utf-8", "replace"))


def report_html(examination: Examination, *, title: str = "What the model sees") -> str:
    """Return the page that `write_report` writes.

    Raises:
        InvalidTypeError: `examination` is not a result of `examine`.

    Example:
        >>> import lstm
        >>> text = "one two. " * 60
        >>> model = lstm.LanguageModel.train(text, hidden=16, epochs=3, seed=0)
        >>> page = lstm.inspection.report_html(lstm.inspection.examine(model, text))
        >>> page[:15], "src=" in page
        ('<!doctype html>', False)
    """
    if not isinstance(examination, Examination):
        got = type(examination).__name__
        raise InvalidTypeError("examination", "an Examination, from examine", got)
    arrays = _arrays(examination)
    packed = _Packed()
    facts = {
        "title": title,
        "facts": _facts(examination, len(arrays["tokens"])),
        "pieces": [marked(piece) for piece in examination.reading.pieces[: len(arrays["tokens"])]],
        "names": _names(examination.model.vocabulary, arrays),
        "layers": {
            name: {"units": values["h"].shape[1], "quantities": list(values)}
            for name, values in examination.reading.layers.items()
        },
        "units": [asdict(unit) | {"sigmas": unit.sigmas} for unit in examination.units],
        "charts": list(_charts(examination)),
        "arrays": {name: packed.add(array) for name, array in arrays.items()},
    }
    page, look, script = (
        Path(__file__).with_suffix(kind).read_text("utf-8") for kind in (".html", ".css", ".js")
    )
    return Template(page).substitute(
        title=html.escape(marked(title)),
        css=look,
        js=script,
        facts=_in_script(facts),
        arrays=packed.base64(),
    )


class _Packed:
    """Arrays in one block of memory, each aligned for any type."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, array: NDArray[Any]) -> dict[str, Any]:
        """Add an array, and return its position."""
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        place = {"at": self._size, "shape": list(array.shape), "type": array.dtype.name}
        data = little.tobytes()
        self._parts.append(data + bytes(-len(data) % 8))
        self._size += len(self._parts[-1])
        return place

    def base64(self) -> str:
        # Without a time, so that equal reports make equal files.
        return base64.b64encode(gzip.compress(b"".join(self._parts), 6, mtime=0)).decode()


def _arrays(examination: Examination) -> dict[str, NDArray[Any]]:
    """Return the arrays that the page looks up by token, and the scale of each unit.

    Values are stored unit by unit, as shares of the scale of the unit: 1 for bounded values.
    """
    reading = examination.reading
    width = sum(values.shape[1] for layer in reading.layers.values() for values in layer.values())
    shown = max(1, min(len(reading.tokens), _VALUES // width))
    arrays: dict[str, NDArray[Any]] = {
        "tokens": reading.tokens[:shown].astype(np.int32),
        "surprise": reading.surprise[:shown].astype(np.float32),
        "expected": reading.expected[:shown].astype(np.int32),
        "probabilities": reading.probabilities[:shown].astype(np.float32),
    }
    for name, layer in reading.layers.items():
        for letter, values in layer.items():
            part = values[:shown]
            largest = np.abs(part).max(0, initial=0)
            unbounded = letter == "c" or largest.max(initial=0) > 1
            scale = np.where(largest > 0, largest, 1) if unbounded else np.ones_like(largest)
            arrays[f"{name}/{letter}"] = np.rint(part / scale * _STEPS).astype(np.int8).T
            arrays[f"{name}/{letter}/scale"] = scale.astype(np.float32)
    return arrays


def _names(vocabulary: Vocabulary, arrays: Mapping[str, NDArray[Any]]) -> dict[int, str]:
    """Return the text of each token that was expected, or came, in a table."""
    tokens = np.union1d(arrays["tokens"], arrays["expected"])
    return {token: vocabulary.token_text(token) for token in tokens.tolist() if token >= 0}


def _facts(examination: Examination, shown: int) -> list[tuple[str, str]]:
    """Return the head of the report: labels and facts."""
    reading, model = examination.reading, examination.model
    layers = reading.layers.items()
    read = len(reading.text)
    facts = [
        ("layers", ", ".join(f"{name} ({values['h'].shape[1]} units)" for name, values in layers)),
        ("parameters", f"{model.model.count_params():,}"),
        ("tokens", f"{len(reading.tokens):,}, of {len(model.vocabulary):,} kinds"),
        ("loss", f"{examination.nats:.3f} nats, {examination.bits:.3f} bits a token"),
    ]
    if reading.sampled:
        facts.append(("read", f"the first {read:,} of {reading.characters:,} characters"))
    else:
        facts.append(("read", f"all {read:,} characters"))
    if model.vocabulary.unknown is not None:
        facts.append(("unknown", f"{100 * examination.unknown_share:.1f} % of the tokens"))
    characters = len("".join(reading.pieces[:shown]))
    if shown < len(reading.tokens):
        facts.append(("shown", f"the first {characters:,} of these"))
    return facts


# ---- charts


def _charts(examination: Examination) -> Iterator[Chart]:
    """Yield the charts of the page, each with title, axes and series."""
    yield from _loss_charts(examination)
    if examination.gradient is not None:
        flow = examination.gradient
        yield _chart(
            "Gradient",
            "Length of the gradient of the loss of one token, this many tokens back.",
            ("tokens back", False),
            ("length", True),
            {
                f"{layer} {letter}": (flow.lags, values)
                for layer, states in flow.norms.items()
                for letter, values in states.items()
            },
        )
    for layer, gates in examination.saturation.items():
        open_gates = {letter: gate for letter, gate in gates.items() if letter in GATES}
        if not open_gates:
            continue
        yield _chart(
            f"Gates of {layer}",
            "How far the gates of all units are open, from 0, shut, to 1, open.",
            ("value of the gate", False),
            ("share", False),
            {
                letter: (
                    (gate.edges[1:] + gate.edges[:-1]) / 2,
                    gate.histogram.sum(0) / gate.histogram.sum(),
                )
                for letter, gate in open_gates.items()
            },
        )
        yield _chart(
            f"Saturation of {layer}",
            "Each point is a gate of one unit: how often it is shut, and how often it is open.",
            ("share of tokens below 0.1", False),
            ("share above 0.9", False),
            {letter: (gate.low, gate.high) for letter, gate in open_gates.items()},
            points=True,
        )


def _loss_charts(examination: Examination) -> Iterator[Chart]:
    yield _chart(
        "Loss along the text",
        "The mean surprise of the tokens, part by part.",
        ("token", False),
        ("nats a token", False),
        {"": (examination.position.starts, examination.position.nats)},
    )
    if examination.context is not None:
        context = examination.context.smoothed()
        yield _chart(
            "What a context is worth",
            "The loss of a token, by the number of tokens read before it.",
            ("tokens of context", True),
            ("nats a token", False),
            {"": (context.lengths, context.nats)},
        )
    # A value that never changes cannot be drawn on a logarithmic axis.
    if examination.memory is not None and examination.memory.change.any():
        length = examination.memory.length
        yield _chart(
            "Memory",
            "Change of the loss if a token this far back is replaced: 0.01 nats or more "
            f"up to {length} tokens back.",
            ("tokens back", True),
            ("change (nats)", True),
            {"": (examination.memory.lags, examination.memory.change)},
        )


def _chart(
    title: str,
    note: str,
    x: tuple[str, bool],
    y: tuple[str, bool],
    series: Mapping[str, tuple[Sequence[Any] | NDArray[Any], Sequence[Any] | NDArray[Any]]],
    points: bool = False,
) -> Chart:
    """Return a chart for JSON: for each axis the label, and whether it is logarithmic."""
    return {
        "title": title,
        "note": note,
        "x": {"label": x[0], "log": x[1]},
        "y": {"label": y[0], "log": y[1]},
        "points": points,
        "series": [
            {"name": name, "x": _numbers(xs), "y": _numbers(ys)}
            for name, (xs, ys) in series.items()
        ],
    }


def _numbers(values: Sequence[Any] | NDArray[Any]) -> list[float | None]:
    """Return four digits of each number; None for numbers that JSON lacks."""
    return [float(f"{v:.4g}") if math.isfinite(v) else None for v in values]


def _in_script(values: Any) -> str:
    r"""Return JSON for use in a <script>: only ASCII, and nothing in it can end the element."""
    return json.dumps(values, allow_nan=False).replace("<", "\\u003c")
