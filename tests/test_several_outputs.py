"""Models with several outputs: losses, weights, metrics and targets, by order and by name."""

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from gradients import assert_weight_gradient
from lstm.callbacks import EarlyStopping, ModelCheckpoint
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.layers import LSTM, Dense, Embedding
from tolerances import assert_close

RNG = np.random.default_rng(9)
X = RNG.normal(size=(24, 5, 3))
PRICE, KIND = X[:, 0, :1] + 0.1, X[:, 1].argmax(-1)
TARGETS = {"price": PRICE, "kind": KIND}
LOSSES = {"price": "mse", "kind": "sparse_categorical_crossentropy"}


def model_of() -> lstm.Model:
    lstm.set_seed(3)
    x = lstm.Input((5, 3))
    y = LSTM(6)(x)
    price = Dense(1, name="price")(y)
    return lstm.Model(x, [price, Dense(3, activation="softmax", name="kind")(y)])


def by_hand(model: lstm.Model) -> tuple[float, float]:
    """The two losses."""
    price, kind = (y.astype(float) for y in model.predict(X))
    picked = kind[np.arange(len(KIND)), KIND]
    return float(np.mean((price - PRICE) ** 2)), float(-np.log(picked).mean())


class TestLosses:
    @pytest.mark.parametrize(
        ("loss", "weights", "factors"),
        [
            (LOSSES, None, (1, 1)),
            (list(LOSSES.values()), [0.5, 2.0], (0.5, 2)),
            (LOSSES, {"kind": 0.1}, (1, 0.1)),
            ({"kind": LOSSES["kind"]}, None, (0, 1)),
            ([None, LOSSES["kind"]], None, (0, 1)),
        ],
    )
    def test_add_up(self, loss: Any, weights: Any, factors: tuple[float, float]) -> None:
        model = model_of()
        model.compile("sgd", loss, loss_weights=weights)
        price, kind = by_hand(model)
        expected = factors[0] * price + factors[1] * kind
        logs = model.evaluate(X, TARGETS, return_dict=True)
        assert_close(logs["loss"], expected, "loss", terms=48, dtype="float32")
        if factors[0]:
            assert_close(logs["price_loss"], price, "loss", terms=48, dtype="float32")
        assert_close(logs["kind_loss"], kind, "loss", terms=48, dtype="float32")

    @pytest.mark.usefixtures("float64")
    def test_have_their_gradients(self) -> None:
        model = model_of()
        model.compile(lstm.optimizers.SGD(0.0), LOSSES, loss_weights=[0.5, 2.0])
        model.train_on_batch(X, TARGETS)

        def loss() -> float:
            return float(model.evaluate(X, TARGETS, return_dict=True)["loss"])

        for name, weight in model.graph.weights.items():
            assert_weight_gradient(weight, loss, name)

    def test_one_for_all(self) -> None:
        model = model_of()
        model.compile("sgd", "mse")
        price, kind = model.predict(X)
        rows = np.eye(3)[KIND]
        expected = np.mean((price - PRICE) ** 2) + np.mean((kind - rows) ** 2)
        logs = model.evaluate(X, [PRICE, rows], return_dict=True)
        assert_close(logs["loss"], expected, "loss", terms=72, dtype="float32")

    @pytest.mark.parametrize("by_name", [True, False])
    def test_weigh_examples_of_each_output(self, by_name: bool) -> None:
        model = model_of()
        model.compile("sgd", LOSSES, metrics={"price": "mae"}, weighted_metrics={"price": ["mae"]})
        price, kind = (y.astype(float) for y in model.predict(X))
        of_price, of_kind = RNG.random(len(X)), RNG.random(len(X))
        weights: Any = {"price": of_price, "kind": of_kind} if by_name else [of_price, of_kind]
        first = np.mean(of_price * ((price - PRICE) ** 2)[:, 0])
        second = -np.mean(of_kind * np.log(kind[np.arange(len(KIND)), KIND]))
        logs = model.evaluate(X, TARGETS, sample_weight=weights, return_dict=True)
        off = np.abs(price - PRICE)[:, 0]
        expected = {
            "loss": first + second,
            "price_loss": first,
            "kind_loss": second,
            "price_mae": off.mean(),
            "price_mae_1": np.average(off, weights=of_price),
        }
        for name, value in expected.items():
            assert_close(logs[name], value, "loss", terms=48, dtype="float32")
        assert model.test_on_batch(X, TARGETS, weights)[0] == pytest.approx(logs["loss"], rel=1e-6)
        # The same for each output.
        alike = model.evaluate(X, TARGETS, sample_weight=of_price, return_dict=True)
        for name in ("price_loss", "price_mae", "price_mae_1"):
            assert_close(alike[name], expected[name], "loss", terms=48, dtype="float32")
        assert alike["loss"] == pytest.approx(alike["price_loss"] + alike["kind_loss"], rel=1e-6)
        only = model.evaluate(X, TARGETS, sample_weight={"kind": of_kind}, return_dict=True)
        assert_close(only["kind_loss"], second, "loss", terms=48, dtype="float32")
        assert_close(only["price_loss"], by_hand(model)[0], "loss", terms=48, dtype="float32")

    def test_weighted_metrics_are_in_files(self, tmp_path: Path) -> None:
        model = model_of()
        model.compile("sgd", LOSSES, weighted_metrics={"kind": ["accuracy"]})
        model.save(tmp_path / "model.lstm")
        again = lstm.load_model(tmp_path / "model.lstm")
        weights = {"kind": RNG.random(len(X))}
        logs = [m.evaluate(X, TARGETS, sample_weight=weights) for m in (model, again)]
        assert again.metrics_names == ["loss", "price_loss", "kind_loss", "kind_accuracy"]
        assert_array_equal(*logs)

    def test_weigh_steps_that_are_real(self) -> None:
        lstm.set_seed(1)
        x = lstm.Input((4,))
        y = LSTM(4, return_sequences=True)(Embedding(5, 3, mask_zero=True)(x))
        model = lstm.Model(x, [Dense(2, name="a")(y), Dense(1, name="b")(y)])
        model.compile("sgd", ["mse", "mse"], metrics={"a": "mse"}, weighted_metrics={"a": ["mse"]})
        words = np.array([[1, 2, 3, 0], [4, 1, 2, 0]])
        targets, weights = [RNG.normal(size=(2, 4, n)) for n in (2, 1)], RNG.random((2, 4))
        outputs = zip(model.predict(words), targets, strict=True)
        a, b = (np.square(p - target).mean(-1) for p, target in outputs)
        expected = (a * weights)[:, :3].mean() + b[:, :3].mean()
        logs = model.evaluate(words, targets, sample_weight={"a": weights}, return_dict=True)
        assert_close(logs["loss"], expected, "loss", terms=24, dtype="float32")
        assert_close(logs["a_mse"], a[:, :3].mean(), "loss", terms=24, dtype="float32")
        weighted = np.average(a[:, :3], weights=weights[:, :3])
        assert_close(logs["a_mse_1"], weighted, "loss", terms=24, dtype="float32")

    def test_count_real_steps_only(self) -> None:
        lstm.set_seed(1)
        x = lstm.Input((None,))
        y = LSTM(4, return_sequences=True)(Embedding(5, 3, mask_zero=True)(x))
        last = Dense(1, name="last")(LSTM(2)(y))
        model = lstm.Model(x, [Dense(2, name="steps")(y), last])
        model.compile("sgd", ["mse", "mse"])
        words = np.array([[1, 2, 3, 0], [4, 1, 2, 0]])
        steps, ends = RNG.normal(size=(2, 4, 2)), RNG.normal(size=(2, 1))
        y1, y2 = model.predict(words)
        expected = ((y1 - steps) ** 2)[:, :3].mean() + ((y2 - ends) ** 2).mean()
        logs = model.evaluate(words, [steps, ends], return_dict=True)
        assert_close(logs["loss"], expected, "loss", terms=24, dtype="float32")


