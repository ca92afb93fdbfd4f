"""`lstm train`: from a text to a model that writes like it."""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from lstm import checks
from lstm.backends import BACKENDS
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
from lstm.text.training.run import CHECKPOINT_EVERY, Run
from lstm.text.training.run_files import BOARDS, can_go_on
from lstm.text.training.samples import sample

CHOSEN = "for the text and the time"
RESUME = "lstm train --resume"


@dataclass(frozen=True)
class Files:
    """Where a training is kept."""

    out: Annotated[
        Path | None,
        option("Folder for the model, which must not exist.", "NAME-model", "Files"),
    ] = None
    resume: Annotated[
        Path | None,
        option("Go on with the training in this folder.", "no folder", "Files"),
    ] = None
    checkpoint_every: Annotated[
        float,
        option("Seconds between two saves of where it stands; 0: each step.", panel="Files"),
    ] = CHECKPOINT_EVERY
    tensorboard: Annotated[
        bool, option("Write TensorBoard event files, too (needs tensorboardX).", panel="Files")
    ] = False


@dataclass(frozen=True)
class Reading:
    """How the text is read, and what its tokens are."""

    encoding: Annotated[str, option("Encoding of the text.", panel="Text")] = "utf-8"
    errors: Annotated[
        str, option("What becomes of bad bytes: strict, replace or ignore.", panel="Text")
    ] = "strict"
    tokens: Annotated[str, option(f"{', '.join(KINDS)}, or a tokenizer.json.", panel="Text")] = (
        "characters"
    )
    min_count: Annotated[
        int | None,
        option("What is rarer is unknown.", "1 for characters, 2 for words", "Text"),
    ] = None
    vocabulary_size: Annotated[
        int | None,
        option("Number of tokens at most.", "20,000 for words, 2,048 for bpe", "Text"),
    ] = None


MODEL_AND_TRAINING = {
    "cell": option(f"What the layers are made of: {', '.join(CELL_NAMES)}.", panel="Model"),
    "hidden": option("Units of each layer.", CHOSEN, "Model"),
    "layers": option("Number of layers.", CHOSEN, "Model"),
    "embedding": option("Size of a token's vector.", "half of hidden", "Model"),
    "dropout": option("Share of units dropped in training.", CHOSEN, "Model"),
    "embedding_dropout": option("Share of tokens whose vectors are dropped.", panel="Model"),
    "recurrent_dropout": option(
        "Share of units dropped on the way to the next step.", CHOSEN, "Model"
    ),
    "tie_weights": option("Use the vectors of the tokens for the output.", panel="Model"),
    "seq_len": option("Tokens that gradients go back over."),
    "batch_size": option("Streams read side by side.", "32, fewer of a short text"),
    "epochs": option("Passes over the text.", "as many as --minutes allows"),
    "minutes": option("Time after which to stop.", "about 2, without --epochs"),
    "lr": option("Peak of the learning rate.", CHOSEN),
    "schedule": option(f"{', '.join(SCHEDULES)}."),
    "warmup": option("Share of the training in which it rises.", "0.02, one-cycle 0.3"),
    "clip": option("Largest norm of the gradient; 0 for any."),
    "weight_decay": option("Share of the weights taken away."),
    "patience": option("Validations without progress after which to stop.", "no limit"),
    "val_fraction": option("Share of the text, at its end, to validate on.", panel="Text"),
    "test_fraction": option("Share of the text, behind that, that no training sees.", panel="Text"),
}
"""What there is to choose of a model and its training, as `Architecture` and `TrainingOptions`."""


@grouped(MODEL_AND_TRAINING)
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
    files: Files,
    reading: Reading,
    find_lr: Annotated[
        bool, option("Show how the loss takes learning rates, and train nothing.")
    ] = False,
    seed: Seed = None,
    backend: Annotated[
        str | None,
        typer.Option(help=f"One of {', '.join(BACKENDS)}.", show_default=False),
    ] = None,
    json_output: Json = False,
    **options: Annotated[Any, Architecture, TrainingOptions],
) -> None:
    """Train a model on a text.

    Ctrl-C stops, keeps everything, and shows the command that goes on.
    """
    console = Screen(quiet=json_output, goes_on=True)
    checks.number("checkpoint_every", files.checkpoint_every, 0)
    if files.resume is not None:
        _refuse_others(context, "resume", "checkpoint_every", "json_output", "tensorboard")
        boards = _boards(files.resume, files.tensorboard)
        run = Run.resume(LanguageModel, files.resume)
        _train(run, console, files.checkpoint_every, boards, json_output)
        return
    if backend is not None:
        checks.one_of("backend", backend, BACKENDS)
    text = named(corpus or None, encoding=reading.encoding, errors=reading.errors)
    tokenization = Tokenization(reading.tokens, reading.min_count, reading.vocabulary_size)
    asked = LanguageModel, text, tokenization, options
    if find_lr:
        _show_rates(Run.aside(*asked, seed, backend, console).find_lr(), json_output)
        return
    folder = files.out or Path(f"{_stem(corpus)}-model")
    if folder.exists():
        hint = f" (to go on: {RESUME} {pasted(folder)})" if can_go_on(folder) else ""
        raise InvalidValueError("out", f"a folder that does not exist yet{hint}", f"{folder}")
    if not folder.parent.is_dir():
        raise InvalidValueError("out", "a folder within one that exists", f"{folder}")
    boards = _boards(folder, files.tensorboard)
    with called("out", "folder"):
        run = Run.begin(*asked, folder, seed, backend, console)
    _train(run, console, files.checkpoint_every, boards, json_output)


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
        f"{model.model.count_params():,} parameters, {', '.join(model.cells)}; "
        f"backend {model.model.backend.name}"
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
