"""`lstm train`: from a text to a model that writes like it."""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from lstm import checks
from lstm.backends import BACKENDS, PRECISIONS, Backend
from lstm.backends import backend as choose_backend
from lstm.callbacks import Callback, LambdaCallback, TensorBoard
from lstm.cli.groups import grouped, option
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
from lstm.text.architecture import CELL_NAMES, Architecture
from lstm.text.corpus.sources import named
from lstm.text.corpus.tokenization import KINDS, Tokenization
from lstm.text.token_model import MODEL
from lstm.text.training.lr_finder import LearningRates
from lstm.text.training.options import SCHEDULES, TrainingOptions
from lstm.text.training.report import show_sample
from lstm.text.training.run import CHECKPOINT_EVERY, TrainingRun
from lstm.text.training.run_files import BOARDS, can_resume
from lstm.text.training.samples import sample

CHOSEN = "for the text and the time"
RESUME = "lstm train --resume"


@dataclass(frozen=True)
class Files:
    """Options for the files of a training run."""

    out: Annotated[
        Path | None,
        option("Folder to create for the model.", "NAME-model", "Files"),
    ] = None
    resume: Annotated[
        Path | None,
        option("Continue the training run in this folder.", "no folder", "Files"),
    ] = None
    checkpoint_every: Annotated[
        float,
        option("Seconds between two checkpoints; 0 for every step.", panel="Files"),
    ] = CHECKPOINT_EVERY
    tensorboard: Annotated[
        bool, option("Also write TensorBoard event files (needs tensorboardX).", panel="Files")
    ] = False


@dataclass(frozen=True)
class TextOptions:
    """Options for reading the text and cutting it into tokens."""

    encoding: Annotated[str, option("Encoding of the text.", panel="Text")] = "utf-8"
    errors: Annotated[
        str, option("How to handle invalid bytes: strict, replace or ignore.", panel="Text")
    ] = "strict"
    tokens: Annotated[str, option(f"{', '.join(KINDS)}, or a tokenizer.json.", panel="Text")] = (
        "characters"
    )
    min_count: Annotated[
        int | None,
        option("Treat rarer tokens as unknown.", "1 for characters, 2 for words", "Text"),
    ] = None
    vocabulary_size: Annotated[
        int | None,
        option("Largest number of tokens.", "20,000 for words, 2,048 for bpe", "Text"),
    ] = None


MODEL_AND_TRAINING = {
    "cell": option(f"Type of the recurrent layers: {', '.join(CELL_NAMES)}.", panel="Model"),
    "hidden": option("Units of each layer.", CHOSEN, "Model"),
    "layers": option("Number of layers.", CHOSEN, "Model"),
    "embedding": option("Size of a token's vector.", "half of hidden", "Model"),
    "dropout": option("Share of units dropped in training.", CHOSEN, "Model"),
    "embedding_dropout": option("Share of token vectors dropped in training.", panel="Model"),
    "recurrent_dropout": option(
        "Share of units dropped in the recurrent connection.", CHOSEN, "Model"
    ),
    "tie_weights": option("Use the token vectors for the output, too.", panel="Model"),
    "seq_len": option("Tokens that gradients flow back through."),
    "batch_size": option("Streams read in parallel.", "32, fewer for a short text"),
    "epochs": option("Passes over the text.", "as many as --minutes allows"),
    "minutes": option("Time after which to stop.", "about 2, without --epochs"),
    "lr": option("Peak of the learning rate.", CHOSEN),
    "schedule": option(f"{', '.join(SCHEDULES)}."),
    "warmup": option("Share of training during which lr rises.", "0.02, one-cycle 0.3"),
    "clip": option("Largest norm of the gradient; 0 for no limit."),
    "weight_decay": option("Share of the weights removed in each step, times lr."),
    "patience": option("Validations without progress after which to stop.", "no limit"),
    "val_fraction": option("Share of the text, at its end, to validate on.", panel="Text"),
    "test_fraction": option("Share of the text, after that, held out as a test.", panel="Text"),
}
"""The options of a model and of its training: fields of `Architecture` and `TrainingOptions`."""


