"""`lstm generate`: lets a model write."""

import math
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from lstm import checks
from lstm.cli.groups import grouped, option
from lstm.cli.interactive import interact
from lstm.cli.running import Int8, Json, Seed, called, given, print_json, warn, write
from lstm.errors import InvalidValueError, ModelFileError
from lstm.screen import Screen
from lstm.storage import check_writable
from lstm.text import Continuation, LanguageModel, Writer
from lstm.text.corpus.sources import standard_input
from lstm.text.normalization import normalized
from lstm.text.writing.beam import checked_width
from lstm.text.writing.stopping import checked_stops, until_stop


@dataclass(frozen=True)
class Sampling:
    """Options for how tokens are drawn."""

    temperature: Annotated[
        float,
        option("Below 1 cautious, above 1 daring, 0 the most probable token.", panel="Sampling"),
    ] = 0.8
    top_k: Annotated[
        int, option("Choose among this many most probable tokens; 0 for all.", panel="Sampling")
    ] = 0
    top_p: Annotated[
        float,
        option("Choose among the most probable tokens that together reach this.", panel="Sampling"),
    ] = 1.0
    min_p: Annotated[
        float,
        option(
            "Drop tokens less probable than this times the most probable one.", panel="Sampling"
        ),
    ] = 0.0
    repetition_penalty: Annotated[
        float, option("Above 1: repeat recent tokens less often.", panel="Sampling")
    ] = 1.0


_SAMPLING = {field.name for field in fields(Sampling)}

# Options that make no sense together with the one named first.
_APART = {
    "prompt_file": {"prompt"},
    "beam": {*_SAMPLING, "seed", "samples", "state", "save_state"},
    "state": {*_SAMPLING, "seed", "samples", "prompt", "prompt_file", "log_probs"},
    "save_state": {"stop"},
    "interactive": {"length", "stop", "samples", "beam", "log_probs", "json_output"},
}


