"""Regularizers that users write: functions of weights and outputs, and classes with `__call__`."""

import copy
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from gradients import assert_weight_gradient
from lstm import ops
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.layers import LSTM, Bidirectional, Dense, Embedding, Flatten, Layer, TimeDistributed
from lstm.models.plans import Plans
from lstm.regularizers import L1, L2, Regularizer
from own_layers import Total
from tolerances import assert_close

RNG = np.random.default_rng(8)
X, Y = RNG.normal(size=(16, 5, 3)), RNG.normal(size=(16, 2))


class OwnL1(Regularizer):
    """As people write it for Keras, without the constructor of the base."""

    def __init__(self, strength: float = 0.01) -> None:
        self.strength = strength

    def __call__(self, x: Any) -> Any:
        return self.strength * ops.sum(ops.abs(x))

    def get_config(self) -> dict[str, Any]:
        return {"strength": float(self.strength)}


class Thrice(L2):
    def __call__(self, x: Any) -> Any:
        return 3.0 * super().__call__(x)


def orthonormal(w: Any) -> Any:
    """0.2·‖WᵀW - I‖²."""
    error = ops.matmul(ops.transpose(w), w) - np.eye(w.shape[1])
    return 0.2 * ops.sum(ops.square(error))


def rough(x: Any) -> Any:
    """0.3·Σ log(1 + x²)."""
    return 0.3 * ops.sum(ops.log(1.0 + ops.square(x)))


def steep(w: Any) -> Any:
    """2·Σw, whose slope is the same everywhere."""
    return 2.0 * ops.sum(w)


OWN = {"OwnL1": OwnL1, "Thrice": Thrice, "orthonormal": orthonormal, "rough": rough}


def of_users() -> lstm.Sequential:
    lstm.set_seed(4)
    cell = LSTM(
        4,
        kernel_regularizer=OwnL1(0.3),
        recurrent_regularizer=orthonormal,
        bias_regularizer=Thrice(0.02),
        activity_regularizer=rough,
    )
    return lstm.Sequential([lstm.Input((5, 3)), cell, Dense(2, kernel_regularizer=rough)])


def penalty(model: lstm.Sequential) -> float:
    """By hand: what weights and outputs add."""
    kernel, recurrent, bias, dense, _ = (w.astype(float) for w in model.get_weights())
    h = lstm.Model(model.input, model.layers[0].output).predict(X).astype(float)
    return float(
        0.3 * np.abs(kernel).sum()
        + 0.2 * ((recurrent.T @ recurrent - np.eye(16)) ** 2).sum()
        + 0.06 * (bias**2).sum()
        + 0.3 * np.log(1 + dense**2).sum()
        + 0.3 * np.log(1 + h**2).sum() / len(X)
    )


def only_penalty(*layers: Any, shape: tuple[int | None, ...] = (5, 3)) -> lstm.Sequential:
    """A model with a loss of 0 besides what its layers add."""
    lstm.set_seed(4)
    model = lstm.Sequential([lstm.Input(shape), *layers])
    model.compile(lstm.optimizers.SGD(0.25), lambda y_true, y_pred: 0.0 * ops.sum(y_pred))
    return model


