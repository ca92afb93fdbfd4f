"""Sequence learning with LSTMs, from the theory to a deployed model."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING

# `python -m lstm` is the command; other modules run this way may import this one, too.
if sys.argv[:1] == ["-m"] and sys.orig_argv[-len(sys.argv)] in ("lstm", "-mlstm"):
    import lstm_command

    lstm_command.end_in_sentences()

from lstm import (
    activations,
    backend_names,
    callbacks,
    constraints,
    errors,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    regularizers,
)
from lstm.absent_names import answering
from lstm.backends import backend, num_threads, set_num_threads, use
from lstm.initializers import Initializer
from lstm.layers import Input, Layer
from lstm.losses import Loss
from lstm.metrics import Metric
from lstm.models import Model, Sequential, State, load_model
from lstm.module_in_keras import ModuleInKeras
from lstm.optimizers import Optimizer
from lstm.regularizers import Regularizer
from lstm.seeding import set_seed

if TYPE_CHECKING:
    from lstm import data, forecasting, inspection, preprocessing, saving, text, utils, wrappers
    from lstm.information import __version__ as __version__
    from lstm.information import info
    from lstm.network import LSTMNetwork
    from lstm.text import LanguageModel
else:
    # Many programs need none of these: each is imported where it is first asked for.
    _MODULES = (
        "data",
        "datasets",
        "forecasting",
        "inspection",
        "preprocessing",
        "saving",
        "text",
        "utils",
        "wrappers",
    )
    _OBJECTS = {
        "LSTMNetwork": "lstm.network",
        "LanguageModel": "lstm.text",
        "__version__": "lstm.information",
        "info": "lstm.information",
    }
    _absent = answering(__name__)
    backend = ModuleInKeras(backend, backend_names.NAMES, ops, backend_names.INSTEAD)
    sys.modules["lstm.backend"] = backend

    def __getattr__(name):
        if name in _MODULES:
            return import_module(f"lstm.{name}")
        if name in _OBJECTS:
            globals()[name] = found = getattr(import_module(_OBJECTS[name]), name)
            return found
        return _absent(name)

    def __dir__():
        return sorted({*globals(), *__all__})


__all__ = [
    "Initializer",
    "Input",
    "LSTMNetwork",
    "LanguageModel",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Optimizer",
    "Regularizer",
    "Sequential",
    "State",
    "activations",
    "backend",
    "callbacks",
    "constraints",
    "data",
    "errors",
    "forecasting",
    "info",
    "initializers",
    "inspection",
    "layers",
    "load_model",
    "losses",
    "metrics",
    "models",
    "num_threads",
    "ops",
    "optimizers",
    "preprocessing",
    "regularizers",
    "saving",
    "set_num_threads",
    "set_seed",
    "text",
    "use",
    "utils",
    "wrappers",
]
