"""`lstm train`: from a text to a model that writes like it."""

import json
import math
import shlex
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from lstm import checks
from lstm.backends import BACKENDS
from lstm.callbacks import Callback, LambdaCallback, Logs
from lstm.cli.report import Report, show_sample
from lstm.cli.running import INTERRUPTED, Json, Screen, Seed, fail, print_json
from lstm.errors import InvalidValueError
from lstm.text import CharVocabulary, LanguageModel
from lstm.text.language_model import nonempty
from lstm.text.sources import source

MODEL, HISTORY = "model.safetensors", "history.jsonl"


def train(
    corpus: Annotated[
        str | None,
        typer.Argument(
            help="A text file, a folder or a pattern of text files, - for standard input, or "
            "shakespeare. Without it, the texts that Python's own help carries.",
            show_default=False,
        ),
    ] = None,
    *,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the model, which must not exist.", show_default="NAME-model"),
    ] = None,
    hidden: Annotated[int, typer.Option(help="Units of each LSTM.")] = 128,
    layers: Annotated[int, typer.Option(help="Number of LSTMs.")] = 1,
    embedding: Annotated[
        int | None,
        typer.Option(help="Size of a character's vector.", show_default="half of hidden"),
    ] = None,
    seq_len: Annotated[int, typer.Option(help="Characters that gradients go back over.")] = 64,
    batch_size: Annotated[int, typer.Option(help="Streams read side by side.")] = 32,
    epochs: Annotated[
        int | None,
        typer.Option(help="Passes over the text.", show_default="10, or as --minutes allows"),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Time after which to stop.", show_default="no limit")
    ] = None,
    lr: Annotated[float, typer.Option(help="Peak of the learning rate.")] = 5e-3,
    dropout: Annotated[float, typer.Option(help="Share of outputs dropped in training.")] = 0.0,
    val_fraction: Annotated[
        float, typer.Option(help="Share of the text, at its end, to validate on.")
    ] = 0.1,
    seed: Seed = None,
    backend: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(BACKENDS)}.", show_default=False)
    ] = None,
    json_output: Json = False,
) -> None:
    """Train a model on a text."""
    folder = out or Path(f"{_stem(corpus)}-model")
    if folder.exists():
        raise InvalidValueError("out", "a folder that does not exist yet", f"{folder}")
    if not folder.parent.is_dir():
        raise InvalidValueError("out", "a folder within one that exists", f"{folder}")
    console = Screen(quiet=json_output)
    if backend is not None:
        checks.one_of("backend", backend, BACKENDS)
    text = source(corpus).text()
    model = LanguageModel.create(
        CharVocabulary.from_text(nonempty("corpus", text)),
        hidden=hidden,
        layers=layers,
        embedding=embedding,
        dropout=dropout,
        seed=seed,
        backend=backend,
    )
    headline = (
        f"{len(text):,} characters, {len(model.vocabulary)} distinct; "
        f"{model.model.count_params():,} parameters; backend {model.model.backend.name}"
    )
    command = f"lstm generate {shlex.quote(str(folder / MODEL))}"
    saver = _Saver(model, folder)
    try:
        model.fit(
            text,
            seq_len=seq_len,
            batch_size=batch_size,
            epochs=epochs,
            minutes=minutes,
            lr=lr,
            val_fraction=val_fraction,
            callbacks=[
                saver,
                LambdaCallback(on_train_begin=lambda logs: console.print(headline)),
                Report(model, console, int(len(text) * (1 - val_fraction)), epochs),
            ],
        )
    except KeyboardInterrupt:
        if not folder.exists():
            raise
        # After `fit` the weights are the best so far, or the last if there was no validation yet.
        model.save(folder / MODEL)
        raise fail(f"stopped; the model so far is saved. Next: {command}", INTERRUPTED) from None
    except Exception:
        with suppress(OSError):  # It goes only if nothing was saved in it.
            folder.rmdir()
        raise
    model.save(folder / MODEL)
    show_sample(console, model)
    console.print(f"Saved {folder / MODEL}. Next: {command}")
    if json_output:
        history = model.history.history if model.history is not None else {}
        print_json(
            {
                "model": str(folder / MODEL),
                "epochs": len(history["loss"]),
                "loss": history["loss"][-1],
                "val_loss": min(history["val_loss"]) if "val_loss" in history else None,
                "parameters": model.model.count_params(),
            }
        )


def _stem(corpus: str | None) -> str:
    if corpus is None:
        return "offline"
    return "stdin" if corpus == "-" else Path(corpus).stem


class _Saver(Callback):
    """Makes the folder when training begins, and saves the model whenever it is the best so far."""

    def __init__(self, language_model: LanguageModel, folder: Path) -> None:
        self._language_model = language_model
        self._folder = folder
        self._lowest = math.inf

    def on_train_begin(self, logs: Logs) -> None:
        try:
            self._folder.mkdir()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InvalidValueError(
                "out", "a folder that can be made", f"{self._folder} ({reason})"
            ) from None

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        with (self._folder / HISTORY).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"epoch": epoch + 1, **logs}) + "\n")
        value = logs.get("val_loss", logs["loss"])
        if value < self._lowest:
            self._lowest = value
            self._language_model.save(self._folder / MODEL)