class TestRegularizersOfUsers:
    @pytest.mark.parametrize("backend", ["reference", "native"])
    def test_add_to_the_loss(self, backend: str) -> None:
        with lstm.backends.using(backend):
            model = of_users()
        model.compile(lstm.optimizers.SGD(0.01), "mse")
        for _ in range(4):  # The last ones are planned.
            expected = np.mean((model.predict(X) - Y) ** 2) + penalty(model)
            assert_close(model.evaluate(X, Y), expected, "loss", terms=200, dtype="float32")
            assert_close(model.train_on_batch(X, Y), expected, "loss", terms=200, dtype="float32")
        assert len(model._trainer._passes.plans.planned) == (2 if backend == "native" else 0)

    @pytest.mark.usefixtures("float64")
    def test_have_their_gradients(self) -> None:
        model = of_users()
        # Away from 0, where the slope of a magnitude jumps.
        model.set_weights([np.where(w >= 0, w + 0.1, w - 0.1) for w in model.get_weights()])
        model.compile(lstm.optimizers.SGD(0.0), "mse")
        model.train_on_batch(X, Y)
        for name, weight in model.graph.weights.items():
            assert_weight_gradient(weight, lambda: model.evaluate(X, Y, batch_size=16), name)

    def test_train_to_the_same_bits_step_by_step(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def course() -> tuple[int, list[Any]]:
            model = of_users()
            model.compile("adam", "mse")
            losses = [model.train_on_batch(X, Y) for _ in range(5)]
            return len(model._trainer._passes.plans.planned), [*losses, *model.get_weights()]

        with lstm.backends.using("native"):
            plans, planned = course()
            monkeypatch.setattr(Plans, "find", lambda *_: None)
            none, stepped = course()
        assert (plans, none) == (1, 0)
        for one, other in zip(planned, stepped, strict=True):
            assert_array_equal(one, other)

    @pytest.mark.parametrize("backend", ["reference", "native"])
    def test_equal_those_of_the_library(self, backend: str) -> None:
        with lstm.backends.using(backend):
            losses = [
                [model.train_on_batch(X, Y) for _ in range(4)]
                for own in (OwnL1(0.2), L1(0.2), lambda w: 0.2 * ops.sum(ops.abs(w)))
                for model in [only_penalty(LSTM(2, kernel_regularizer=own))]
            ]
        assert losses[0] == losses[2]
        assert_close(losses[0], losses[1], "loss", terms=24, dtype="float32")

    def test_leave_padding_in_as_the_library_does(self) -> None:
        def half(x: Any) -> Any:
            return 0.5 * ops.sum(ops.square(x))

        sequences, targets = [X[0], X[1, :2]], [np.ones((5, 1)), np.ones((2, 1))]
        losses = []
        for costs in (half, L2(0.5)):
            lstm.set_seed(4)
            cell = LSTM(3, return_sequences=True, activity_regularizer=costs)
            model = lstm.Sequential([lstm.Input((None, 3)), cell, Dense(1)])
            model.compile("sgd", "mse")
            losses.append([model.train_on_batch(sequences, targets) for _ in range(3)])
        assert_close(losses[0], losses[1], "loss", terms=30, dtype="float32")

    def test_of_embeddings(self) -> None:
        model = only_penalty(Embedding(7, 3, embeddings_regularizer=steep), LSTM(2), shape=(4,))
        (before, *_), tokens = model.get_weights(), np.ones((2, 4), int)
        assert_close(model.evaluate(tokens, Y[:2]), 2 * before.sum(), "loss", terms=21, dtype="f")
        model.train_on_batch(tokens, Y[:2])
        assert_close(model.get_weights()[0], before - 0.25 * 2, "pointwise")

    def test_of_frozen_weights_do_not_count(self) -> None:
        model = only_penalty(Dense(2, kernel_regularizer=steep, trainable=False))
        assert model.evaluate(X, X[..., :2]) == 0

    def test_read_their_numbers_before_each_step(self) -> None:
        costs = OwnL1(0.0)
        model = only_penalty(Dense(2, kernel_regularizer=costs))
        total = np.abs(model.get_weights()[0].astype(float)).sum()
        for k in range(9):
            costs.strength = float(k // 4)
            expected = costs.strength * total
            assert_close(model.evaluate(X, X[..., :2]), expected, "loss", terms=6, dtype="f")

    def test_may_be_a_constant(self) -> None:
        model = only_penalty(Dense(2, kernel_regularizer=lambda w: 0.0, bias_regularizer=L1(0)))
        assert [model.train_on_batch(X, X[..., :2]) for _ in range(4)] == [0.0] * 4

    def test_with_a_layer_of_users_are_computed_step_by_step(self, capsys: Any) -> None:
        def total(x: Any) -> Any:
            return ops.sum(Total()(x))

        for options in ({"kernel_regularizer": total}, {"activity_regularizer": total}):
            model = only_penalty(Dense(2, **options))
            losses = [model.train_on_batch(X, X[..., :2]) for _ in range(4)]
            assert losses[0] > losses[3]
            assert not model._trainer._passes.plans.planned
            model.summary()
            assert "No plan: total calls a layer of your own" in capsys.readouterr().out


class Weighted(Layer):
    def build(self, shape: Any) -> None:
        self.w = self.add_weight("w", (shape[-1], 2), regularizer=OwnL1(0.5))

    def call(self, inputs: Any) -> Any:
        return inputs @ self.w


class Scaled(Layer):
    memoryless = keeps_mask = True

    def build(self, shape: Any) -> None:
        self.add_weight("factor", (shape[-1],), "ones", regularizer=steep)

    def output_shapes(self, *shapes: Any) -> Any:
        return shapes

    def forward(self, run: Any, *inputs: Any, mask: Any) -> Any:
        return (inputs[0] * self.value("factor"),), inputs[0]

    def backward(self, run: Any, cache: Any, *gradients: Any, need: Any) -> Any:
        self.gradient("factor")[...] += (gradients[0] * cache).sum((0, 1))
        return (gradients[0] * self.value("factor"),)


class TestAddWeight:
    def test_takes_a_regularizer(self) -> None:
        model = only_penalty(Weighted(), Scaled())
        w, factor = model.get_weights()
        expected = 0.5 * np.abs(w.astype(float)).sum() + 2 * factor.sum()
        assert_close(model.evaluate(X, X[..., :2]), expected, "loss", terms=8, dtype="float32")
        model.train_on_batch(X, X[..., :2])
        assert_close(model.get_weights()[0], w - 0.125 * np.sign(w), "pointwise")
        assert_close(model.get_weights()[1], factor - 0.5, "pointwise")

    def test_keeps_it_in_copies_and_files(self, tmp_path: Path) -> None:
        layer = Scaled()
        layer(X)
        assert copy.deepcopy(layer).weights[0].regularizer is not None
        model = only_penalty(Weighted(), Scaled())
        expected = model.evaluate(X, X[..., :2])
        assert copy.deepcopy(model).evaluate(X, X[..., :2]) == expected
        model.save(tmp_path / "model.safetensors")
        own = {"Weighted": Weighted, "Scaled": Scaled, "OwnL1": OwnL1}
        for known in (own, {"Scaled": Scaled, "OwnL1": OwnL1}):
            again = lstm.load_model(tmp_path / "model.safetensors", known)
            again.compile("sgd", lambda y_true, y_pred: 0.0 * ops.sum(y_pred))
            assert again.evaluate(X, X[..., :2]) == expected

    def test_names_it_in_errors(self) -> None:
        with pytest.raises(InvalidTypeError, match=r"^regularizer of w: expected a regularizer"):
            Layer().add_weight("w", (2,), regularizer=0.1)  # type: ignore[arg-type]


@pytest.fixture
def registered() -> Iterator[None]:
    with lstm.utils.custom_object_scope(OWN):
        yield


class TestFiles:
    def test_hold_names(self, tmp_path: Path) -> None:
        model = of_users()
        model.compile("sgd", "mse")
        model.fit(X, Y, verbose=0)
        model.save(tmp_path / "model.safetensors")
        again = lstm.load_model(tmp_path / "model.safetensors", custom_objects=OWN)
        assert isinstance(again, lstm.Sequential)
        assert again.evaluate(X, Y) == model.evaluate(X, Y)

    @pytest.mark.parametrize(
        "around",
        [
            lambda cell: cell,
            Bidirectional,
            lambda cell: Bidirectional(cell, backward_layer=LSTM(4, go_backwards=True)),
            lambda cell: TimeDistributed(Dense(2, kernel_regularizer=cell.kernel_regularizer)),
            lambda cell: lstm.Sequential([lstm.Input((5, 3)), cell]),
        ],
        ids=["layer", "both ways", "back by another", "over time", "model"],
    )
    def test_hold_them_in_layers_within_others(self, around: Any, tmp_path: Path) -> None:
        cell = LSTM(4, kernel_regularizer=OwnL1(0.3), recurrent_regularizer=orthonormal)
        model = lstm.Sequential([lstm.Input((5, 3)), around(cell), Flatten(), Dense(2)])
        model.compile("sgd", "mse")
        model.save(tmp_path / "model.safetensors")
        for again in (
            lstm.load_model(tmp_path / "model.safetensors", custom_objects=OWN),
            copy.deepcopy(model),
        ):
            assert type(again.layers[0]) is type(model.layers[0])
            assert again.evaluate(X, Y) == model.evaluate(X, Y)

    def test_need_them(self, tmp_path: Path) -> None:
        of_users().save(tmp_path / "model.safetensors")
        with pytest.raises(
            InvalidValueError, match=r"^custom_objects: expected the regularizer '\w+'.*got none"
        ):
            lstm.load_model(tmp_path / "model.safetensors")

    @pytest.mark.usefixtures("registered")
    def test_find_what_is_registered(self, tmp_path: Path) -> None:
        model = of_users()
        model.save(tmp_path / "model.safetensors")
        layer = lstm.load_model(tmp_path / "model.safetensors").layers[0]
        assert layer.get_config() == model.layers[0].get_config()
        for again in (
            LSTM.from_config(layer.get_config()),
            lstm.Sequential.from_config(model.get_config()).layers[0],
            lstm.models.model_from_json(model.to_json()).layers[0],
        ):
            assert again.get_config() == layer.get_config()

    @pytest.mark.usefixtures("registered")
    def test_are_found_by_registered_names(self) -> None:
        for name, own in OWN.items():
            found = lstm.regularizers.get(name)
            assert found is not None
            assert found.source is own

    def test_say_what_a_class_was_made_with(self) -> None:
        config = Dense(2, kernel_regularizer=OwnL1(0.5)).get_config()["kernel_regularizer"]
        assert config == {"class": "OwnL1", "config": {"strength": 0.5}, "custom": True}
        again = lstm.regularizers.get(config, custom_objects=OWN)
        assert isinstance(again, OwnL1)
        assert again.strength == 0.5

    def test_tell_a_class_from_one_of_the_library(self) -> None:
        own = type("L2", (OwnL1,), {"__module__": "mine"})
        config = lstm.regularizers.serialize(own())
        assert config is not None
        assert isinstance(lstm.regularizers.get(config, custom_objects={"L2": own}), own)
        with pytest.raises(InvalidValueError, match=r"^custom_objects: .*'L2'"):
            lstm.regularizers.get(config)

    def test_cannot_hold_a_lambda(self, tmp_path: Path) -> None:
        model = lstm.Sequential([lstm.Input((3,)), Dense(2, kernel_regularizer=lambda w: 0.0)])
        with pytest.raises(
            InvalidTypeError,
            match=r"^regularizer <lambda>: expected what a file can hold.*got function",
        ):
            model.save(tmp_path / "model.safetensors")

    @pytest.mark.parametrize(
        "copied",
        [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))],
        ids=["copy", "deepcopy", "pickle"],
    )
    def test_are_not_needed_for_copies(self, copied: Any) -> None:
        model = of_users()
        model.compile("adam", "mse")
        model.train_on_batch(X, Y)
        again = copied(model)
        for _ in range(3):
            assert again.train_on_batch(X, Y) == model.train_on_batch(X, Y)

    def test_are_not_needed_for_clones(self) -> None:
        model = of_users()
        again = lstm.models.clone_model(model)
        again.set_weights(model.get_weights())
        for one in (model, again):
            one.compile("sgd", "mse")
        assert again.evaluate(X, Y) == model.evaluate(X, Y)


