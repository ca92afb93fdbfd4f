"""`lstm train`: from a text to a model that writes like it."""

import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from lstm import checks
from lstm.backends import BACKENDS
from lstm.callbacks import Callback, LambdaCallback, TensorBoard
from lstm.cli.running import (
    FAILURES,
    Json,
    Seed,
    called,
    drop,
    fail,
    given,
    interrupted,
    pasted,
    print_json,
    sentence,
    tell,
)
from lstm.errors import DivergedError, InvalidValueError
from lstm.screen import Screen
from lstm.text import LanguageModel
from lstm.text.architecture import Architecture
from lstm.text.corpus.sources import named
from lstm.text.corpus.tokenization import KINDS, Tokenization
from lstm.text.token_model import MODEL
from lstm.text.training.lr_finder import LearningRates
from lstm.text.training.options import SCHEDULES, TrainingOptions
from lstm.text.training.report import show_sample
from lstm.text.training.run import CHECKPOINT_EVERY, Run
from lstm.text.training.run_files import BOARDS, can_go_on
from lstm.text.training.samples import sample

CHOSEN = "for the text and the time"
RESUME = "lstm train --resume"


def _option(help: str, default: str | None = None, panel: str = "Training") -> Any:
    shown: Any = True if default is None else default
    return typer.Option(help=help, show_default=shown, rich_help_panel=panel)


def train(
    context: typer.Context,
    corpus: Annotated[
        list[str] | None,
        typer.Argument(
            help="Text files, folders or patterns of them, - for standard input, or shakespeare. "
            "Without any, the texts that Python's own help carries.",
            show_default=False,
        ),
    ] = None,
    *,
    out: Annotated[
        Path | None,
        _option("Folder for the model, which must not exist.", "NAME-model", "Files"),
    ] = None,
    resume: Annotated[
        Path | None,
        _option("Go on with the training in this folder.", "no folder", "Files"),
    ] = None,
    checkpoint_every: Annotated[
        float,
        _option("Seconds between two saves of where it stands; 0: each step.", panel="Files"),
    ] = CHECKPOINT_EVERY,
    encoding: Annotated[str, _option("Encoding of the text.", panel="Text")] = "utf-8",
    errors: Annotated[
        str,
        _option("What becomes of bad bytes: strict, replace or ignore.", panel="Text"),
    ] = "strict",
    tokens: Annotated[
        str, _option(f"{', '.join(KINDS)}, or a tokenizer.json.", panel="Text")
    ] = "characters",
    min_count: Annotated[
        int | None,
        _option("What is rarer is unknown.", "1 for characters, 2 for words", "Text"),
    ] = None,
    vocabulary_size: Annotated[
        int | None,
        _option("Number of tokens at most.", "20,000 for words, 2,048 for bpe", "Text"),
    ] = None,
    val_fraction: Annotated[
        float, _option("Share of the text, at its end, to validate on.", panel="Text")
    ] = 0.1,
    test_fraction: Annotated[
        float, _option("Share of the text, behind that, that no training sees.", panel="Text")
    ] = 0.0,
    hidden: Annotated[int | None, _option("Units of each LSTM.", CHOSEN, "Model")] = None,
    layers: Annotated[int | None, _option("Number of LSTMs.", CHOSEN, "Model")] = None,
    embedding: Annotated[
        int | None, _option("Size of a token's vector.", "half of hidden", "Model")
    ] = None,
    dropout: Annotated[
        float | None, _option("Share of units dropped in training.", CHOSEN, "Model")
    ] = None,
    embedding_dropout: Annotated[
        float, _option("Share of tokens whose vectors are dropped.", panel="Model")
    ] = 0.0,
    recurrent_dropout: Annotated[
        float | None,
        _option("Share of units dropped on the way to the next step.", CHOSEN, "Model"),
    ] = None,
    tie_weights: Annotated[
        bool, _option("Use the vectors of the tokens for the output.", panel="Model")
    ] = False,
    epochs: Annotated[
        int | None, _option("Passes over the text.", "as many as --minutes allows")
    ] = None,
    minutes: Annotated[
        float | None, _option("Time after which to stop.", "about 2, without --epochs")
    ] = None,
    patience: Annotated[
        int | None, _option("Validations without progress after which to stop.", "no limit")
    ] = None,
    seq_len: Annotated[int, _option("Tokens that gradients go back over.")] = 64,
    batch_size: Annotated[
        int, _option("Streams read side by side.", "32, fewer of a short text")
    ] = 32,
    lr: Annotated[float | None, _option("Peak of the learning rate.", CHOSEN)] = None,
    schedule: Annotated[str, _option(f"{', '.join(SCHEDULES)}.")] = "cosine",
    warmup: Annotated[
        float | None,
        _option("Share of the training in which it rises.", "0.02, one-cycle 0.3"),
    ] = None,
    clip: Annotated[float, _option("Largest norm of the gradient; 0 for any.")] = 1.0,
    weight_decay: Annotated[float, _option("Share of the weights taken away.")] = 0.0,
    find_lr: Annotated[
        bool, _option("Show how the loss takes learning rates, and train nothing.")
    ] = False,
    seed: Seed = None,
    backend: Annotated[
        str | None,
        typer.Option(help=f"One of {', '.join(BACKENDS)}.", show_default=False),
    ] = None,
    tensorboard: Annotated[
        bool, _option("Write TensorBoard event files, too (needs tensorboardX).", panel="Files")
    ] = False,
    json_output: Json = False,
) -> None:
    """Train a model on a text.

    Ctrl-C stops, keeps everything, and shows the command that goes on.
    """
    console = Screen(quiet=json_output, goes_on=True)
    checks.number("checkpoint_every", checkpoint_every, 0)
    if resume is not None:
        _refuse_others(context, "resume", "checkpoint_every", "json_output", "tensorboard")
        boards = _boards(resume, tensorboard)
        _train(Run.resume(LanguageModel, resume), console, checkpoint_every, boards, json_output)
        return
    options = _options(context)
    if backend is not None:
        checks.one_of("backend", backend, BACKENDS)
    text = named(corpus or None, encoding=encoding, errors=errors)
    tokenization = Tokenization(tokens, min_count, vocabulary_size)
    if find_lr:
        run = Run.aside(LanguageModel, text, tokenization, options, seed, backend, console)
        _show_rates(run.find_lr(), json_output)
        return
    folder = out or Path(f"{_stem(corpus)}-model")
    if folder.exists():
        hint = f" (to go on: {RESUME} {pasted(folder)})" if can_go_on(folder) else ""
        raise InvalidValueError("out", f"a folder that does not exist yet{hint}", f"{folder}")
    if not folder.parent.is_dir():
        raise InvalidValueError("out", "a folder within one that exists", f"{folder}")
    boards = _boards(folder, tensorboard)
    with called("out", "folder"):
        run = Run.begin(LanguageModel, text, tokenization, options, folder, seed, backend, console)
    _train(run, console, checkpoint_every, boards, json_output)


