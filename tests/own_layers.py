"""Layers of users, as the tests of several files have them."""

from typing import Any

import numpy as np

import lstm
from lstm.layers import Layer

X = np.random.default_rng(3).normal(size=(4, 6, 2))


class Total(Layer):
    """y_t = x_1 + ... + x_t, recurrent, which it does not declare."""

    keeps_mask = True

    def output_shapes(self, *shapes: Any) -> Any:
        return shapes

    def forward(self, run: Any, *inputs: Any, mask: Any) -> Any:
        return (np.cumsum(inputs[0], axis=1),), None

    def backward(self, run: Any, cache: Any, *gradients: Any, need: Any) -> Any:
        return (np.cumsum(gradients[0][:, ::-1], axis=1)[:, ::-1],)


def model_of(*layers: Layer) -> lstm.Model:
    lstm.set_seed(5)
    model = lstm.Sequential([lstm.Input((None, 2)), *layers])
    model.compile("sgd", "mse")
    return model