class TestTraining:
    def test_learns_and_tells_each(self) -> None:
        model = model_of()
        model.compile("adam", LOSSES, metrics={"kind": ["accuracy"], "price": "mae"})
        history = model.fit(X, TARGETS, epochs=4, verbose=0, validation_split=0.25).history
        names = ["loss", "price_loss", "kind_loss", "price_mae", "kind_accuracy"]
        assert list(history) == names + [f"val_{name}" for name in names]
        assert history["loss"][-1] < history["loss"][0]

    def test_batches_give_the_same_as_arrays(self) -> None:
        class Loader:
            def __init__(self, by_name: bool) -> None:
                self.by_name = by_name

            def __len__(self) -> int:
                return 3

            def __getitem__(self, k: int) -> Any:
                rows = slice(8 * k, 8 * k + 8)
                if self.by_name:
                    return X[rows], {"kind": KIND[rows], "price": PRICE[rows]}
                return X[rows], [PRICE[rows], KIND[rows]], np.ones(8)

        logs = []
        for data in (
            (X, TARGETS),
            (Loader(True),),
            (Loader(False),),
            ((Loader(True)[k] for k in range(3)),),
        ):
            lstm.set_seed(4)
            model = model_of()
            model.compile("adam", LOSSES, metrics={"kind": ["accuracy"]})
            validation = data if len(data) == 2 else Loader(True)
            history = model.fit(
                *data, batch_size=8, shuffle=False, verbose=0, validation_data=validation
            )
            logs.append({name: values[0] for name, values in history.history.items()})
            logs[-1]["again"] = model.evaluate(Loader(True), return_dict=True)["loss"]
        assert "val_kind_accuracy" in logs[0]
        for other in logs[1:]:
            assert other == pytest.approx(logs[0], rel=1e-5)

    def test_metrics_are_those_of_the_output(self) -> None:
        model = model_of()
        model.compile("sgd", LOSSES, metrics=[["mae"], ["accuracy"]])
        price, kind = model.predict(X)
        logs = model.evaluate(X, [PRICE, KIND], return_dict=True)
        assert logs["kind_accuracy"] == pytest.approx((kind.argmax(-1) == KIND).mean())
        assert logs["price_mae"] == pytest.approx(np.abs(price - PRICE).mean(), rel=1e-5)

    def test_plans_give_the_same_bits(self) -> None:
        """Whole epochs in native calls, and batch by batch."""
        first, second = model_of(), model_of()
        for model in (first, second):
            model.compile("adam", LOSSES)
        first.fit(X, TARGETS, batch_size=8, epochs=6, shuffle=False, verbose=0)
        for _ in range(6):
            for k in range(0, 24, 8):
                part = {name: y[k : k + 8] for name, y in TARGETS.items()}
                second.train_on_batch(X[k : k + 8], part)
        for mine, theirs in zip(first.get_weights(), second.get_weights(), strict=True):
            assert_array_equal(mine, theirs)

    def test_sample_weights_count_for_all(self) -> None:
        model = model_of()
        model.compile("sgd", LOSSES)
        weights = np.r_[np.ones(12), np.zeros(12)]
        got = model.evaluate(X, TARGETS, sample_weight=weights, return_dict=True)["loss"]
        half = {name: y[:12] for name, y in TARGETS.items()}
        expected = model.evaluate(X[:12], half, return_dict=True)["loss"] / 2
        assert_close(got, expected, "loss", terms=48, dtype="float32")

    def test_classes_and_one_hot_rows_are_the_same(self) -> None:
        model = model_of()
        model.compile("sgd", ["mse", "categorical_crossentropy"])
        got = [model.evaluate(X, [PRICE, kind]) for kind in (KIND, KIND[:, None], np.eye(3)[KIND])]
        assert got[0] == got[1] == got[2]

    @pytest.mark.parametrize("way", ["file", "pickle", "copy"])
    def test_goes_on_in_a_copy(self, way: str, tmp_path: Path) -> None:
        """A copy has the losses, weights and metrics, and the state of the optimizer."""
        model = model_of()
        model.compile("adam", LOSSES, {"kind": 0.5}, metrics={"kind": ["accuracy"]})
        model.fit(X, TARGETS, epochs=2, verbose=0)
        if way == "file":
            model.save(tmp_path / "model.safetensors")
            again = lstm.load_model(tmp_path / "model.safetensors")
        else:
            again = copy.deepcopy(model) if way == "copy" else pickle.loads(pickle.dumps(model))
        assert again.evaluate(X, TARGETS) == model.evaluate(X, TARGETS)
        for one in (model, again):
            one.fit(X, TARGETS, epochs=2, shuffle=False, verbose=0)
        for mine, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
            assert_array_equal(mine, theirs)

    def test_the_same_layer_twice_gives_two_names(self) -> None:
        x, end = lstm.Input((3,)), Dense(2, name="end")
        model = lstm.Model(x, [end(x), end(2.0 * x)])
        model.compile("sgd", "mse")
        y = np.zeros((4, 2))
        logs = model.evaluate(np.ones((4, 3)), [y, y], return_dict=True)
        assert [*logs] == ["loss", "end_loss", "end_1_loss"]
        assert_close(logs["end_1_loss"], 4 * logs["end_loss"], "loss", terms=8, dtype="float32")

    def test_inputs_by_name(self) -> None:
        a, b = lstm.Input((3,), name="a"), lstm.Input((2,), name="b")
        ends = [Dense(1, name="sum")(lstm.layers.Concatenate()([a, b])), Dense(1, name="own")(a)]
        model = lstm.Model([a, b], ends)
        model.compile("sgd", "mse")
        data = {"b": RNG.normal(size=(8, 2)), "a": RNG.normal(size=(8, 3))}
        targets = {"own": np.ones(8), "sum": np.zeros(8)}
        model.fit(data, targets, epochs=2, verbose=0)

    def test_callbacks_see_the_model(self, tmp_path: Path) -> None:
        model = model_of()
        model.compile("adam", LOSSES)
        path = tmp_path / "best.safetensors"
        callbacks = [ModelCheckpoint(path), EarlyStopping("val_price_loss", patience=50)]
        data = (X, TARGETS)
        model.fit(X, TARGETS, epochs=2, verbose=0, validation_data=data, callbacks=callbacks)
        again = lstm.load_model(path)
        for mine, theirs in zip(again.predict(X), model.predict(X), strict=True):
            assert_array_equal(mine, theirs)


