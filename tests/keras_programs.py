"""Small programs that run in Keras and here, with only the library exchanged.

Each makes a model of the library `k`, its data, and what `compile` and `fit` get. The script
golden/make_keras_programs.py stores what Keras computes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

B, T, D, V = 24, 6, 4, 9
"""Examples, steps, features, words."""

OPTIMIZERS: tuple[Callable[[Any], Any], ...] = (
    lambda k: k.optimizers.SGD(0.05),
    lambda k: k.optimizers.SGD(0.03, momentum=0.9),
    lambda k: k.optimizers.Adam(0.01),
    lambda k: k.optimizers.RMSprop(0.01),
)


@dataclass(frozen=True)
class Program:
    """A model and how it is trained.

    Attributes:
        name: of the program.
        model: makes the model.
        optimizer: makes the optimizer.
        loss: makes the loss, or names it.
        words: whether it reads words, with padding, and not numbers.
        outputs: what a target is: "numbers", "signs", "shares", "rows", "classes", "counts" or
            "labels", of which one may be padding.
        weights: "sample", "class", or none.
        steps: whether the target has steps.
        several: whether there are two outputs, the second with rows as targets.
        padded: whether half of the steps are zeros, for Masking.
    """

    name: str
    model: Callable[[Any], Any]
    optimizer: Callable[[Any], Any] = OPTIMIZERS[0]
    loss: Any = "mse"
    words: bool = False
    outputs: str = "numbers"
    weights: str = ""
    steps: bool = False
    several: bool = False
    padded: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    def data(self) -> tuple[Array, Any, dict[str, Any]]:
        """Return inputs, targets and further arguments of `fit`."""
        rng = np.random.default_rng(len(self.name))
        # Each batch has as many real steps: Keras counts batches alike, we count steps.
        lengths = np.tile(rng.integers(1, T + 1, B // 3), 3)
        real = np.arange(T) < lengths[:, None]
        if self.words:
            x: Array = rng.integers(1, V, (B, T)) * real
        else:
            x = rng.normal(size=(B, T, D)).astype("f")
            x = x * real[:, :, None] if self.padded else x
        lead = (B, T) if self.steps else (B,)
        classes = rng.integers(0, 3, lead)
        y: Array = {
            "numbers": rng.normal(size=(*lead, 3)),
            "signs": rng.integers(0, 2, (*lead, 3)),
            "shares": rng.dirichlet(np.ones(3), lead),
            "rows": np.eye(3)[classes],
            "classes": classes,
            "counts": rng.poisson(2.0, (*lead, 3)),
            "labels": np.stack((np.maximum(classes, 1), classes), -1),
        }[self.outputs]
        options: dict[str, Any] = {}
        if self.weights == "sample":
            options["sample_weight"] = rng.uniform(0.2, 2, lead).astype("f")
        elif self.weights == "class":
            options["class_weight"] = {0: 1.0, 1: 0.5, 2: 2.0}
        y = y if self.outputs in ("classes", "labels") else y.astype("f")
        return x, [y, np.eye(3)[classes].astype("f")] if self.several else y, options

    def run(self, k: Any) -> dict[str, Array]:
        """Return what the library computes: outputs, the losses of three epochs, outputs again."""
        model = self.model(k)
        rng = np.random.default_rng(7)
        x, y, options = self.data()
        model.compile(run_eagerly=True)
        model.predict(x[:2], verbose=0)
        model.set_weights(
            [
                rng.uniform(0.5, 1.5, w.shape)
                if "variance" in name or "gamma" in name
                else rng.normal(0, 0.4, w.shape)
                for name, w in zip(names(model), model.get_weights(), strict=True)
            ]
        )
        first = numbers(model.predict(x, verbose=0))
        loss = self.loss(k) if callable(self.loss) else self.loss
        model.compile(optimizer=self.optimizer(k), loss=loss, run_eagerly=True, **self.options)
        history = model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0, **options)
        last = model.evaluate(x, y, batch_size=8, verbose=0)
        return {
            "first": first,
            "losses": np.array([*history.history["loss"], np.ravel(last)[0]], "f"),
            "last": numbers(model.predict(x, verbose=0)),
        }


def numbers(outputs: Any) -> Array:
    """Return one output, or several in a row."""
    if isinstance(outputs, list | tuple):
        return np.concatenate([np.ravel(y) for y in outputs]).astype("f")
    return np.asarray(outputs, "f")


def names(model: Any) -> list[str]:
    """Return the names of the weights, in the order of `get_weights`."""
    return [str(getattr(w, "path", None) or getattr(w, "name", w)) for w in _weights(model)]


def _weights(model: Any) -> list[Any]:
    found = model.weights
    return [*found] if isinstance(found, dict) else list(found)


def chain(*make: Callable[[Any], Any], words: bool = False) -> Callable[[Any], Any]:
    """A Sequential of layers, with three outputs."""

    def model(k: Any) -> Any:
        layers = [m(k.layers) for m in make]
        start = k.Input((T,)) if words else k.Input((T, D))
        return k.Sequential([start, *layers, k.layers.Dense(3)])

    return model


def ends(activation: str | None, *make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same, with an activation at the end."""

    def model(k: Any) -> Any:
        layers = [m(k.layers) for m in make]
        return k.Sequential([k.Input((T, D)), *layers, k.layers.Dense(3, activation=activation)])

    return model


