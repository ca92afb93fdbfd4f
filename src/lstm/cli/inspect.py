"""`lstm inspect`: shows what a model does while it reads a text, or where a forecast came from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.text import Text

from lstm import checks, storage
from lstm.cli.examination import as_json, show
from lstm.cli.explanation import explain
from lstm.cli.running import Json, called, given, print_json, tell, warn
from lstm.cli.surprises import surprise_row
from lstm.errors import InvalidValueError
from lstm.inspection import (
    PROPERTIES,
    Reading,
    colored_text,
    examine,
    read,
    readings,
    record,
    write_report,
    write_table,
)
from lstm.inspection.examination import CHARACTERS
from lstm.inspection.reading import checked_unit
from lstm.screen import Screen
from lstm.storage import check_writable
from lstm.terminal import visible_name
from lstm.text import Corpus, LanguageModel
from lstm.text.corpus.sources import TextSource, named
from lstm.text.corpus.unknown_tokens import unknown_share, warning_of_evaluation
from lstm.text.evaluation import Surprise
from lstm.text.token_model import MODEL
from lstm.text.training.run_files import held_out
from lstm.text.vocabularies import ByteVocabulary, CharVocabulary, Vocabulary
from lstm.text.vocabularies.chunks import split

_SURPRISES = 5
"""Number of surprising places to show."""

_OF_FORECASTS = {"new", "id", "future_file"}
_OF_BOTH = {"model", "report", "json_output"}


def inspect(
    context: typer.Context,
    model: Annotated[
        Path,
        typer.Argument(help="A file that lstm train or lstm forecast wrote, or its folder."),
    ],
    new: Annotated[
        Path | None,
        typer.Argument(help="With a forecaster: a file with the rows to go on from."),
    ] = None,
    *,
    text: Annotated[
        list[str] | None,
        typer.Option(
            help="A text file, a folder or a pattern, - for standard input, or shakespeare; can be "
            "given several times. By default, the test or validation part of the training text.",
            show_default=False,
        ),
    ] = None,
    characters: Annotated[
        int,
        typer.Option(
            help="Read at most this many characters, from the start; a layer of 256 units "
            "needs 6 kB of memory for each."
        ),
    ] = CHARACTERS,
    unit: Annotated[
        str | None,
        typer.Option(
            help="Show the text coloured by this unit instead, such as lstm/12 or lstm/12/h.",
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
        Path | None, typer.Option(help="Write a page to explore everything: one HTML file.")
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(help="Write states and gates as a table with a row for each token and unit."),
    ] = None,
    id: Annotated[
        str | None,
        typer.Option(
            help="With a forecaster: the series whose forecast to explain.", show_default=False
        ),
    ] = None,
    future_file: Annotated[
        Path | None,
        typer.Option(
            help="With a forecaster: a file with the columns that are known for the horizon.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed for the places in the text to test.")] = 0,
    encoding: Annotated[str, typer.Option(help="Encoding of the text.")] = "utf-8",
    errors: Annotated[
        str, typer.Option(help="How to handle invalid bytes: strict, replace or ignore.")
    ] = "strict",
    json_output: Json = False,
) -> None:
    """Show what a model does while it reads a text: its surprise, its units, its memory.

    Of a forecaster, show where the forecast of a series came from: lags, columns, gates.
    """
    forecasts = storage.kind_of(model / MODEL if model.is_dir() else model) == "forecaster"
    others = given(context) - _OF_BOTH - (_OF_FORECASTS if forecasts else set())
    for option in sorted(others & _OF_FORECASTS) if not forecasts else sorted(others):
        expected = "none with a forecaster" if forecasts else "none, which is for forecasters"
        raise InvalidValueError(option, expected, context.params[option])
    if forecasts:
        _check_target("report", report, (".html", ".htm"), [str(new)] if new else [])
        explain(model, new, id, future_file, report, json_output)
        return
    checks.positive_int("characters", characters)
    checks.int_at_least("seed", seed, 0)
    wanted = {checks.one_of("property", name, tuple(PROPERTIES)) for name in property or ()}
    if unit is not None and json_output:
        raise InvalidValueError("unit", "no --json together with it", "both")
    _check_target("report", report, (".html", ".htm"), text or [])
    _check_target("csv", csv, (".csv",), text or [])
    language_model = LanguageModel.load(model)
    screen, aside = Screen(), Screen(stderr=True, ignore_errors=True)
    with called("text", "corpus"):
        if text:
            source = named(text, encoding=encoding, errors=errors)
            tokens, what = _start(source, characters, language_model.vocabulary)
        else:
            tokens, what = _held_out(model, language_model)
        place = None if unit is None else _place(unit, language_model)
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
        surprises = [
            surprise_row(language_model.vocabulary, tokens, one) for one in _surprises(sample)
        ]
        if csv is not None:
            with aside.status(Text(visible_name(f"writing {csv} ..."))):
                parts = readings(language_model, tokens.part(0, len(sample.tokens)), top=1)
                layer, number = (None, None) if place is None else place[:2]
                write_table(csv, parts, layer=layer, unit=number)
    if message := warning_of_evaluation(unknown_share(language_model.vocabulary, sample.tokens)):
        warn(message)
    if report is not None:
        write_report(report, found, title=f"{model} reads {what}")
    if place is not None:
        layer, number, quantity = place
        _show_unit(screen, sample, sample.layers[layer][quantity][:, number])
    elif json_output:
        print_json({"corpus": what} | as_json(found, surprises))
    else:
        show(screen, what, found, surprises)
    if not json_output:
        for path in (path for path in (report, csv) if path is not None):
            screen.print(f"Saved {path}.")


def _start(source: TextSource, characters: int, vocabulary: Vocabulary) -> tuple[Corpus, str]:
    """Return the tokens of the first characters of a text, and its name; read no more of it."""
    text = ""
    for chunk in source:
        text += chunk
        if len(text) > characters:
            break
    cut, what = text[:characters], str(source)
    if len(text) > characters:
        what = f"the first {characters:,} characters of {source}"
        if not isinstance(vocabulary, CharVocabulary | ByteVocabulary):
            # A part of a word would be another token.
            cut = "".join(split(cut)[:-1]) or cut
    return Corpus.encode(TextSource.of(cut), vocabulary), what


def _held_out(model: Path, language_model: LanguageModel) -> tuple[Corpus, str]:
    """Return the tokens of the text that the model did not learn from, and its name."""
    if not model.is_dir():
        raise InvalidValueError("text", "a text, because the model is not a folder", "none")
    tokens, part = held_out(model, language_model)
    return tokens, f"the {part} part"


def _check_target(
    option: str, path: Path | None, endings: tuple[str, ...], text: Sequence[str]
) -> None:
    """Check that a file can be written, and that it overwrites nothing of the user's.

    Raises:
        InvalidValueError: the file cannot be written, its name has another ending, or it is the
            text.
    """
    if path is None:
        return
    if path.suffix.lower() not in endings:
        raise InvalidValueError(option, f"a file that ends in {' or '.join(endings)}", path)
    check_writable(option, path)
    if any(path.exists() and Path(name).exists() and path.samefile(name) for name in text):
        raise InvalidValueError(option, "a file other than the text", path)


def _place(unit: str, model: LanguageModel) -> tuple[str, int, str]:
    """Return the layer, number and quantity that the user wrote as lstm/12 or lstm/12/h.

    Raises:
        InvalidValueError: there is no such unit.
    """
    # The reading of a single token shows which layers there are, and what they hold.
    first = record(model.model, np.zeros((1, 1), np.int64)).layers
    name, _, quantity = unit.rpartition("/")
    if quantity.isascii() and quantity.isdigit():
        name, quantity = unit, ""
    layer, _, number = name.rpartition("/")
    if layer not in first or not (number.isascii() and number.isdigit()):
        example = f"LAYER/NUMBER, such as {next(iter(first))}/0, of {', '.join(first)}"
        raise InvalidValueError("unit", example, unit)
    checked_unit(first, layer, int(number))
    quantity = quantity or ("c" if "c" in first[layer] else "h")
    if quantity not in first[layer]:
        raise InvalidValueError("unit", f"one of {', '.join(first[layer])} of {layer}", quantity)
    return layer, int(number), quantity


def _show_unit(screen: Screen, sample: Reading, values: NDArray[Any]) -> None:
    """Show the text coloured by a unit; without colours, each token with its number."""
    if screen.color_system is not None:
        screen.print(colored_text(sample.pieces, values))
        return
    for piece, value in zip(sample.pieces, values.tolist(), strict=True):
        tell(f"{piece!r}\t{value:.4f}")


def _surprises(sample: Reading) -> list[Surprise]:
    """Return the places that the model expected the least."""
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
