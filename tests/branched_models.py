"""Models whose layers are not a chain, written once for this library and for Keras.

Each takes sequences (N, 5, 2); `library` is `lstm` or `keras`.
"""

from types import ModuleType
from typing import Any

import numpy as np


def branches(library: ModuleType) -> Any:
    """The longer branch comes second."""
    layers = library.layers
    x = library.Input((5, 2))
    deep = layers.LSTM(4)(layers.LSTM(2, return_sequences=True)(x))
    y = layers.Concatenate()([layers.GRU(3)(x), deep])
    return library.Model(x, layers.Dense(2)(y))


def shared(library: ModuleType) -> Any:
    """Layers that are called twice, at different distances from the outputs."""
    layers = library.layers
    x = library.Input((5, 2))
    encoder, head, step = layers.LSTM(4), layers.Dense(3), layers.Dense(2)
    far = encoder(layers.Dense(2)(step(x)))
    first = head(layers.Concatenate()([encoder(x), layers.Dense(1)(far)]))
    return library.Model(x, [first, layers.Dense(2)(encoder(step(x)))])


def wrappers(library: ModuleType) -> Any:
    """A wrapper of several layers is one layer."""
    layers = library.layers
    x = library.Input((5, 2))
    both = layers.Bidirectional(layers.LSTM(2))(x)
    steps = layers.LSTM(3)(layers.TimeDistributed(layers.Dense(4))(x))
    return library.Model(x, layers.Dense(1)(layers.Concatenate()([both, steps])))


def nested(library: ModuleType) -> Any:
    """Models within a model."""
    layers = library.layers
    start = library.Input((5, 2))
    parts = [layers.Dense(2)(layers.LSTM(4)(start)), layers.GRU(3)(start)]
    encoder = library.Model(start, layers.Concatenate()(parts))
    chain = library.Sequential([layers.LSTM(2), layers.Dense(3)])
    x = library.Input((5, 2))
    y = layers.Concatenate()([layers.Dense(2)(chain(x)), encoder(x)])
    return library.Model(x, layers.Dense(1)(y))


def states(library: ModuleType) -> Any:
    """Layers between the states of two recurrent layers."""
    layers = library.layers
    x = library.Input((5, 2))
    _, h, c = layers.LSTM(3, return_state=True)(x)
    start = [layers.Dense(2, activation="tanh")(h), layers.Dense(2)(c)]
    return library.Model(x, layers.LSTM(2)(x, initial_state=start))


def written_as_a_layer(library: ModuleType) -> Any:
    """A class of a user's that keeps its layers in another order than it calls them."""
    layers = library.layers

    class Block(layers.Layer):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.last = layers.Dense(2)
            self.between = [layers.Dense(3), layers.Dense(4)]
            self.first = layers.LSTM(5)

        def call(self, inputs: Any) -> Any:
            return self.last(self.between[0](self.between[1](self.first(inputs))))

    x = library.Input((5, 2))
    y = layers.Concatenate()([layers.GRU(2)(x), Block()(x)])
    return library.Model(x, layers.Dense(1)(y))


def written_as_a_model(library: ModuleType) -> Any:
    """The same of a model."""
    layers = library.layers

    class Reader(library.Model):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.head = layers.Dense(1)
            self.deep = library.Sequential([layers.Dense(3), layers.LSTM(2)])
            self.flat = layers.GRU(4)
            self.join = layers.Concatenate()

        def call(self, inputs: Any) -> Any:
            return self.head(self.join([self.flat(inputs), self.deep(inputs)]))

    model = Reader()
    model.predict(np.zeros((1, 5, 2)), verbose=0)
    return model


BRANCHED = {
    model.__name__: model
    for model in (
        branches,
        shared,
        wrappers,
        nested,
        states,
        written_as_a_layer,
        written_as_a_model,
    )
}


def translator(library: ModuleType) -> Any:
    """An encoder and a decoder, each with an input of its own."""
    layers = library.layers
    source, target = library.Input((None, 3)), library.Input((None, 2))
    _, *start = layers.LSTM(4, return_state=True)(source)
    y, _, _ = layers.LSTM(4, return_sequences=True, return_state=True)(target, initial_state=start)
    return library.Model([source, target], layers.Dense(2, activation="softmax")(y))


def late(library: ModuleType) -> Any:
    """An input that joins late, and one that is an output, too."""
    layers = library.layers
    x, y = library.Input((5, 2)), library.Input((3,))
    joined = layers.Concatenate()([layers.LSTM(3)(layers.LSTM(2, return_sequences=True)(x)), y])
    return library.Model([y, x], [layers.Dense(1)(joined), y])


def chain(library: ModuleType) -> Any:
    """Layers in a row, two of one class."""
    layers = library.layers
    steps = [layers.LSTM(width, return_sequences=True) for width in (3, 4)]
    return library.Sequential([library.Input((5, 2)), *steps, layers.Dense(1)])


OUTLINED = BRANCHED | {model.__name__: model for model in (translator, late, chain)}
"""Models of which the layers are compared, as users see them."""