def branches(join: Callable[[Any, Any, Any], Any]) -> Callable[[Any], Any]:
    """Two branches over the sequence, joined."""

    def model(k: Any) -> Any:
        x = k.Input((T, D))
        a = k.layers.LSTM(5, return_sequences=True)(x)
        b = k.layers.Dense(5, activation="tanh")(x)
        y = join(k, a, b)
        if len(y.shape) > 2:
            y = k.layers.GlobalAveragePooling1D()(y)
        return k.Model(x, k.layers.Dense(3)(y))

    return model


def two_outputs(k: Any) -> Any:
    """Numbers and shares, from one LSTM."""
    x = k.Input((T, D))
    y = k.layers.LSTM(5)(x)
    ends = [k.layers.Dense(3, name="first"), k.layers.Dense(3, activation="softmax", name="second")]
    return k.Model(x, [end(y) for end in ends])


def _to_vector(*make: Callable[[Any], Any]) -> tuple[Callable[[Any], Any], ...]:
    return (*make, lambda L: L.Flatten())


LAYERS: dict[str, tuple[Callable[[Any], Any], ...]] = {
    "lstm": (lambda L: L.LSTM(5),),
    "lstm relu": (lambda L: L.LSTM(5, activation="relu"),),
    "lstm without bias": (lambda L: L.LSTM(5, use_bias=False),),
    "lstm hard sigmoid": (lambda L: L.LSTM(5, recurrent_activation="hard_sigmoid"),),
    "lstm backwards": (lambda L: L.LSTM(5, go_backwards=True),),
    "two lstms": (lambda L: L.LSTM(5, return_sequences=True), lambda L: L.LSTM(4)),
    "gru": (lambda L: L.GRU(5),),
    "simple rnn": (lambda L: L.SimpleRNN(5),),
    "bidirectional": (lambda L: L.Bidirectional(L.LSTM(4)),),
    "bidirectional sum": (lambda L: L.Bidirectional(L.GRU(4), merge_mode="sum"),),
    "time distributed": _to_vector(lambda L: L.TimeDistributed(L.Dense(3, activation="tanh"))),
    "repeat vector": _to_vector(
        lambda L: L.LSTM(4), lambda L: L.RepeatVector(3), lambda L: L.LSTM(3, return_sequences=True)
    ),
    "conv": _to_vector(lambda L: L.Conv1D(4, 3, activation="relu")),
    "conv causal": _to_vector(lambda L: L.Conv1D(4, 3, padding="causal", dilation_rate=2)),
    "conv same, strides": _to_vector(lambda L: L.Conv1D(4, 3, padding="same", strides=2)),
    "depthwise": _to_vector(lambda L: L.DepthwiseConv1D(3, depth_multiplier=2, padding="same")),
    "separable": _to_vector(lambda L: L.SeparableConv1D(5, 3, strides=2, activation="relu")),
    "conv transpose": _to_vector(lambda L: L.Conv1DTranspose(3, 3, strides=2, padding="same")),
    "conv transpose, valid": _to_vector(lambda L: L.Conv1DTranspose(3, 4, strides=3)),
    "cells": (lambda L: L.RNN([L.LSTMCell(4), L.GRUCell(3)]),),
    "max pooling": _to_vector(lambda L: L.MaxPooling1D(2)),
    "max pooling, same": _to_vector(lambda L: L.MaxPooling1D(3, strides=2, padding="same")),
    "average pooling": _to_vector(lambda L: L.AveragePooling1D(2)),
    "average pooling, same": _to_vector(lambda L: L.AveragePooling1D(3, strides=1, padding="same")),
    "global max": (lambda L: L.GlobalMaxPooling1D(),),
    "global average": (lambda L: L.GlobalAveragePooling1D(),),
    "global average, kept": _to_vector(lambda L: L.GlobalAveragePooling1D(keepdims=True)),
    "upsampling": (lambda L: L.UpSampling1D(2), lambda L: L.LSTM(4)),
    "zero padding": (lambda L: L.ZeroPadding1D((1, 2)), lambda L: L.LSTM(4)),
    "cropping": (lambda L: L.Cropping1D((1, 2)), lambda L: L.LSTM(4)),
    "permute": (lambda L: L.Permute((2, 1)), lambda L: L.LSTM(4)),
    "reshape": (lambda L: L.Reshape((12, 2)), lambda L: L.LSTM(4)),
    "flatten": (lambda L: L.Flatten(), lambda L: L.Dense(4, activation="relu")),
    "relu": _to_vector(lambda L: L.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.2)),
    "leaky relu": _to_vector(lambda L: L.Dense(4), lambda L: L.LeakyReLU(0.2)),
    "prelu": _to_vector(lambda L: L.Dense(4), lambda L: L.PReLU(shared_axes=[1])),
    "elu": _to_vector(lambda L: L.Dense(4), lambda L: L.ELU(0.8)),
    "softmax": _to_vector(lambda L: L.Softmax()),
    "softmax of steps": _to_vector(lambda L: L.Softmax(axis=1)),
    "layer normalization": (lambda L: L.LSTM(5), lambda L: L.LayerNormalization()),
    "layer normalization, two axes": _to_vector(lambda L: L.LayerNormalization(axis=[1, 2])),
    "batch normalization": (lambda L: L.LSTM(5), lambda L: L.BatchNormalization()),
    "batch normalization of steps": (
        lambda L: L.BatchNormalization(momentum=0.8, epsilon=1e-2),
        lambda L: L.LSTM(4),
    ),
    "activation": (lambda L: L.LSTM(4), lambda L: L.Activation("sigmoid")),
    "l2": (lambda L: L.LSTM(5, kernel_regularizer="l2", recurrent_regularizer="l1"),),
    "activity": (lambda L: L.LSTM(5, activity_regularizer="l2"), lambda L: L.Dense(4)),
    "activity layer": (lambda L: L.LSTM(5), lambda L: L.ActivityRegularization(0.01, 0.02)),
    "max norm": (lambda L: L.LSTM(5, kernel_constraint="max_norm"),),
    "non neg": (lambda L: L.LSTM(5), lambda L: L.Dense(4, kernel_constraint="non_neg")),
    "unit norm": (lambda L: L.Dense(4, kernel_constraint="unit_norm"), lambda L: L.LSTM(3)),
    "gru, reset before": (lambda L: L.GRU(5, reset_after=False),),
    "cell, reset before": (lambda L: L.RNN(L.GRUCell(4, reset_after=False)),),
    "gru, reset before, backwards": (
        lambda L: L.GRU(4, reset_after=False, use_bias=False, return_sequences=True),
        lambda L: L.GRU(4, reset_after=False, activation="relu", go_backwards=True),
    ),
    "conv lstm": _to_vector(lambda L: L.Reshape((T, D, 1)), lambda L: L.ConvLSTM1D(3, 2)),
    "conv lstm, same": _to_vector(
        lambda L: L.Reshape((T, 2, 2)),
        lambda L: L.ConvLSTM1D(
            3, 3, padding="same", return_sequences=True, kernel_regularizer="l2"
        ),
        lambda L: L.ConvLSTM1D(2, 2, padding="same", dilation_rate=2, go_backwards=True),
    ),
    "conv lstm, strides": _to_vector(
        lambda L: L.Reshape((3, 8, 1)),
        lambda L: L.ConvLSTM1D(
            *(2, 3, 2, "same"),
            activation="relu",
            recurrent_activation="hard_sigmoid",
            use_bias=False,
            return_sequences=True,
        ),
    ),
}
"""New ones at the end: the place of a program chooses its optimizer."""

