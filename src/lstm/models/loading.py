"""Loading: the models in files."""

from collections.abc import Mapping
from os import PathLike

from lstm import saving
from lstm.interface import spelled
from lstm.layers.base import Layer
from lstm.models.model import Model
from lstm.models.serialization import check_classes


@spelled
def load_model(
    path: str | PathLike[str], custom_layers: Mapping[str, type[Layer]] | None = None
) -> Model:
    """Read a model that `Model.save` or `LanguageModel.save` wrote.

    No code from a file is ever run: the file names layers of the library or in `custom_layers`.

    Args:
        path: the file.
        custom_layers: classes of your own layers with `forward` and `backward`, by name. Layers
            defined by `call` are not needed: they are saved as the layers that they call.

    Raises:
        InvalidTypeError, InvalidValueError: `custom_layers` is not a dict of classes, lacks one, or
            has one that cannot be made with the arguments in the file.
        ModelFileError: the file is missing, damaged or of another kind.
    """
    classes = check_classes(custom_layers)
    with saving.reading(path, ("model", "language model")) as contents:
        return Model.from_contents(*contents, classes)
