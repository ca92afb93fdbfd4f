"""Activations and their slopes, which are functions of the outputs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import ActivationName

Array = NDArray[Any]


def sigmoid(x: Array) -> Array:
    # tanh never overflows, for any x.
    return 0.5 * np.tanh(0.5 * x) + 0.5


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True, initial=-np.inf))
    return e / e.sum(-1, keepdims=True)


def activation_forward(x: Array, activation: ActivationName) -> Array:
    match activation:
        case "linear":
            return x
        case "relu":
            return np.maximum(x, 0)
        case "tanh":
            return np.tanh(x)
        case "sigmoid":
            return sigmoid(x)
        case "hard_sigmoid":
            return np.clip(x / 6 + 0.5, 0, 1)
        case "softmax":
            return softmax(x)


def activation_backward(dy: Array, y: Array, activation: ActivationName) -> Array:
    match activation:
        case "linear":
            return dy
        case "relu":
            return dy * (y > 0)
        case "tanh":
            return dy * (1 - y * y)
        case "sigmoid":
            return dy * y * (1 - y)
        case "hard_sigmoid":
            return dy * ((y > 0) & (y < 1)) / 6
        case "softmax":
            return y * (dy - (dy * y).sum(-1, keepdims=True))
