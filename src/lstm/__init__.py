"""Sequence learning with LSTMs, from the theory to a deployed model."""

import sys

# `python -m lstm` is the command; other modules run this way may import this one, too.
if sys.argv[:1] == ["-m"] and sys.orig_argv[-len(sys.argv)] in ("lstm", "-mlstm"):
    import lstm_command

    lstm_command.end_in_sentences()

from lstm import (
    activations,
    callbacks,
    constraints,
    data,
    errors,
    initializers,
    inspection,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    preprocessing,
    regularizers,
    text,
    utils,
    wrappers,
)
from lstm.backends import backend, num_threads, set_num_threads, use
from lstm.information import info
from lstm.initializers import Initializer
from lstm.layers import Input, Layer
from lstm.losses import Loss
from lstm.metrics import Metric
from lstm.models import Model, Sequential, State, load_model
from lstm.network import LSTMNetwork
from lstm.optimizers import Optimizer
from lstm.seeding import set_seed
from lstm.text import LanguageModel

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
    "Sequential",
    "State",
    "activations",
    "backend",
    "callbacks",
    "constraints",
    "data",
    "errors",
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
    "set_num_threads",
    "set_seed",
    "text",
    "use",
    "utils",
    "wrappers",
]
