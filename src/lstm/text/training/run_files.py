"""The files in the folder of a training run: their names, reading, writing and removal.

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

from lstm import backends, checks, storage
from lstm.errors import ModelFileError
from lstm.folder_lock import FolderLock, no_folder
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
"""Keys of each record of any training run."""

_KEYS = "run", "corpus", "tokens", "options", "seed", "backend", "dtype"
"""Keys of config.json from the start; `chosen` is added with the first checkpoint."""


def read_config(folder: Path) -> dict[str, Any]:
    """Read the options that were given and the values that were chosen.

    Raises:
        ModelFileError: the file is missing, damaged or of a later version.
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
        name, dtype, precision = backend_of(config)
        backends.backend(name, dtype)
        if precision is not None:
            checks.one_of("precision", precision, backends.PRECISIONS)
        if "chosen" in config:
            restored(config["chosen"])
        chosen(config["options"])
        Tokenization.from_config(config["tokens"])
    except OSError:
        raise ModelFileError(folder, "holds no training run to continue") from None
    except ModelFileError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ModelFileError(path, f"is damaged ({error})") from error
    return config


def backend_of(config: Mapping[str, Any]) -> tuple[str, str, str | None]:
    """Return the backend, dtype and precision of a training run."""
    # Before there was a choice, products were as precise as their dtype.
    return config["backend"], config["dtype"], config.get("precision")


def write_config(folder: Path, config: Mapping[str, Any]) -> None:
    """Write what `read_config` reads."""
    # ASCII can also hold file names that are not valid Unicode.
    text = json.dumps(config, indent=2) + "\n"
    storage.write_bytes(folder / CONFIG, text.encode())


def write_records(folder: Path, records: Sequence[Mapping[str, float]]) -> None:
    """Write the record of a training run, for people and for programs."""
    lines = "".join(json.dumps(record) + "\n" for record in records)
    storage.write_bytes(folder / HISTORY, lines.encode())
    table = io.StringIO(newline="")
    if records:
        # Rounds of an earlier version may lack some.
        columns = dict.fromkeys(key for record in records for key in record)
        writer = csv.DictWriter(table, list(columns))
        writer.writeheader()
        writer.writerows(records)
    storage.write_bytes(folder / TABLE, table.getvalue().encode())


def read_records(folder: Path) -> list[dict[str, float]]:
    """Read the record of a training run, by round, from history.jsonl.

    Raises:
        ModelFileError: the folder holds no training run, no round has ended, or the file is
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
        why = f"holds no training run (there is no {HISTORY})"
        raise ModelFileError(folder, why if folder.is_dir() else no_folder(folder)) from None
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ModelFileError(path, f"is damaged ({error})") from error
    if not records:
        raise ModelFileError(path, "is empty: no round of training has ended yet")
    return records


def append_sample(folder: Path, step: int, text: str) -> None:
    """Append a text that a model wrote after this many steps.

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
    """Check that the files of a folder belong to one training run.

    Args:
        folder: the folder.
        config: the result of `read_config`.
        header: the header of the checkpoint.
        corpus: the tokens.

    Raises:
        ModelFileError: they do not.
    """
    file = folder / CHECKPOINT
    if header["run"] != config["run"]:
        raise ModelFileError(file, f"belongs to another training run than {CONFIG}")
    made = {**to_config(*restored(header["chosen"])), "seed": header["training"]["seed"]}
    asked = to_config(*chosen(config["options"]))
    claims = [config["chosen"], {key: asked[key] for key in config["options"]}]
    if config["seed"] is not None:
        claims.append({"seed": config["seed"]})
    for claim in claims:
        for key, got in claim.items():
            if got != made[key]:
                why = f"was made with {key} {made[key]}, but {CONFIG} has {got}"
                raise ModelFileError(file, why)
    if header["training"]["corpus"] != corpus.sha256:
        raise ModelFileError(folder / TOKENS, f"holds another text than that of {CHECKPOINT}")


def held_out(folder: Path, model: TokenModel) -> tuple[Corpus, str]:
    """Return the part of the text that the model did not learn from, and its name.

    Args:
        folder: the folder of the training run.
        model: the model in it.

    Returns:
        The test part, or if there is none, the validation part.

    Raises:
        ModelFileError: the folder holds no training run or neither part, or its tokens are not
            those of the text that the model learned from.
    """
    path = folder / TOKENS
    if not path.exists():
        raise ModelFileError(
            folder, f"holds no text to evaluate on (there is no {TOKENS}): name a text"
        )
    corpus = Corpus.open(path, len(model.vocabulary))
    text = model.learned_text or _text_of_checkpoint(folder, model, corpus)
    if corpus.sha256 != text.sha256:
        why = f"is not the text that {MODEL} learned from: one of the files has changed since"
        raise ModelFileError(path, why)
    if not (text.test or text.validation):
        raise ModelFileError(folder, "has no validation or test part to evaluate on: name a text")
    end = text.training + text.validation
    if text.test:
        return corpus.part(end, len(corpus)), "test"
    return corpus.part(text.training, end), "validation"


def _text_of_checkpoint(folder: Path, model: TokenModel, corpus: Corpus) -> LearnedText:
    """Return the facts about the text from the checkpoint, for models of earlier versions.

    Raises:
        ModelFileError: there is no checkpoint, or it is damaged or belongs to another model.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        why = f"cannot be verified: {MODEL} does not describe its text, and {CHECKPOINT} is missing"
        raise ModelFileError(folder / TOKENS, f"{why}; name a text")
    with storage.reading(path, ("checkpoint",)) as (_, header):
        if header["vocabulary"] != model.vocabulary.to_config():
            raise ModelFileError(folder / MODEL, f"holds another model than {CHECKPOINT}")
        _, options = chosen(header["chosen"])
        parts = corpus.split(options.val_fraction, options.test_fraction)
        training, validation, test = map(len, parts)
        return LearnedText(header["training"]["corpus"], training, validation, test, unknown=0)


def never_trained(folder: Path, config: Mapping[str, Any]) -> bool:
    """Whether the training run certainly never reached its first checkpoint.

    A missing file alone does not prove that it was never written.

    Args:
        folder: the folder of the run.
        config: the result of `read_config`.
    """
    learned = MODEL, CHECKPOINT, HISTORY, TABLE, SAMPLES
    return "chosen" not in config and not any((folder / name).exists() for name in learned)


def can_resume(folder: Path) -> bool:
    """Whether the folder holds a training run that can be resumed."""
    try:
        config = read_config(folder)
    except ModelFileError:
        return False
    begun = (folder / CHECKPOINT).exists()
    return begun or (never_trained(folder, config) and config["corpus"] is not None)


def clear(folder: Path) -> None:
    """Remove half-written files that a killed training run left."""
    for name in (MODEL, *_FILES):
        storage.remove_strays(folder / name)


def remove(folder: Path, lock: FolderLock) -> None:
    """Remove a training run in which nothing was learned."""
    for name in _FILES:
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / BOARDS, ignore_errors=True)
    lock.release()
    with suppress(OSError):
        folder.rmdir()