def test_a_batch_of_other_targets_is_refused_by_name() -> None:
    model = model_of()
    model.compile("sgd", "mse")
    batches = [(X, [PRICE, RNG.normal(size=(24, n))]) for n in (3, 2)]
    with pytest.raises(InvalidShapeError, match=r"^y of kind: expected shape .24, 3., got shape"):
        model.fit(iter(batches), steps_per_epoch=2)


def test_a_model_that_is_not_traced_yet() -> None:
    class Two(lstm.Model):
        def __init__(self) -> None:
            super().__init__()
            self.ends = [Dense(1, name="first"), Dense(2, name="second")]

        def call(self, inputs: Any) -> Any:
            return [end(inputs) for end in self.ends]

    x, y = RNG.normal(size=(8, 3)), [np.ones((8, 1)), np.zeros((8, 2))]
    for loss in ("mse", ["mse", "mae"], {"first": "mse"}):
        model = Two()
        model.compile("sgd", loss)
        history = model.fit(x, y, epochs=2, verbose=0).history
        assert history["loss"][1] < history["loss"][0]
        assert "first_loss" in history


def test_one_output_by_name() -> None:
    model = lstm.Sequential([lstm.Input((2,)), Dense(1, name="end")])
    model.compile("sgd", {"end": "mse"})
    x, y = np.ones((4, 2)), np.ones(4)
    expected = model.evaluate(x, y)
    for loss, metrics in (({"end": "mse"}, {"end": ["mae"]}), (["mse"], ["mae"])):
        model.compile("sgd", loss, metrics=metrics)
        for given in ({"end": y}, [y], y):
            assert model.evaluate(x, given)[0] == expected
        logs = model.fit(x, {"end": y}, verbose=0, validation_data=(x, {"end": y})).history
        assert [*logs] == ["loss", "mae", "val_loss", "val_mae"]
        expected = model.evaluate(x, y)[0]
    with pytest.raises(InvalidValueError, match="'end'"):
        model.fit(x, {"start": y})


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda m: m.compile("sgd", {"prize": "mse"}), InvalidValueError, "did you mean 'price'"),
        (lambda m: m.compile("sgd", ["mse"]), InvalidValueError, "one for each of 2 outputs"),
        (lambda m: m.compile("sgd", [None, None]), InvalidValueError, "at least one output"),
        (
            lambda m: m.compile("sgd", LOSSES, loss_weights={"kin": 1.0}),
            InvalidValueError,
            "did you mean 'kind'",
        ),
        (lambda m: m.fit(X, PRICE), InvalidTypeError, "a list of the targets of each output"),
        (lambda m: m.fit(X, [PRICE]), InvalidValueError, "targets of 2 outputs"),
        (lambda m: m.fit(X, {"price": PRICE}), InvalidValueError, "y of kind: expected targets"),
        (lambda m: m.fit(X, {"kid": KIND}), InvalidValueError, "did you mean 'kind'"),
        (
            lambda m: m.fit(X, [PRICE, KIND[:3]]),
            InvalidShapeError,
            "y of kind: expected 24 examples",
        ),
        (lambda m: m.fit(X, [PRICE, KIND + 7]), InvalidValueError, r"\[0, 3\)"),
        (lambda m: m.fit(iter([(X, None)])), InvalidTypeError, "y: expected targets, as a list"),
        (lambda m: m.fit(iter([(X, [PRICE])])), InvalidValueError, "targets of 2 outputs"),
        (lambda m: m.fit(X, [[*PRICE[:-1], [1, 2]], KIND]), InvalidTypeError, "different lengths"),
        (lambda m: m.fit(X, [1.0, KIND]), InvalidShapeError, "a target for each example"),
        (lambda m: m.fit(X, [X, KIND]), InvalidShapeError, "shape"),
        (lambda m: m.fit(X, TARGETS, class_weight={0: 2.0}), InvalidValueError, "several outputs"),
        (
            lambda m: m.compile("sgd", LOSSES, weighted_metrics=["mae"]),
            InvalidValueError,
            "weighted_metrics: expected one for each of 2 outputs",
        ),
        (
            lambda m: m.fit(X, TARGETS, sample_weight={"kid": KIND}),
            InvalidValueError,
            "output in sample_weight: .*did you mean 'kind'",
        ),
        (
            lambda m: m.fit(X, TARGETS, sample_weight=[KIND]),
            InvalidValueError,
            "weights of 2 outputs",
        ),
        (
            lambda m: m.fit(X, TARGETS, sample_weight={"kind": X}),
            InvalidShapeError,
            "sample_weight of kind",
        ),
        (
            lambda m: m.fit(X, TARGETS, sample_weight={"kind": -PRICE[:, 0]}),
            InvalidValueError,
            "sample_weight of kind: expected numbers of at least 0",
        ),
        (lambda m: m.fit(X, TARGETS, 8, sample_weight="x"), InvalidTypeError, "sample_weight of"),
        (
            lambda m: m.compile("sgd", LOSSES, ["mae"], metrics=["mae"]),
            InvalidTypeError,
            "loss_weights: expected numbers",
        ),
    ],
)
def test_bad_input(use: Any, error: type[Exception], message: str) -> None:
    model = model_of()
    model.compile("sgd", LOSSES)
    before = model.get_weights()
    with pytest.raises(error, match=message):
        use(model)
    for mine, theirs in zip(model.get_weights(), before, strict=True):
        assert_array_equal(mine, theirs)