@grouped(MODEL_AND_TRAINING)
def train(
    context: typer.Context,
    corpus: Annotated[
        list[str] | None,
        typer.Argument(
            help="Text files, folders or patterns of them, - for standard input, or shakespeare. "
            "By default, the help texts that come with Python.",
            show_default=False,
        ),
    ] = None,
    *,
    files: Files,
    text_options: TextOptions,
    find_lr: Annotated[
        bool, option("Show how the loss reacts to learning rates; train nothing.")
    ] = False,
    seed: Seed = None,
    backend: Annotated[
        str | None,
        typer.Option(help=f"One of {', '.join(BACKENDS)}.", show_default=False),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            help=f"Of matrix products: {' or '.join(PRECISIONS)}.", show_default="float32"
        ),
    ] = None,
    json_output: Json = False,
    **options: Annotated[Any, Architecture, TrainingOptions],
) -> None:
    """Train a model on a text.

    Ctrl-C stops, keeps everything, and shows the command that continues.
    """
    console = Screen(quiet=json_output, ignore_errors=True)
    checks.number("checkpoint_every", files.checkpoint_every, 0)
    if files.resume is not None:
        _refuse_others(context, "resume", "checkpoint_every", "json_output", "tensorboard")
        boards = _boards(files.resume, files.tensorboard)
        run = TrainingRun.resume(LanguageModel, files.resume)
        _train(run, console, files.checkpoint_every, boards, json_output)
        return
    choose_backend(backend, None, precision)
    text = named(corpus or None, encoding=text_options.encoding, errors=text_options.errors)
    tokenization = Tokenization(
        text_options.tokens, text_options.min_count, text_options.vocabulary_size
    )
    asked = LanguageModel, text, tokenization, options
    if find_lr:
        run = TrainingRun.temporary(*asked, seed, backend, precision, console)
        _show_rates(run.find_lr(), json_output)
        return
    folder = files.out or Path(f"{_stem(corpus)}-model")
    if folder.exists():
        hint = f" (to continue: {RESUME} {pasted(folder)})" if can_resume(folder) else ""
        raise InvalidValueError("out", f"a folder that does not exist yet{hint}", f"{folder}")
    if not folder.parent.is_dir():
        raise InvalidValueError("out", "a folder within an existing one", f"{folder}")
    boards = _boards(folder, files.tensorboard)
    with called("out", "folder"):
        run = TrainingRun.begin(*asked, folder, seed, backend, precision, console)
    _train(run, console, files.checkpoint_every, boards, json_output)


def _refuse_others(context: typer.Context, *allowed: str) -> None:
    """Refuse options that a resumed training run already has."""
    for name in sorted(given(context) - {*allowed}):
        value = context.params[name]
        got = " ".join(value) if isinstance(value, list | tuple) else value
        what = "text" if name == "corpus" else "other options"
        raise InvalidValueError(name, f"no {what} with --resume, which keeps its own", got)


def _boards(folder: Path, wanted: bool) -> list[Callback]:
    """Return what writes event files; fails if it cannot, before the folder is made."""
    return [TensorBoard(folder / BOARDS)] if wanted else []


def _train(
    run: TrainingRun[LanguageModel],
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
        f"{model.model.count_params():,} parameters, {', '.join(model.cells)}; "
        f"backend {_shown(model.model.backend)}"
    )
    callbacks: list[Callback] = [
        LambdaCallback(on_train_begin=lambda logs: console.print(headline)),
        *boards,
    ]
    try:
        run.train(console, callbacks, checkpoint_every)
    except KeyboardInterrupt as error:
        stopped = f"stopped at step {run.checkpoint_step:,}. Continue with: {RESUME} {place}"
        raise fail(stopped, interrupted(error)) from None
    except FAILURES as error:
        if run.checkpoint_step is None or isinstance(error, DivergedError):
            raise
        failed = (
            f"{sentence(error)}. Continue from step {run.checkpoint_step:,} with: {RESUME} {place}"
        )
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
        drop(sys.stdout)  # The model is saved; only the output is lost.


def _shown(backend: Backend) -> str:
    name, _, precision = backend.chosen
    return name if precision is None else f"{name}, {precision}"


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
