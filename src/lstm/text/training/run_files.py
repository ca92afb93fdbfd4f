"""The files of a training's folder: their names, and how they are read, written and removed.

Each file is replaced in one step or only ever appended to.
"""

import csv
import io
import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lstm import backends, saving
from lstm.errors import ModelFileError
from lstm.folder_lock import FolderLock
from lstm.text.corpus.corpus import Corpus
from lstm.text.corpus.learned_text import LearnedText
from lstm.text.corpus.tokenization import Tokenization
from lstm.text.token_model import MODEL, TokenModel
from lstm.text.training.options import chosen, restored, to_config

CHECKPOINT = "checkpoint.safetensors"
CONFIG, TOKENS = "config.json", "tokens.bin"
HISTORY, TABLE, SAMPLES = "history.jsonl", "history.csv", "samples.txt"
BOARDS = "tensorboard"
_FILES = CHECKPOINT, CONFIG, TOKENS, HISTORY, TABLE, SAMPLES

FORMAT = 1
"""Version of config.json."""

_DRAWN = {"epoch", "step", "seconds", "loss"}
"""Of each record, whatever the training."""

_KEYS = "run", "corpus", "tokens", "options", "seed", "backend", "dtype"
"""Of config.json from the beginning; `chosen` joins them with the first checkpoint."""


def read_config(folder: Path) -> dict[str, Any]:
    """What was asked for, and what was chosen.

    Raises:
        ModelFileError: it is missing, damaged or of a later version.
    """
    path = folder / CONFIG
    try:
        config: dict[str, Any] = json.loads(path.read_bytes())
        if config["format"] > FORMAT:
            why = "was written by a later version of lstm-kit; update to read it"
            raise ModelFileError(path, why)
        missing = [key for key in _KEYS if key not in config]
        if missing:
            raise ModelFileError(path, f"is damaged: it lacks {', '.join(missing)}")
        backends.backend(config["backend"], config["dtype"])
        if "chosen" in config:
            restored(config["chosen"])
        chosen(config["options"])
        Tokenization.from_config(config["tokens"])
    except OSError:
        raise ModelFileError(folder, "holds no training to go on with") from None
    except ModelFileError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ModelFileError(path, f"is damaged ({error})") from error
    return config


def write_config(folder: Path, config: Mapping[str, Any]) -> None:
    """Write what `read_config` reads."""
    # In ASCII, which can hold also the names of files that are not Unicode.
    text = json.dumps(config, indent=2) + "\n"
    saving.write_bytes(folder / CONFIG, text.encode())


def write_records(folder: Path, records: Sequence[Mapping[str, float]]) -> None:
    """Write the record of a training, for people and for programs."""
    lines = "".join(json.dumps(record) + "\n" for record in records)
    saving.write_bytes(folder / HISTORY, lines.encode())
    table = io.StringIO(newline="")
    if records:
        # Rounds of an earlier version may lack some.
        columns = dict.fromkeys(key for record in records for key in record)
        writer = csv.DictWriter(table, list(columns))
        writer.writeheader()
        writer.writerows(records)
    saving.write_bytes(folder / TABLE, table.getvalue().encode())


def read_records(folder: Path) -> list[dict[str, float]]:
    """The record of a training: what history.jsonl holds, a round at a time.

    Raises:
        ModelFileError: the folder holds no training, none of its rounds has ended, or the file is
            damaged.
    """
    path = folder / HISTORY
    try:
        records = [json.loads(line) for line in path.read_bytes().splitlines()]
        for record in records:
            if not all(isinstance(value, int | float) for value in record.values()):
                raise TypeError("not numbers")
            if missing := _DRAWN - record.keys():
                raise LookupError(f"it lacks {', '.join(sorted(missing))}")
    except OSError:
        raise ModelFileError(folder, f"holds no training (there is no {HISTORY})") from None
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ModelFileError(path, f"is damaged ({error})") from error
    if not records:
        raise ModelFileError(path, "is empty: no round of the training has ended yet")
    return records


def append_sample(folder: Path, step: int, text: str) -> None:
    """Keep what a model wrote after so many steps.

    Raises:
        ModelFileError: the file cannot be written.
    """
    path = folder / SAMPLES
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"--- step {step:,}\n{text}\n")
    except OSError as error:
        raise ModelFileError(path, f"cannot be written ({error.strerror})") from error