@grouped()
def generate(
    context: typer.Context,
    model: Annotated[Path, typer.Argument(help="A file that lstm train wrote, or its folder.")],
    *,
    prompt: Annotated[
        str, typer.Option(help="The beginning of the text.", show_default="the start of a line")
    ] = "",
    prompt_file: Annotated[
        str | None,
        typer.Option(help="A file with the beginning of the text; - for standard input."),
    ] = None,
    length: Annotated[int, typer.Option(help="Number of tokens to write.")] = 500,
    sampling: Sampling,
    stop: Annotated[
        list[str] | None, typer.Option(help="End before this text; may be given several times.")
    ] = None,
    samples: Annotated[int, typer.Option(help="Number of texts to write.")] = 1,
    seed: Seed = None,
    beam: Annotated[
        int | None,
        typer.Option(help="Beam search for the most probable text, with this width."),
    ] = None,
    log_probs: Annotated[
        bool, typer.Option("--log-probs", help="Show how probable the model finds each token.")
    ] = False,
    save_state: Annotated[
        Path | None, typer.Option(help="Write a file from which --state continues later.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(help="Continue from this file, with its options.")
    ] = None,
    interactive: Annotated[
        bool, typer.Option("--interactive", help="Choose the continuation, word by word.")
    ] = False,
    int8: Int8 = False,
    json_output: Json = False,
) -> None:
    """Write a text, and show it as it grows."""
    _check_apart(context)
    if prompt_file is not None:
        prompt = _read_prompt(prompt_file, interactive)
    elif os.path.isfile(prompt):
        warn(f"--prompt takes {prompt!r} as the text; --prompt-file reads the file of that name")
    prompt = normalized(prompt)
    checks.int_at_least("length", length, 0)
    if beam is not None:
        checked_width("beam", beam)
    stops = checked_stops(stop)
    if save_state is not None:
        check_writable("save_state", save_state)
    language_model = LanguageModel.load(model)
    if int8:
        language_model.quantize()
    output = _Output(language_model, prompt, log_probs, json_output)
    with called("prompt" if prompt_file is None else "prompt_file", "prompt"):
        if beam is not None:
            output.show_found(language_model.beam(prompt, length, beam, stops))
            return
        if state is not None:
            writer = _resumed(state, language_model)
        else:
            writer = language_model.writer(prompt, seed=seed, samples=samples, **asdict(sampling))
    if interactive:
        writer, text = interact(writer, prompt)
        write(f"\n{text}\n")
    else:
        pieces = until_stop(writer.pieces(length), writer.samples, stops)
        output.show_written(pieces, writer.samples, seed)
    if save_state is not None:
        writer.save(save_state)


class _Output:
    """The output of the command.

    Args:
        language_model: the model that writes the texts.
        prompt: the beginning of all texts.
        log_probs: show how probable the model finds each token.
        as_json: show everything in one object, at the end.
    """

    def __init__(
        self, language_model: LanguageModel, prompt: str, log_probs: bool, as_json: bool
    ) -> None:
        self._language_model = language_model
        self._prompt = prompt
        self._log_probs = log_probs
        self._as_json = as_json

    def show_found(self, found: Continuation) -> None:
        """Show the result of a beam search."""
        text = found.text[len(self._prompt) :]
        if self._as_json:
            self._show_json("text", text, log_probability=found.log_probability)
        else:
            write(f"{found.text}\n")
            self._show_log_probabilities(text)

    def show_written(self, pieces: Iterator[list[str]], samples: int, seed: int | None) -> None:
        """Show texts: a single one while it grows, several one below the other."""
        if samples == 1 and not self._as_json:
            text = self._streamed(text for (text,) in pieces)
            self._show_log_probabilities(text)
            return
        texts = ["".join(column) for column in zip(*pieces, strict=True)]
        if self._as_json:
            name, value = ("text", texts[0]) if samples == 1 else ("texts", texts)
            self._show_json(name, value, seed=seed)
            return
        for k, text in enumerate(texts):
            heading = f"{k + 1}.{'' if seed is None else f' (seed {seed + k})'}"
            write(f"{heading}\n{self._prompt}{text}\n\n")
            self._show_log_probabilities(text)

    def _streamed(self, pieces: Iterator[str]) -> str:
        write(self._prompt)
        parts = []
        for piece in pieces:
            write(piece)
            parts.append(piece)
        write("\n")
        return "".join(parts)

    def _show_log_probabilities(self, text: str) -> None:
        if not self._log_probs:
            return
        table = Table(box=None, pad_edge=False)
        table.add_column("token")
        table.add_column("log p", justify="right")
        table.add_column("p", justify="right")
        vocabulary = self._language_model.vocabulary
        found = self._language_model.log_probabilities(text, self._prompt)
        tokens = self._language_model.encoded_after(self._prompt, text)
        for token, (_, log_p) in zip(tokens, found, strict=True):
            shown = vocabulary.token_text(int(token))
            table.add_row(Text(shown), f"{log_p:.4f}", f"{math.exp(log_p):.4f}")
        Screen().print(table)

    def _show_json(self, name: str, value: str | list[str], **facts: float | None) -> None:
        result: dict[str, Any] = {"prompt": self._prompt, name: value, **facts}
        if self._log_probs:
            lists = [self._listed(text) for text in ([value] if isinstance(value, str) else value)]
            result["log_probabilities"] = lists[0] if isinstance(value, str) else lists
        print_json(result)

    def _listed(self, text: str) -> list[dict[str, Any]]:
        found = self._language_model.log_probabilities(text, self._prompt)
        return [entry._asdict() for entry in found]


def _check_apart(context: typer.Context) -> None:
    """Check that all options given make sense together."""
    names = given(context)
    for first, apart in _APART.items():
        for other in sorted(apart & names if first in names else ()):
            flag = "--" + other.removesuffix("_output").replace("_", "-")
            raise InvalidValueError(first, f"no {flag} together with it", "both")


def _read_prompt(name: str, interactive: bool) -> str:
    """Return the text of a file, or of standard input.

    Raises:
        InvalidValueError: the file cannot be read, or is not UTF-8.
    """
    if name == "-" and interactive:
        raise InvalidValueError("prompt_file", "a file, with --interactive", "standard input")
    try:
        content = standard_input("prompt_file").read() if name == "-" else Path(name).read_bytes()
        return content.decode()
    except OSError as error:
        got = f"{name} ({checks.reason(error)})"
        raise InvalidValueError("prompt_file", "a file that can be read", got) from None
    except UnicodeDecodeError as error:
        bad = f"byte 0x{error.object[error.start]:02x} at offset {error.start} of {name}"
        raise InvalidValueError("prompt_file", "UTF-8 text", bad) from None


def _resumed(path: Path, language_model: LanguageModel) -> Writer:
    """Return the writer in a file that --save-state wrote.

    Raises:
        InvalidValueError: it is not such a file, or belongs to another model.
    """
    try:
        return Writer.load(path, language_model)
    except ModelFileError as error:
        expected = "a file that --save-state wrote with this model"
        raise InvalidValueError("state", expected, error) from None