ACTIVATIONS = (
    *("elu", "exponential", "gelu", "hard_sigmoid", "leaky_relu", "log_softmax", "mish"),
    *("relu6", "selu", "silu", "softplus", "softsign"),
)

JOINED: dict[str, Callable[[Any, Any, Any], Any]] = {
    "add": lambda k, a, b: k.layers.Add()([a, b]),
    "subtract": lambda k, a, b: k.layers.Subtract()([a, b]),
    "multiply": lambda k, a, b: k.layers.Multiply()([a, b]),
    "average": lambda k, a, b: k.layers.Average()([a, b]),
    "maximum": lambda k, a, b: k.layers.Maximum()([a, b]),
    "minimum": lambda k, a, b: k.layers.Minimum()([a, b]),
    "concatenate": lambda k, a, b: k.layers.Concatenate()([a, b]),
    "dot": lambda k, a, b: k.layers.Dot(axes=2)([a, b]),
    "cosine": lambda k, a, b: k.layers.Dot(axes=2, normalize=True)([a, b]),
    "attention": lambda k, a, b: k.layers.Attention(use_scale=True)([a, b]),
    "attention, causal": lambda k, a, b: k.layers.Attention()([a, b], use_causal_mask=True),
    "attention, concat": lambda k, a, b: k.layers.Attention(score_mode="concat")([a, b]),
    "additive attention": lambda k, a, b: k.layers.AdditiveAttention()([a, b]),
    "multi-head attention": lambda k, a, b: k.layers.MultiHeadAttention(2, 3)(a, b),
    "multi-head, causal": lambda k, a, b: k.layers.MultiHeadAttention(2, 3, value_dim=2)(
        a, a, use_causal_mask=True
    ),
    "operators": lambda k, a, b: 2.0 * a - b / 3.0 + a * b,
    "ops": lambda k, a, b: k.ops.tanh(k.ops.exp(a) - k.ops.sqrt(k.ops.abs(b) + 1.0)),
    "ops reduced": lambda k, a, b: k.ops.sum(k.ops.softmax(a, axis=1) * b, axis=1),
    "ops matmul": lambda k, a, b: k.ops.matmul(a, k.ops.transpose(b, (0, 2, 1))),
    "ops where": lambda k, a, b: k.ops.where(k.ops.greater(a, b), a, 0.5 * b),
    "ops max": lambda k, a, b: k.ops.max(a, axis=1) + k.ops.min(b, axis=1),
    "ops var": lambda k, a, b: k.ops.var(a, axis=1) + k.ops.mean(b, axis=1),
    "ops stack": lambda k, a, b: k.ops.sum(k.ops.stack([a, b], axis=1), axis=1),
    "ops einsum": lambda k, a, b: k.ops.einsum("btd,bsd->bts", a, b),
    "ops cumsum": lambda k, a, b: k.ops.cumsum(a, axis=1) + b,
    "ops gelu": lambda k, a, b: k.ops.gelu(a) + k.ops.silu(b) + k.ops.softplus(a),
    "ops clip": lambda k, a, b: k.ops.clip(a, -0.1, 0.2) + k.ops.maximum(b, 0.1),
}

