"""A last Dense computed together with its loss: the same training, in less memory."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import lstm
from lstm.backends import BACKENDS, using
from lstm.layers import LSTM, Activation, Dense, Embedding, TiedDense
from lstm.losses import CategoricalCrossentropy
from lstm.metrics import Mean
from tolerances import assert_close

RNG = np.random.default_rng(90)
TOKENS = RNG.integers(1, 9, (7, 5))
PADDED = TOKENS * (np.arange(5) < RNG.integers(1, 6, (7, 1)))
CLASSES = RNG.integers(0, 11, (7, 5))
SHARES = RNG.dirichlet(np.ones(11), (7, 5))
WEIGHTS = RNG.random((7, 5))

FUSED = "Fused in training: the last layer, into the loss"

over_backends = pytest.mark.parametrize("backend", BACKENDS)


class Watcher(Mean):
    """It looks at the outputs, so that they have to be computed."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        assert y_pred.shape == (*y_true.shape[:2], 11)
        super().update_state(y_pred.max(-1), sample_weight)


def model_of(
    activation: str | None = "softmax", *, mask_zero: bool = False, **dense: Any
) -> lstm.Sequential:
    """The same weights every time."""
    lstm.set_seed(91)
    return lstm.Sequential(
        [
            lstm.Input((None,)),
            Embedding(9, 6, mask_zero=mask_zero),
            LSTM(10, return_sequences=True),
            Dense(11, activation=activation, **dense),
        ]
    )


def steps(model: lstm.Model, loss: Any, *data: Any, watched: bool) -> list[Any]:
    """What a test and two training steps give: losses, gradients and weights."""
    model.compile(lstm.optimizers.SGD(0.5), loss, [Watcher("watched")] if watched else None)
    before = model.evaluate(data[0], data[1], verbose=0)
    losses = [before[0] if watched else before]
    gradients = []
    for _ in range(2):
        losses.append(model.train_on_batch(*data, return_dict=True)["loss"])
        gradients.append(model.parameters.gradients.copy())
    return [np.array(losses), *gradients, *model.get_weights()]


def assert_same_training(make: Any, loss: Any, *data: Any) -> None:
    fused, plain = (steps(make(), loss, *data, watched=watched) for watched in (False, True))
    for x, y in zip(fused, plain, strict=True):
        assert_close(x, y, "lstm", terms=TOKENS.size, dtype="float32")


def is_fused(model: lstm.Model, capsys: pytest.CaptureFixture[str]) -> bool:
    model.summary()
    return FUSED in capsys.readouterr().out


@over_backends
@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("target", [CLASSES, SHARES], ids=["classes", "shares"])
@pytest.mark.parametrize("weights", [(), (WEIGHTS,)], ids=["even", "weighted"])
@pytest.mark.parametrize("padded", [False, True])
def test_trains_as_one_that_is_not_fused(
    backend: str, from_logits: bool, target: NDArray[Any], weights: Any, padded: bool
) -> None:
    with using(backend):
        assert_same_training(
            lambda: model_of(None if from_logits else "softmax", mask_zero=padded),
            CategoricalCrossentropy(from_logits),
            PADDED if padded else TOKENS,
            target,
            *weights,
        )


def frozen_below() -> lstm.Model:
    model = model_of()
    for layer in model.layers[:-1]:
        layer.trainable = False
    return model


def alone() -> lstm.Model:
    """Nothing below the Dense that could learn."""
    lstm.set_seed(92)
    x = lstm.Input((None,))
    return lstm.Model(x, Dense(11, "softmax")(lstm.ops.expand_dims(x, -1)))


def shared() -> lstm.Model:
    """A Dense that is called twice, the second time as the last layer."""
    lstm.set_seed(93)
    x, dense = lstm.Input((None,)), Dense(11)
    y = dense(Embedding(9, 11)(x))
    return lstm.Model(x, dense(Activation("tanh")(y)))


def tied(*, table_learns: bool = True, **options: Any) -> lstm.Model:
    """The Dense shares its kernel with the Embedding."""
    lstm.set_seed(94)
    embedding = Embedding(11, 10, trainable=table_learns)
    layers = [embedding, LSTM(10, return_sequences=True)]
    output = TiedDense(embedding, activation="softmax", **options)
    return lstm.Sequential([lstm.Input((None,)), *layers, output])