def _options(context: typer.Context) -> dict[str, Any]:
    """The options of model and training that stand on the command line."""
    names = [field.name for kind in (Architecture, TrainingOptions) for field in fields(kind)]
    wanted = given(context)
    return {name: context.params[name] for name in names if name in wanted}


def _refuse_others(context: typer.Context, *allowed: str) -> None:
    """Refuse options that a training that goes on has already."""
    for name in sorted(given(context) - {*allowed}):
        raise InvalidValueError(
            name, "nothing with --resume, which goes on as it began", context.params[name]
        )


def _boards(folder: Path, wanted: bool) -> list[Callback]:
    """What writes event files; that it can is known before the folder is made."""
    return [TensorBoard(folder / BOARDS)] if wanted else []


def _train(
    run: Run[LanguageModel],
    console: Screen,
    checkpoint_every: float,
    boards: list[Callback],
    json_output: bool,
) -> None:
    model, training = run.language_model, run.training
    assert run.folder is not None
    place, text = pasted(run.folder), training.learned_text
    unknown = (
        "" if model.vocabulary.unknown is None else f", {100 * text.unknown_share:.1f} % unknown"
    )
    headline = (
        f"{training.tokens:,} {training.unit} to learn from{unknown}, "
        f"{len(model.vocabulary):,} distinct; "
        f"{model.model.count_params():,} parameters; backend {model.model.backend.name}"
    )
    callbacks: list[Callback] = [
        LambdaCallback(on_train_begin=lambda logs: console.print(headline)),
        *boards,
    ]
    try:
        run.train(console, callbacks, checkpoint_every)
    except KeyboardInterrupt as error:
        stopped = f"stopped at step {run.kept:,}. Go on with: {RESUME} {place}"
        raise fail(stopped, interrupted(error)) from None
    except FAILURES as error:
        if run.kept is None or isinstance(error, DivergedError):
            raise
        failed = f"{sentence(error)}. Go on from step {run.kept:,} with: {RESUME} {place}"
        raise fail(failed) from error
    if json_output:
        print_json(
            {
                "model": str(run.folder / MODEL),
                "parameters": model.model.count_params(),
                "unknown_share": text.unknown_share,
                "best": min(training.records, key=lambda r: r.get("val_loss", r["loss"])),
                **training.records[-1],
            }
        )
        return
    show_sample(console, sample(model))
    console.print(f"Saved {run.folder / MODEL}. Next: lstm generate {place}")
    if console.lost:
        drop(sys.stdout)  # The model is there, which is what counts.


def _show_rates(found: LearningRates, json_output: bool) -> None:
    if json_output:
        print_json(asdict(found))
        return
    for rate, loss in list(zip(found.rates, found.losses, strict=True))[::6]:
        tell(f"{rate:9.2e}  {loss:7.4f}  {'#' * round(12 * loss)}")
    tell(f"Suggestion: --lr {found.suggestion:.1e}")


def _stem(corpus: list[str] | None) -> str:
    if not corpus:
        return "offline"
    if corpus == ["-"]:
        return "stdin"
    return Path(corpus[0]).name.split(".")[0].strip("*") or "texts"