LOSSES: dict[str, tuple[Any, str, str | None]] = {
    "mse": ("mse", "numbers", None),
    "mae": ("mae", "numbers", None),
    "huber": (lambda k: k.losses.Huber(0.4), "numbers", None),
    "log_cosh": ("log_cosh", "numbers", None),
    "mape": ("mape", "numbers", None),
    "msle": ("msle", "shares", "softplus"),
    "cosine": (lambda k: k.losses.CosineSimilarity(), "numbers", None),
    "hinge": ("hinge", "signs", None),
    "squared_hinge": ("squared_hinge", "signs", None),
    "categorical_hinge": ("categorical_hinge", "rows", None),
    "kl": ("kl_divergence", "shares", "softmax"),
    "poisson": ("poisson", "counts", "softplus"),
    "binary": ("binary_crossentropy", "signs", "sigmoid"),
    "binary logits": (
        lambda k: k.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
        "signs",
        None,
    ),
    "binary focal": (
        lambda k: k.losses.BinaryFocalCrossentropy(apply_class_balancing=True),
        "signs",
        "sigmoid",
    ),
    "categorical": ("categorical_crossentropy", "rows", "softmax"),
    "categorical smoothed": (
        lambda k: k.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2),
        "rows",
        None,
    ),
    "categorical focal": (lambda k: k.losses.CategoricalFocalCrossentropy(), "rows", "softmax"),
    "sparse": ("sparse_categorical_crossentropy", "classes", "softmax"),
    "sparse logits": (
        lambda k: k.losses.SparseCategoricalCrossentropy(from_logits=True),
        "classes",
        None,
    ),
    "own": (
        lambda k: lambda t, y: k.ops.mean(k.ops.square(t - y) * k.ops.exp(0.1 * t), axis=-1),
        "numbers",
        None,
    ),
}

