"""Old paths: modules that earlier versions of Keras had; their names are in others since.

from lstm.layers.core import Dense  # is lstm.layers.Dense
"""

import sys
from collections.abc import Mapping

_PATHS: Mapping[str, tuple[str, ...]] = {
    "lstm.callbacks": ("lstm.callbacks.callbacks",),
    "lstm.layers": (
        "lstm.engine",
        "lstm.engine.base_layer",
        "lstm.engine.input_layer",
        "lstm.engine.topology",
        "lstm.layers.advanced_activations",
        "lstm.layers.convolutional",
        "lstm.layers.convolutional_recurrent",
        "lstm.layers.core",
        "lstm.layers.cudnn_recurrent",
        "lstm.layers.embeddings",
        "lstm.layers.local",
        "lstm.layers.merge",
        "lstm.layers.normalization",
        "lstm.layers.recurrent",
        "lstm.layers.recurrent_v2",
    ),
    "lstm.models": ("lstm.engine.sequential", "lstm.engine.training"),
    "lstm.optimizers": ("lstm.optimizers.legacy", "lstm.optimizers.optimizer_v2"),
    "lstm.utils": (
        "lstm.utils.data_utils",
        "lstm.utils.generic_utils",
        "lstm.utils.np_utils",
        "lstm.utils.vis_utils",
    ),
    "lstm.wrappers": ("lstm.wrappers.scikit_learn",),
}
"""The old paths of a module."""


def lead_to(name: str) -> None:
    """Let the old paths of a module lead to it.

    Args:
        name: the module, which is being imported.
    """
    module = sys.modules[name]
    for path in _PATHS[name]:
        sys.modules[path] = module
        parent, _, last = path.rpartition(".")
        if parent == name:
            setattr(module, last, module)
