"""Writes keras_names.json: the public names of Keras' modules, for tests/test_keras_names.py.

Needs Keras, which the tests themselves do not; run by hand:

    KERAS_BACKEND=jax python tests/golden/make_keras_names.py

Left out are modules within these, and what is about images: layers and functions for two and three
dimensions, and layers that change pictures.
"""

import json
from pathlib import Path
from types import ModuleType

import keras

MODULES = (
    *("layers", "activations", "initializers", "regularizers", "constraints", "losses"),
    *("metrics", "optimizers", "callbacks", "ops"),
)


def of_images(name: str, thing: object) -> bool:
    """Whether a name is about images."""
    dimensions = name.endswith(("2D", "3D", "2DTranspose", "3DTranspose"))
    return dimensions or "image_preprocessing" in thing.__module__


def names(module: ModuleType) -> list[str]:
    """Return the public names of a module, in order."""
    found = {name: thing for name, thing in vars(module).items() if not name.startswith("_")}
    return sorted(
        name
        for name, thing in found.items()
        if not isinstance(thing, ModuleType) and not of_images(name, thing)
    )


golden = {name: names(getattr(keras, name)) for name in MODULES}
path = Path(__file__).with_name("keras_names.json")
path.write_text(json.dumps({"keras": keras.__version__, "names": golden}, indent=1) + "\n")
