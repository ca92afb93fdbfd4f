"""Identity: what must be equal for a training run to continue another."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lstm.callbacks import CallbackList, History
from lstm.container import digest
from lstm.errors import InvalidTypeError
from lstm.interface import of_library
from lstm.models.batches import ArrayBatches, Batching, Examples
from lstm.models.columns import Column, Ragged, Values
from lstm.models.compiled import Compilable
from lstm.models.data_adapter import Batches
from lstm.models.serialization import graph_config
from lstm.models.streams import Source
from lstm.models.training import Trainer


def identity(
    model: Compilable,
    trainer: Trainer,
    data: Examples | Source,
    validation: Batches | None,
    batching: Batching,
    callbacks: CallbackList,
    arguments: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what identifies a training run, as JSON values by the names of arguments.

    Args:
        model: the model to train.
        trainer: how to train it.
        data: the training data.
        validation: the validation data, if any.
        batching: how the model reads it.
        callbacks: the callbacks.
        arguments: the arguments of `fit`.

    Raises:
        InvalidTypeError: the data are batches that can be read only in sequence.
    """
    if validation is not None and not validation.again:
        raise InvalidTypeError(
            "validation_data", "data that BackupAndRestore can read again", "a generator"
        )
    optimizer, loss = trainer.optimizer.get_config(), trainer.loss
    remembering = [one for one in callbacks.remembering if not isinstance(one, History)]
    return {
        **arguments,
        "carry_state": batching.carry,
        "chunk_length": batching.chunk_length,
        "callbacks": ", ".join(type(callback).__name__ for callback in remembering) or "none",
        "model": _summed_up(graph_config(model.graph)),
        "backend": str(model.backend),
        "loss": loss.name,
        **(loss.get_config() if of_library(type(loss)) else {}),
        "metrics": ", ".join(trainer.metrics) or "none",
        "optimizer": type(trainer.optimizer).__name__,
        **{key: value for key, value in optimizer.items() if key not in ("learning_rate", "name")},
        # A learning rate may change, a schedule may not.
        **({"learning_rate": optimizer["learning_rate"]} if trainer.optimizer.scheduled else {}),
        "validation_data": _of_validation(validation),
        **(_of_stream(data) if isinstance(data, Source) else _of_arrays(data, batching)),
    }


def _of_arrays(data: Examples, batching: Batching) -> dict[str, Any]:
    found: dict[str, Sequence[Column | None]] = {
        "x": data.x,
        "y": [data.y],
        "sample_weight": [data.weight],
    }
    return {
        "batch_size": batching.batch_size,
        **{key: _digest(part) for key, part in found.items()},
    }


def _of_validation(batches: Batches | None) -> Any:
    if batches is None:
        return "none"
    if isinstance(batches, ArrayBatches):
        data = batches.examples
        return _digest([*data.x, data.y, data.weight])
    return f"{batches.source.size} batches"


def _of_stream(source: Source) -> dict[str, Any]:
    if not source.indexed:
        raise InvalidTypeError(
            source.argument,
            "arrays, or a sequence of batches with len and an index, so that BackupAndRestore can "
            "read each again",
            type(source.stream).__name__,
        )
    return {source.argument: f"{source.size} batches"}


def _digest(columns: Sequence[Column | None]) -> dict[str, str]:
    parts: dict[str, Values] = {}
    for k, column in enumerate(columns):
        if isinstance(column, Ragged):
            parts |= {f"{k}/{n}": sequence for n, sequence in enumerate(column.sequences)}
        elif column is not None:
            parts[f"{k}"] = column
    return {"sha256": digest({key: np.ascontiguousarray(part) for key, part in parts.items()}, "")}


def _summed_up(config: Mapping[str, Any]) -> dict[str, str]:
    text = json.dumps(config, sort_keys=True, default=lambda value: type(value).__name__)
    return {"sha256": digest({}, text)}
