"""What layers, losses and optimizers that users write are held to, in their own names."""

from typing import Any

import numpy as np
import pytest

import lstm
from lstm.errors import InvalidValueError
from lstm.layers import LSTM, Dense, Layer

X = np.random.default_rng(3).normal(size=(4, 6, 2))


class Offset(Layer):
    """x + b."""

    keeps_mask = memoryless = True

    def build(self, shape: Any) -> None:
        self.add_weight("b", shape[-1:], "zeros")

    def output_shapes(self, shape: Any) -> Any:
        return (shape,)

    def forward(self, run: Any, x: Any, *, mask: Any) -> Any:
        return (x + self.value("b"),), None

    def backward(self, run: Any, cache: Any, dy: Any, *, need: Any) -> Any:
        db = self.gradient("b")
        if db is not None:
            db += dy.sum(axis=(0, 1))
        return (dy,)


def model_of(*layers: Layer, **options: Any) -> lstm.Model:
    lstm.set_seed(5)
    model = lstm.Sequential([lstm.Input((None, 2)), *layers])
    model.compile(**{"optimizer": "sgd", "loss": "mse"} | options)
    return model


class TestWeights:
    @pytest.mark.parametrize("method", ["value", "gradient"])
    def test_of_another_name_are_refused(self, method: str) -> None:
        offset, dense, lean = Offset(), Dense(2), Dense(2, use_bias=False)
        model_of(offset, dense, lean)
        for layer, name, message in (
            (offset, "bias", "weight of offset: expected one of 'b', got 'bias'"),
            (dense, "b", r"weight of dense: expected one of 'kernel', 'bias'.*, got 'b'"),
            (lean, "bias", "weight of dense: expected one of 'kernel', got 'bias'"),
            (lstm.layers.Flatten(), "b", "weight of flatten: expected one that add_weight made"),
        ):
            with pytest.raises(InvalidValueError, match=f"^{message}"):
                getattr(layer, method)(name)

    def test_that_are_frozen_have_no_gradient(self) -> None:
        offset = Offset(trainable=False)
        model = model_of(LSTM(2, return_sequences=True), offset)
        model.fit(X, X, verbose=0)
        assert offset.gradient("b") is None
        assert not offset.value("b").any()
