"""`lstm inspect`: what a model does while it reads a text."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from lstm import checks
from lstm.cli.running import Json, Screen, print_json
from lstm.cli.surprises import surprise_row, surprise_table
from lstm.errors import InvalidValueError
from lstm.inspection import (
    PROPERTIES,
    Examination,
    Reading,
    colored_text,
    examine,
    read,
    readings,
    write_report,
    write_table,
)
from lstm.inspection.examination import CHARACTERS
from lstm.inspection.reading import checked_unit
from lstm.inspection.saturation import GATES
from lstm.inspection.units import FEWEST, UnitScore
from lstm.text import Corpus, LanguageModel
from lstm.text.console import reading as reading_bar
from lstm.text.evaluation import Surprise
from lstm.text.run_files import held_out
from lstm.text.sources import source

_SURPRISES, _LINE, _SAMPLES = 5, 150, 3
"""Surprising places; tokens of a coloured line, and for how many units there is one."""


def inspect(
    model: Annotated[Path, typer.Argument(help="A file that lstm train wrote, or its folder.")],
    *,
    text: Annotated[
        list[str] | None,
        typer.Option(
            help="A text file, a folder or a pattern, - for standard input, or shakespeare; may be "
            "given several times. Without it, what the training kept to test or to validate on.",
            show_default=False,
        ),
    ] = None,
    characters: Annotated[
        int, typer.Option(help="Read so many characters at most, from the beginning.")
    ] = CHARACTERS,
    unit: Annotated[
        str | None,
        typer.Option(
            help="Show the text on the colours of this unit instead, such as lstm/12 or lstm/12/h.",
            metavar="LAYER/NUMBER",
        ),
    ] = None,
    property: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Look for units of this property only: {', '.join(PROPERTIES)}; may be given "
            "several times.",
            show_default=False,
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write a page to explore it all in: one HTML file.")
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(help="Write states and gates as a table, a row for each token and unit."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the places in the text that are tried.")] = 0,
    encoding: Annotated[str, typer.Option(help="Encoding of the text.")] = "utf-8",
    errors: Annotated[
        str, typer.Option(help="What becomes of bad bytes: strict, replace or ignore.")
    ] = "strict",
    json_output: Json = False,
) -> None:
    """Show what a model does while it reads a text: its surprise, its units, its memory."""
    checks.positive_int("characters", characters)
    checks.int_at_least("seed", seed, 0)
    wanted = {checks.one_of("property", name, tuple(PROPERTIES)) for name in property or ()}
    if unit is not None and json_output:
        raise InvalidValueError("unit", "no --json beside it", "both")
    for option, path in (("report", report), ("csv", csv)):
        if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise InvalidValueError(option, "a file in a folder that exists", path)
    language_model = LanguageModel.load(model)
    screen, aside = Screen(), Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="lstm-") as folder, _naming_the_text():
        tokens, what = _tokens(model, language_model, text, encoding, errors, Path(folder), aside)
        with aside.status("reading the text ...") as status:
            if unit is None or report is not None:
                found = examine(
                    language_model,
                    tokens,
                    characters=characters,
                    properties={k: p for k, p in PROPERTIES.items() if not wanted or k in wanted},
                    seed=seed,
                    progress=lambda doing: status.update(f"{doing} ..."),
                )
                sample = found.reading
            else:
                sample = read(language_model, tokens, characters=characters, top=1)
        place = None if unit is None else _place(unit, sample)
        surprises = [
            surprise_row(language_model.vocabulary, tokens, one) for one in _surprises(sample)
        ]
        if csv is not None:
            with aside.status(f"writing {csv} ..."):
                parts = readings(language_model, tokens.part(0, len(sample.tokens)), top=1)
                layer, number = (None, None) if place is None else place[:2]
                write_table(csv, parts, layer=layer, unit=number)
        del tokens  # A file that is mapped cannot be removed everywhere.
    if report is not None:
        write_report(report, found, title=f"{model} reads {what}")
    if place is not None:
        layer, number, quantity = place
        screen.print(colored_text(sample.pieces, sample.layers[layer][quantity][:, number]))
    elif json_output:
        print_json({"corpus": what} | _as_json(found, surprises))
    else:
        _show(screen, what, found, surprises)
    if not json_output:
        for path in (path for path in (report, csv) if path is not None):
            screen.print(f"Saved {path}.")


def _tokens(
    model: Path,
    language_model: LanguageModel,
    text: Sequence[str] | None,
    encoding: str,
    errors: str,
    folder: Path,
    console: Console,
) -> tuple[Corpus, str]:
    """The tokens of the text, in a file, and what the text is called."""
    if text:
        named = source(list(text), encoding=encoding, errors=errors)
        with reading_bar(console, named, "encoding the text") as progress:
            path = folder / "tokens.bin"
            return Corpus.write(path, named, language_model.vocabulary, progress), str(named)
    if not model.is_dir():
        raise InvalidValueError("text", "a text, where the model is not a folder", "none")
    tokens, part = held_out(model, len(language_model.vocabulary))
    return tokens, f"the {part} part"


def _place(unit: str, sample: Reading) -> tuple[str, int, str]:
    """The layer, number and quantity that a user wrote as lstm/12 or lstm/12/h.

    Raises:
        InvalidValueError: there is no such unit.
    """
    name, _, quantity = unit.rpartition("/")
    if quantity.isascii() and quantity.isdigit():
        name, quantity = unit, ""
    layer, _, number = name.rpartition("/")
    if layer not in sample.layers or not (number.isascii() and number.isdigit()):
        first = next(iter(sample.layers))
        known = ", ".join(sample.layers)
        raise InvalidValueError("unit", f"LAYER/NUMBER, such as {first}/0, of {known}", unit)
    checked_unit(sample, layer, int(number))
    states = sample.layers[layer]
    quantity = quantity or ("c" if "c" in states else "h")
    if quantity not in states:
        raise InvalidValueError("unit", f"one of {', '.join(states)} of {layer}", quantity)
    return layer, int(number), quantity


@contextmanager
def _naming_the_text() -> Iterator[None]:
    """Let errors about the text name the option that it came from."""
    try:
        yield
    except InvalidValueError as error:
        argument = "text" if error.argument == "corpus" else error.argument
        raise type(error)(argument, error.expected, error.got) from None


def _surprises(sample: Reading) -> list[Surprise]:
    """The places that were expected the least."""
    nats = np.nan_to_num(sample.surprise, nan=-1.0)
    return [
        Surprise(
            float(nats[t]),
            int(t),
            int(sample.tokens[t]),
            int(sample.expected[t, 0]),
            float(sample.probabilities[t, 0]),
        )
        for t in np.argsort(-nats, kind="stable")[:_SURPRISES]
        if nats[t] >= 0
    ]


def _show(screen: Screen, what: str, found: Examination, surprises: list[dict[str, Any]]) -> None:
    """The summary for a reader."""
    sample = found.reading
    read = f"{len(sample.text):,} characters"
    if sample.sampled:
        read = f"the first {len(sample.text):,} of {sample.characters:,} characters"
    screen.print(f"{what}: {read}, {len(sample.tokens):,} tokens")
    screen.print(f"{found.nats:.4f} nats, {found.bits:.4f} bits a token")
    if surprises:
        screen.print("\nMost surprising")
        screen.print(surprise_table(surprises))
    if found.units:
        screen.print("\nUnits that follow a property of the text")
        screen.print(_unit_table(found.units))
        if screen.color_system is not None:
            for score in found.units[:_SAMPLES]:
                values = sample.layers[score.layer][score.quantity][:, score.unit]
                screen.print(f"\n{score.property}: {_name(score)}", style="dim")
                screen.print(colored_text(sample.pieces[:_LINE], values[:_LINE]))
    elif len(sample.tokens) < FEWEST:
        screen.print(f"\nToo short a text to look for units: fewer than {FEWEST} tokens")
    gates = _gate_table(found)
    if gates.row_count:  # A SimpleRNN has none.
        screen.print("\nGates, over all units and tokens")
        screen.print(gates)
    if found.memory is not None:
        screen.print(
            "\nMemory: a token changes the loss by 0.01 nats or more up to "
            f"{found.memory.length} tokens later"
        )
    if found.context is not None:
        context = found.context.smoothed()
        shown = dict.fromkeys((0, len(context.nats) // 2, len(context.nats) - 1))
        costs = (f"{context.nats[k]:.2f} nats after {context.lengths[k]}" for k in shown)
        screen.print(f"Context: {', '.join(costs)} tokens")


def _name(score: UnitScore) -> str:
    return f"{score.layer}/{score.unit}/{score.quantity}"


def _unit_table(scores: Sequence[UnitScore]) -> Table:
    table = Table("property", "unit", "correlation", "by chance", "deviations above", box=None)
    for score in scores:
        table.add_row(
            score.property,
            _name(score),
            f"{score.score:.2f}",
            f"{score.control:.2f} ± {score.deviation:.3f}",
            f"{score.sigmas:.0f}",
        )
    return table


def _gate_table(found: Examination) -> Table:
    table = Table("layer", "gate", "shut (below 0.1)", "open (above 0.9)", box=None)
    for layer, gates in found.saturation.items():
        for letter, gate in gates.items():
            if letter in GATES:
                shares = (f"{100 * part.mean():.0f} %" for part in (gate.low, gate.high))
                table.add_row(layer, f"{letter} ({GATES[letter]})", *shares)
    return table


def _as_json(found: Examination, surprises: list[dict[str, Any]]) -> dict[str, Any]:
    """The summary for a program."""
    sample, memory, context, flow = found.reading, found.memory, found.context, found.gradient
    return {
        "characters": sample.characters,
        "characters_read": len(sample.text),
        "sampled": sample.sampled,
        "tokens_read": len(sample.tokens),
        "nats": found.nats if len(sample.tokens) > 1 else None,
        "bits": found.bits if len(sample.tokens) > 1 else None,
        "surprises": surprises,
        "units": [asdict(score) | {"sigmas": score.sigmas} for score in found.units],
        "gates": {
            layer: {
                letter: {"low": float(gate.low.mean()), "high": float(gate.high.mean())}
                for letter, gate in gates.items()
            }
            for layer, gates in found.saturation.items()
        },
        "memory": None
        if memory is None
        else {
            "lags": memory.lags.tolist(),
            "change": memory.change.tolist(),
            "length": memory.length,
        },
        "context": None
        if context is None
        else {"lengths": context.lengths.tolist(), "nats": context.nats.tolist()},
        "gradient": None
        if flow is None
        else {
            "lags": flow.lags.tolist(),
            "norms": {
                layer: {letter: norms.tolist() for letter, norms in states.items()}
                for layer, states in flow.norms.items()
            },
        },
    }