@pytest.mark.parametrize("spec", [OwnL1, OwnL1(), orthonormal, lambda w: ops.sum(w)])
def test_get(spec: Any) -> None:
    found = lstm.regularizers.get(spec)
    assert isinstance(found, lstm.Regularizer)
    assert lstm.regularizers.get(found) is found


def test_are_functions_of_arrays() -> None:
    w = RNG.normal(size=(4, 3))
    assert_close(float(L1(0.5)(w)), 0.5 * np.abs(w).sum(), "loss", terms=12, dtype="float32")
    assert_close(float(Thrice(2)(w)), 6 * (w**2).sum(), "loss", terms=12, dtype="float32")


ONE_NUMBER = "expected one number, made of its argument by lstm.ops, got"


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda w: w, rf"{ONE_NUMBER} a tensor of shape \(3, 2\)"),
        (lambda w: ops.sum(w, axis=0), rf"{ONE_NUMBER} a tensor of shape \(2,\)"),
        (lambda w: None, f"{ONE_NUMBER} None"),
        (lambda w: "much", f"{ONE_NUMBER} str 'much'"),
        (lambda w: float("nan"), f"{ONE_NUMBER} float nan"),
        (lambda w: [ops.sum(w)], ONE_NUMBER),
        (lambda w: np.sum(np.abs(w)), "functions of lstm.ops.*got absolute of NumPy"),
        (lambda w: w if ops.sum(w) > 0 else -w, "got a branch on it"),
    ],
)
def test_what_is_not_one_number_is_refused_at_once(function: Any, message: str) -> None:
    """When the weight is made, long before a step of training."""
    with pytest.raises(InvalidTypeError, match=message):
        lstm.Sequential([lstm.Input((3,)), Dense(2, kernel_regularizer=function)])


def test_a_class_without_call_is_refused() -> None:
    with pytest.raises(NotImplementedError, match=r"__call__\(x\)"):
        Dense(2, kernel_regularizer=type("Empty", (Regularizer,), {})())(lstm.Input((3,)))
