"""Writes keras_models.safetensors: what models of Keras come to, for tests/test_keras_models.py.

Needs Keras and TensorFlow, which the tests themselves do not (on JAX the states of stateful layers
are lost between calls); run by hand:

    KERAS_BACKEND=tensorflow PYTHONPATH=tests python tests/golden/make_keras_models.py

Everything is float64 and random, from one seed. Each case stores what went in, the weights in the
order of `get_weights`, and what came out.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from safetensors.numpy import save_file

from branched_models import BRANCHED

golden: dict[str, np.ndarray] = {}
rng = np.random.default_rng(0)
keras.config.set_floatx("float64")

X = rng.normal(size=(7, 5, 2))
TOKENS = rng.integers(1, 6, (7, 5))
for row, length in enumerate((5, 2, 4, 1, 3, 5, 2)):
    TOKENS[row, length:] = 0
BEFORE = np.array([np.roll(row, (row == 0).sum()) for row in TOKENS])
NUMBERS = rng.normal(size=(7, 5, 2))
CLASSES = rng.integers(0, 3, (7, 5))
EACH, STEPS = rng.uniform(0.2, 3, 7), rng.uniform(0.2, 3, (7, 5))


def keep(case: str, **arrays: Any) -> None:
    """Store arrays under "case/name"."""
    for name, array in arrays.items():
        golden[f"{case}/{name}"] = np.array(array, order="C")


def with_random_weights(case: str, model: Any) -> Any:
    """The model with weights of no symmetry, which are stored."""
    model.set_weights([rng.normal(0, 0.7, w.shape) for w in model.get_weights()])
    keep(case, **{f"weight{k}": w for k, w in enumerate(model.get_weights())})
    return model


def outputs(case: str, model: Any, *x: Any) -> None:
    """Store what the model makes of x."""
    with_random_weights(case, model)
    keep(case, y=model.predict(list(x) if len(x) > 1 else x[0], verbose=0))


def training(case: str, model: Any, x: Any, y: Any, batch_size: int, **options: Any) -> None:
    """Store the record of two epochs of a compiled model, and where its weights end."""
    with_random_weights(case, model)
    history = model.fit(x, y, batch_size, 2, 0, shuffle=False, **options).history
    keep(case, **{f"history.{key}": values for key, values in history.items()})
    keep(case, **{f"trained{k}": w for k, w in enumerate(model.get_weights())})


def of_numbers(units: int = 2, activation: str | None = None) -> Any:
    return keras.Sequential(
        [
            keras.Input((5, 2)),
            layers.LSTM(3, return_sequences=True),
            layers.Dense(units, activation),
        ]
    )


def of_tokens() -> Any:
    return keras.Sequential(
        [
            keras.Input((5,)),
            layers.Embedding(6, 2, mask_zero=True),
            layers.LSTM(3, return_sequences=True),
            layers.Dense(3, "softmax"),
        ]
    )


def of_vectors(units: int, activation: str) -> Any:
    return keras.Sequential([keras.Input((2,)), layers.Dense(units, activation)])


def merged(merge: Callable[[list[Any]], Any]) -> Any:
    inputs = [keras.Input((5,)), keras.Input((5,))]
    embedding = layers.Embedding(6, 2, mask_zero=True)
    return keras.Model(inputs, layers.LSTM(3)(merge([embedding(x) for x in inputs])))


# ---- masks

for name, merge in (
    ("add", layers.Add()),
    ("average", layers.Average()),
    ("multiply", layers.Multiply()),
    ("concatenate", layers.Concatenate()),
    ("joined", layers.Concatenate(axis=1)),
):
    outputs(f"merge {name}", merged(merge), TOKENS, np.roll(TOKENS, 1, axis=0))

for name, tokens in (("behind", TOKENS), ("before", BEFORE)):
    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Embedding(6, 2, mask_zero=True),
            layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
        ]
    )
    outputs(f"bidirectional {name}", model, tokens)

# ---- weights of examples, steps and classes

for name, model, y, weight in (
    ("examples", of_vectors(2, "tanh"), NUMBERS[:, 0], EACH),
    ("steps", of_numbers(), NUMBERS, STEPS),
):
    x = X[:, 0] if name == "examples" else X
    model.compile(
        keras.optimizers.SGD(0.1), "mse", metrics=["mae"], weighted_metrics=["mae", "mse"]
    )
    training(f"weights of {name}", model, x, y, 3, sample_weight=weight)

model = of_tokens()
model.compile(
    keras.optimizers.SGD(0.1),
    "sparse_categorical_crossentropy",
    metrics=["accuracy"],
    weighted_metrics=["accuracy"],
)
training("weights and padding", model, TOKENS, CLASSES, 7, sample_weight=STEPS)

binary = (rng.random(7) < 0.4).astype(int)
for name, model, y in (
    ("binary", of_vectors(1, "sigmoid"), binary[:, None]),
    ("sparse", of_vectors(3, "softmax"), CLASSES[:, 0]),
    ("one-hot", of_vectors(3, "softmax"), np.eye(3)[CLASSES[:, 0]]),
):
    losses = {"binary": "binary_crossentropy", "sparse": "sparse_categorical_crossentropy"}
    loss = losses.get(name, "categorical_crossentropy")
    model.compile(keras.optimizers.SGD(0.1), loss, metrics=["accuracy"], weighted_metrics=["acc"])
    training(f"classes {name}", model, X[:, 0], y, 3, class_weight={0: 0.5, 1: 4.0})

# ---- accuracy, by the shapes of outputs and targets

for name, units, activation, loss, y in (
    ("one-hot, mse", 3, "softmax", "mse", np.eye(3)[CLASSES]),
    ("one-hot, binary", 3, "sigmoid", "binary_crossentropy", np.eye(3)[CLASSES]),
    ("one-hot", 3, "softmax", "categorical_crossentropy", np.eye(3)[CLASSES]),
    ("classes", 3, "softmax", "sparse_categorical_crossentropy", CLASSES),
    ("single, mse", 1, "sigmoid", "mse", (CLASSES > 1)[..., None].astype(float)),
    ("single", 1, "sigmoid", "binary_crossentropy", (CLASSES > 1)[..., None].astype(float)),
):
    model = with_random_weights(f"accuracy {name}", of_numbers(units, activation))
    model.compile("sgd", loss, metrics=["accuracy"])
    keep(f"accuracy {name}", y=y, accuracy=model.evaluate(X, y, verbose=0)[1])

# ---- the last examples, and states that go on

for share in (0.25, 0.2, 0.5):
    model = of_numbers()
    model.compile(keras.optimizers.SGD(0.1), "mse")
    x, y = np.concatenate([X, X[:3]]), np.concatenate([NUMBERS, NUMBERS[:3]])
    training(f"split {share}", model, x, y, 10, validation_split=share)

model = keras.Sequential(
    [keras.Input(batch_shape=(7, 5, 2)), layers.LSTM(3, stateful=True, return_sequences=True)]
)
with_random_weights("stateful", model)
model.compile(keras.optimizers.SGD(0.1), "mse")
target = rng.normal(size=(7, 5, 3))
keep("stateful", target=target)
keep("stateful", losses=[model.evaluate(X, target, batch_size=7, verbose=0) for _ in range(3)])
history = model.fit(X, target, batch_size=7, epochs=3, shuffle=False, verbose=0).history
keep("stateful", trained=history["loss"])

# ---- the order of weights

for name, build in BRANCHED.items():
    model = with_random_weights(name, build(keras))
    y = model.predict(X, verbose=0)
    keep(name, **{f"y{k}": part for k, part in enumerate(y if isinstance(y, list) else [y])})

keep(
    "data",
    x=X,
    tokens=TOKENS,
    before=BEFORE,
    numbers=NUMBERS,
    classes=CLASSES,
    binary=binary,
    each=EACH,
    steps=STEPS,
)
save_file(golden, Path(__file__).with_name("keras_models.safetensors"))
