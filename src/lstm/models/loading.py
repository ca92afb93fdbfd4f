"""Loading: the models in files."""

from collections.abc import Mapping
from os import PathLike
from typing import Any

from lstm import checks, storage
from lstm.interface import spelled
from lstm.models.model import Model
from lstm.models.serialization import check_classes


@spelled
def load_model(
    filepath: str | PathLike[str],
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Model:
    """Read a model that `Model.save` or `LanguageModel.save` wrote.

    It has the class and the layers that were saved. Where `custom_objects` lacks the class of the
    model, or of a layer with `call`, it is a functional model of the layers that this calls, which
    computes the same.

    No code from a file is ever run: the file names layers of the library or in `custom_objects`.

    Args:
        filepath: the file.
        custom_objects: your own classes and functions by name; those of layers with `forward` and
            `backward`, and of regularizers, are needed.
        compile: also compile the model, if the file holds how, to continue training.
        safe_mode: accepted for compatibility: no file can be unsafe.

    Raises:
        InvalidTypeError, InvalidValueError: `custom_objects` is not a dict of classes, lacks one,
            or has one that cannot be made with the arguments in the file.
        ModelFileError: the file is missing, damaged or of another kind.
    """
    classes = check_classes(custom_objects)
    compiled = checks.boolean("compile", compile)
    checks.boolean("safe_mode", safe_mode)
    with storage.reading(
        checks.path("filepath", filepath), ("model", "language model")
    ) as contents:
        return Model.from_contents(*contents, classes, compiled=compiled)


@spelled
def save_model(model: Model, filepath: str | PathLike[str], overwrite: bool = True) -> None:
    """Write a model to a file: the same as `model.save(filepath)`."""
    model.save(filepath, overwrite)