def check_together(
    folder: Path, config: Mapping[str, Any], header: Mapping[str, Any], corpus: Corpus
) -> None:
    """Check that the files of a folder are of one training.

    Args:
        folder: where they are.
        config: that of `read_config`.
        header: of the checkpoint.
        corpus: the tokens.

    Raises:
        ModelFileError: they are not.
    """
    file = folder / CHECKPOINT
    if header["run"] != config["run"]:
        raise ModelFileError(file, f"belongs to another training than {CONFIG}")
    made = {**to_config(*restored(header["chosen"])), "seed": header["training"]["seed"]}
    asked = to_config(*chosen(config["options"]))
    claims = [config["chosen"], {key: asked[key] for key in config["options"]}]
    if config["seed"] is not None:
        claims.append({"seed": config["seed"]})
    for claim in claims:
        for key, got in claim.items():
            if got != made[key]:
                why = f"was made with {key} {made[key]}, and {CONFIG} has {got}"
                raise ModelFileError(file, why)
    if header["training"]["corpus"] != corpus.sha256:
        raise ModelFileError(folder / TOKENS, f"holds another text than that of {CHECKPOINT}")


def held_out(folder: Path, model: TokenModel) -> tuple[Corpus, str]:
    """The part of a text that a training has not learned from, and what it is called.

    Args:
        folder: that of the training.
        model: the model in it.

    Returns:
        The part to test on, or where there is none, that on which it validated.

    Raises:
        ModelFileError: the folder holds no training, or one without either part, or its tokens are
            not those of the text that the model learned from.
    """
    path = folder / TOKENS
    if not path.exists():
        raise ModelFileError(
            folder, f"holds no text to evaluate on (there is no {TOKENS}): name one"
        )
    corpus = Corpus.open(path, len(model.vocabulary))
    text = model.learned_text or _text_of_checkpoint(folder, model, corpus)
    if corpus.sha256 != text.sha256:
        why = f"is not the text that {MODEL} learned from: one of them was changed since"
        raise ModelFileError(path, why)
    if not (text.test or text.validation):
        raise ModelFileError(folder, "keeps nothing to evaluate on: name a text")
    end = text.training + text.validation
    if text.test:
        return corpus.part(end, len(corpus)), "test"
    return corpus.part(text.training, end), "validation"


def _text_of_checkpoint(folder: Path, model: TokenModel, corpus: Corpus) -> LearnedText:
    """What the checkpoint knows of the text, for models of earlier versions, which kept nothing.

    Raises:
        ModelFileError: there is no checkpoint, or it is damaged or of another model.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        why = f"cannot be verified: {MODEL} says nothing of its text, and there is no {CHECKPOINT}"
        raise ModelFileError(folder / TOKENS, f"{why}; name a text")
    with saving.reading(path, ("checkpoint",)) as (_, header):
        if header["vocabulary"] != model.vocabulary.to_config():
            raise ModelFileError(folder / MODEL, f"holds another model than {CHECKPOINT}")
        _, options = chosen(header["chosen"])
        parts = corpus.split(options.val_fraction, options.test_fraction)
        training, validation, test = map(len, parts)
        return LearnedText(header["training"]["corpus"], training, validation, test, unknown=0)


def never_trained(folder: Path, config: Mapping[str, Any]) -> bool:
    """Whether nothing says that a training has ever come to its first checkpoint.

    A file that is missing is not taken for one that was never written.

    Args:
        folder: where it is.
        config: that of `read_config`.
    """
    learned = MODEL, CHECKPOINT, HISTORY, TABLE, SAMPLES
    return "chosen" not in config and not any((folder / name).exists() for name in learned)


def can_go_on(folder: Path) -> bool:
    """Whether the folder is that of a training which can be resumed."""
    try:
        config = read_config(folder)
    except ModelFileError:
        return False
    begun = (folder / CHECKPOINT).exists()
    return begun or (never_trained(folder, config) and config["corpus"] is not None)


def clear(folder: Path) -> None:
    """Remove what was being written when a training was killed."""
    for name in (MODEL, *_FILES):
        saving.remove_strays(folder / name)


def remove(folder: Path, lock: FolderLock) -> None:
    """Leave nothing of a training in which nothing was learned."""
    for name in _FILES:
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / BOARDS, ignore_errors=True)
    lock.release()
    with suppress(OSError):
        folder.rmdir()