MASKED: dict[str, tuple[Callable[[Any], Any], ...]] = {
    "lstm": (lambda L: L.LSTM(5),),
    "gru": (lambda L: L.GRU(5),),
    "simple rnn": (lambda L: L.SimpleRNN(5),),
    "lstm backwards": (lambda L: L.LSTM(5, go_backwards=True),),
    "two lstms": (lambda L: L.LSTM(4, return_sequences=True), lambda L: L.LSTM(5)),
    "bidirectional": (lambda L: L.Bidirectional(L.LSTM(4)),),
    "bidirectional ave": (lambda L: L.Bidirectional(L.GRU(4), merge_mode="ave"),),
    "dense between": (
        lambda L: L.LSTM(4, return_sequences=True),
        lambda L: L.Dense(3, activation="relu"),
        lambda L: L.LSTM(4),
    ),
    "time distributed": (lambda L: L.TimeDistributed(L.Dense(3)), lambda L: L.LSTM(4)),
    "normalized": (lambda L: L.LayerNormalization(), lambda L: L.LSTM(4)),
    "global average": (
        lambda L: L.LSTM(4, return_sequences=True),
        lambda L: L.GlobalAveragePooling1D(),
    ),
    "gru, reset before": (lambda L: L.GRU(5, reset_after=False),),
}


def programs() -> Iterator[Program]:
    """Yield all programs."""
    for n, (name, make) in enumerate(LAYERS.items()):
        for kind, weights in (("mse", ""), ("mae", "sample"), ("huber", "")):
            optimizer = OPTIMIZERS[(n + len(kind)) % len(OPTIMIZERS)]
            full = f"layer, {name}, {kind}" + f", {weights}" * bool(weights)
            yield Program(full, chain(*make), optimizer, kind, weights=weights)
    for name in ACTIVATIONS:

        def activated(L: Any, name: str = name) -> Any:
            return L.Dense(5, activation=name)

        yield Program(f"activation, {name}", chain(lambda L: L.LSTM(5), activated), OPTIMIZERS[2])
    for n, (name, join) in enumerate(JOINED.items()):
        for kind in ("mse", "log_cosh"):
            optimizer = OPTIMIZERS[(n + len(kind)) % len(OPTIMIZERS)]
            yield Program(f"joined, {name}, {kind}", branches(join), optimizer, kind)
    for n, (name, (loss, outputs, activation)) in enumerate(LOSSES.items()):
        for weights in ("", "sample", "class"):
            if weights == "class" and outputs not in ("classes", "rows"):
                continue
            model = ends(activation, lambda L: L.LSTM(5))
            full = f"loss, {name}" + f", {weights}" * bool(weights)
            optimizer = OPTIMIZERS[(n + len(weights)) % len(OPTIMIZERS)]
            yield Program(full, model, optimizer, loss, outputs=outputs, weights=weights)
    for weights in ("", "sample"):
        yield Program(
            "loss, ctc" + f", {weights}" * bool(weights),
            ends(None, lambda L: L.Bidirectional(L.LSTM(4, return_sequences=True))),
            OPTIMIZERS[2],
            "ctc" if weights else lambda k: k.losses.CTC(),
            outputs="labels",
            weights=weights,
        )
    for n, (name, make) in enumerate(MASKED.items()):
        for words in (True, False):
            for weights in ("", "sample"):
                start: Callable[[Any], Any] = (
                    (lambda L: L.Embedding(V, 4, mask_zero=True))
                    if words
                    else (lambda L: L.Masking())
                )
                kind = "words" if words else "numbers"
                full = f"masked, {name}, {kind}" + f", {weights}" * bool(weights)
                optimizer = OPTIMIZERS[n % len(OPTIMIZERS)]
                yield Program(
                    full,
                    chain(start, *make, words=words),
                    optimizer,
                    words=words,
                    padded=not words,
                    weights=weights,
                )
    for n, optimizer in enumerate(OPTIMIZERS):
        for weights in (None, [0.3, 2.0]):
            yield Program(
                f"several, {n}, {weights}",
                two_outputs,
                optimizer,
                ["mse", "categorical_crossentropy"],
                several=True,
                options={"loss_weights": weights},
            )
    for cell in ("LSTM", "GRU", "SimpleRNN"):
        for weights in ("", "sample"):

            def steps(L: Any, cell: str = cell) -> Any:
                return getattr(L, cell)(4, return_sequences=True)

            full = f"steps, {cell}" + f", {weights}" * bool(weights)
            yield Program(full, chain(steps), OPTIMIZERS[2], steps=True, weights=weights)
            yield Program(
                f"{full}, masked",
                chain(lambda L: L.Embedding(V, 4, mask_zero=True), steps, words=True),
                OPTIMIZERS[2],
                words=True,
                steps=True,
                weights=weights,
            )


PROGRAMS = {program.name: program for program in programs()}