MODELS = {
    "no bias": lambda: model_of(use_bias=False),
    "frozen head": lambda: model_of(trainable=False),
    "frozen below": frozen_below,
    "alone": alone,
    "shared": shared,
    "tied": tied,
    "tied, no bias": lambda: tied(use_bias=False),
    "tied, frozen table": lambda: tied(table_learns=False),
    "tied, frozen bias": lambda: tied(trainable=False),
}


@over_backends
@pytest.mark.parametrize("make", MODELS.values(), ids=list(MODELS))
def test_whatever_learns(backend: str, make: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with using(backend):
        x = TOKENS.astype(float) if make is alone else TOKENS
        loss = CategoricalCrossentropy(from_logits=make is shared)
        assert_same_training(make, loss, x, CLASSES)
        model = make()
        model.compile("sgd", loss)
        assert is_fused(model, capsys)


class Doubled(CategoricalCrossentropy):
    """A loss of a user's own."""

    def forward(self, *arguments: Any) -> Any:
        loss, cache = super().forward(*arguments)
        return 2 * loss, cache


def test_a_loss_of_ones_own_is_computed_as_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    model = model_of()
    model.compile("sgd", CategoricalCrossentropy())
    loss = model.evaluate(TOKENS, CLASSES, verbose=0)
    assert is_fused(model, capsys)
    model.compile("sgd", Doubled())
    doubled = model.evaluate(TOKENS, CLASSES, verbose=0)
    assert_close(doubled, 2 * loss, "loss", terms=TOKENS.size, dtype="float32")
    assert not is_fused(model, capsys)


def test_metrics_decide_whether_outputs_are_computed(capsys: pytest.CaptureFixture[str]) -> None:
    model, loss = model_of(), "sparse_categorical_crossentropy"
    model.compile("sgd", loss, ["perplexity", "bits_per_character"])
    assert is_fused(model, capsys)
    value, perplexity, bits = model.evaluate(TOKENS, CLASSES, verbose=0)
    assert_close(perplexity, np.exp(value), "loss", dtype="float32")
    assert_close(bits, value / np.log(2), "loss", dtype="float32")
    model.compile("sgd", loss, ["perplexity", "accuracy"])
    assert not is_fused(model, capsys)
    _, _, accuracy = model.evaluate(TOKENS, CLASSES, verbose=0)
    assert accuracy == (model.predict(TOKENS).argmax(-1) == CLASSES).mean()


PROGRAM = """
import re
import numpy as np
import lstm

lstm.use("native")
V, n = 50_000, 2048
model = lstm.Sequential([lstm.Input((8,)), lstm.layers.Dense(V, activation="softmax")])
model.compile("sgd", "sparse_categorical_crossentropy")
x, y = np.ones((n, 8), np.float32), np.arange(n)
model.train_on_batch(x[:1], y[:1])

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read()).group(1)) << 10

before = peak()
model.train_on_batch(x, y)
model.evaluate(x, y, n, verbose=0)
print((peak() - before) / (4 * n * V))
"""


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="looks into the process as Linux does"
)
def test_the_logits_of_a_large_vocabulary_are_never_there_all_at_once() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=False
    )
    assert run.stderr == ""
    # A chunk is an eighth of them; kept even once they would be 1.
    assert float(run.stdout) < 0.5


@over_backends
def test_what_is_padding_is_left_out(backend: str) -> None:
    # As each sequence alone: the same loss, and gradients, whatever stands at the padding.
    with using(backend):
        model, other = model_of(mask_zero=True), model_of(mask_zero=True)
        for each in (model, other):
            each.compile(lstm.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
        real = PADDED > 0
        assert 0.3 < real.mean() < 0.9
        classes = np.where(real, CLASSES, 0)
        losses = [model.train_on_batch(PADDED, CLASSES), other.train_on_batch(PADDED, classes)]
        np.testing.assert_array_equal(*losses)
        np.testing.assert_array_equal(model.parameters.gradients, other.parameters.gradients)
        expected = model_of(mask_zero=True)
        expected.compile(lstm.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
        ragged = [row[row > 0] for row in PADDED]
        total = sum(
            len(x) * expected.evaluate(x[None], y[None, : len(x)], verbose=0)
            for x, y in zip(ragged, CLASSES, strict=True)
        )
        total /= real.sum()
        assert_close(np.array(losses[0]), np.array(total), "lstm", terms=7, dtype="float32")
