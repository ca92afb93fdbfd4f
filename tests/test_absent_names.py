"""Names of Keras that are not here: asking for one says what to write instead."""

import copy
import importlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lstm
from lstm import absent_names, backend_names, layers, old_paths
from lstm.errors import InvalidValueError, LSTMError, NoSuchAttributeError, NoSuchNameError
from lstm.interface import overrides_computation

GOLDEN = Path(__file__).parent / "golden" / "keras_names.json"
NAMES: dict[str, list[str]] = json.loads(GOLDEN.read_text("utf-8"))["names"]
INSTEAD = absent_names._INSTEAD
ALL = [(module, name) for module, names in INSTEAD.items() for name in names]

X = np.random.default_rng(0).normal(size=(4, 5, 2)).astype("f")


def imported(module: str, name: str) -> Any:
    found: dict[str, Any] = {}
    exec(f"from {module} import {name}", found)
    return found[name]


OLD = [(path, module) for module, paths in old_paths._PATHS.items() for path in paths]


class TestOldPaths:
    @pytest.mark.parametrize(("path", "module"), OLD)
    def test_they_lead_to_the_same_objects(self, path: str, module: str) -> None:
        ours = importlib.import_module(module)
        assert importlib.import_module(path) is ours
        assert imported(path, ours.__all__[0]) is getattr(ours, ours.__all__[0])

    def test_nothing_of_ours_has_such_a_path(self) -> None:
        source = Path(lstm.__file__).parents[1]
        for path, _ in OLD:
            assert not source.joinpath(*path.split(".")).with_suffix(".py").exists()

    def test_they_are_there_at_once(self) -> None:
        program = "from lstm.engine.topology import Layer; from lstm.utils import np_utils"
        program += "; from lstm.utils.np_utils import to_categorical; import lstm.backend as K"
        program += "; import lstm; assert lstm.utils.np_utils.to_categorical is to_categorical"
        program += "; assert K is lstm.backend and Layer is lstm.layers.Layer"
        subprocess.run([sys.executable, "-c", program], check=True)


class TestOfModules:
    @pytest.mark.parametrize(("module", "name"), ALL)
    def test_both_ways_of_asking_say_what_there_is(self, module: str, name: str) -> None:
        message = f"^{module} has no {name}: {re.escape(INSTEAD[module][name])}$"
        with pytest.raises(NoSuchAttributeError, match=message):
            getattr(importlib.import_module(module), name)
        with pytest.raises(NoSuchNameError, match=message):
            imported(module, name)

    def test_they_are_found_by_their_standard_classes(self) -> None:
        assert issubclass(NoSuchNameError, ImportError)
        assert not hasattr(layers, "Conv2D")
        assert getattr(layers, "Conv2D", None) is None

    @pytest.mark.parametrize("module", [name for name in INSTEAD if name != "lstm"])
    def test_only_names_of_keras_are_listed(self, module: str) -> None:
        older = {"CuDNNGRU", "CuDNNLSTM", "Highway", "KerasClassifier", "KerasRegressor"}
        older |= {"MaxoutDense", "Merge", "TimeDistributedDense"}
        found = {name for name in INSTEAD[module] if not re.search("[23]D", name)} - older
        # The names of keras.utils are not recorded.
        assert found <= {*NAMES.get(module.removeprefix("lstm."), found)}

    def test_other_names_get_pythons_messages(self) -> None:
        with pytest.raises(AttributeError, match=r"module 'lstm.layers' has no attribute 'Lstm'"):
            layers.Lstm  # type: ignore[attr-defined]  # noqa: B018
        with pytest.raises(ImportError, match=r"cannot import name 'Lstm' from 'lstm.layers'"):
            imported("lstm.layers", "Lstm")
        assert imported("lstm.layers", "dense") is importlib.import_module("lstm.layers.dense")


def test_a_function_is_not_the_module_of_its_name() -> None:
    with pytest.raises(NoSuchAttributeError, match=r"^no set_value here: use assign of the weight"):
        lstm.backend.set_value  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(lstm.backend, "set_session")
    assert lstm.backend() == lstm.backends.backend()
    assert lstm.backend("reference", dtype="float64").dtype == "float64"
    assert inspect.signature(lstm.backend) == inspect.signature(lstm.backends.backend)
    assert copy.deepcopy(lstm.backend)() == lstm.backend()


def test_it_has_the_names_of_that_module() -> None:
    K: Any = lstm.backend
    assert imported("lstm.backend", "mean") is lstm.ops.mean
    assert imported("lstm.backend", "epsilon")() == 1e-7
    assert K.floatx() == lstm.backends.backend().dtype
    assert K.clear_session is lstm.utils.clear_session
    assert K.int_shape(lstm.Input((3, 2))) == (None, 3, 2)
    assert K.batch_flatten(X).shape == (4, 10)
    for name in backend_names.INSTEAD:
        assert not hasattr(K, name)


def test_objects_say_what_they_have_instead() -> None:
    model = lstm.Sequential([lstm.Input((5, 2)), layers.LSTM(3), layers.Dense(1)])
    batches = lstm.utils.timeseries_dataset_from_array(X[0], None, 2)
    for thing in (model, model.layers[0], lstm.optimizers.Adam(), batches):
        assert thing.absent_attributes
        for name, instead in thing.absent_attributes.items():
            with pytest.raises(NoSuchAttributeError) as caught:
                getattr(thing, name)
            assert str(caught.value) == f"{type(thing).__name__} has no {name}: {instead}"
            assert not hasattr(thing, name)
    with pytest.raises(AttributeError, match="'LSTM' object has no attribute 'unit'"):
        model.layers[0].unit  # noqa: B018


def test_classes_of_users_may_have_such_names() -> None:
    class Mine(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.losses = [1]

        @property
        def dtype(self) -> str:
            return "mine"

        def call(self, inputs: Any) -> Any:
            return inputs

    layer = Mine()
    assert (layer.losses, layer.dtype) == ([1], "mine")


@pytest.mark.parametrize(
    ("make", "shape", "expected"),
    [
        (lambda: layers.Dense(4), (None, 5, 3), (None, 5, 4)),
        (lambda: layers.LSTM(4), (8, None, 3), (8, 4)),
        (lambda: layers.LSTM(4, return_state=True), (None, 5, 3), [(None, 4)] * 3),
        (lambda: layers.Bidirectional(layers.GRU(4)), [None, 5, 3], (None, 8)),
        (lambda: layers.TimeDistributed(layers.Dense(2)), (None, 5, 3), (None, 5, 2)),
        (lambda: layers.Concatenate(), [(None, 5, 3), (None, 5, 2)], (None, 5, 5)),
        (lambda: lstm.Sequential([layers.LSTM(4), layers.Dense(2)]), (None, 5, 3), (None, 2)),
    ],
)
def test_the_shape_of_an_output_is_known_without_making_anything(
    make: Any, shape: Any, expected: Any
) -> None:
    lstm.set_seed(3)
    layer = make()
    assert layer.compute_output_shape(shape) == expected
    assert layer.weights == []
    after = layers.Dense(2)
    after(lstm.Input((3,)))
    lstm.set_seed(3)
    make()
    alone = layers.Dense(2)
    alone(lstm.Input((3,)))
    np.testing.assert_array_equal(after.get_weights()[0], alone.get_weights()[0])


def test_the_shape_of_an_output_does_not_depend_on_weights_of_another_shape() -> None:
    layer = layers.Embedding(7, 3)
    with pytest.raises(LSTMError):
        layers.Dense(4).compute_output_shape((None, None))
    assert layer.compute_output_shape((None, 5)) == (None, 5, 3)


def test_a_layer_may_ask_within_its_call() -> None:
    class Projected(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.sizes = layers.LSTM(4), list[Any]()

        def call(self, inputs: Any) -> Any:
            self.sizes.append(self.lstm.compute_output_shape(inputs.shape))
            return self.lstm(inputs)

    layer = Projected()
    model = lstm.Model(x := lstm.Input((5, 2)), layer(x))
    assert layer.sizes == [(None, 4)]
    assert model.count_params() == 4 * 4 * (2 + 4 + 1)


def test_a_called_layer_has_the_shape_of_its_output() -> None:
    layer = layers.LSTM(4, return_state=True)
    with pytest.raises(NoSuchAttributeError, match="has no output yet"):
        layer.output_shape  # noqa: B018
    layer(lstm.Input((5, 2)))
    assert layer.output_shape == [(None, 4)] * 3
    assert layers.EinsumDense("bd,df->bf", 3).output_shape == [3]


def test_a_layer_has_the_dtype_of_its_model() -> None:
    layer = layers.Dense(3)
    assert layer.dtype == layer.compute_dtype == layer.variable_dtype == "float32"
    model = lstm.Sequential([lstm.Input((None, 8)), layers.LSTM(32), layer])
    model.quantize()
    assert model.dtype == model.layers[0].dtype == layer.dtype == "float32"


@pytest.mark.usefixtures("float64")
def test_a_layer_has_the_dtype_that_is_chosen() -> None:
    class Positions(layers.Layer):
        def call(self, inputs: Any) -> Any:
            assert self.compute_dtype == "float64"
            return inputs + np.arange(inputs.shape[1]).astype(self.compute_dtype)[:, None]

    layer = Positions()
    np.testing.assert_array_equal(layer(X), X + np.arange(5)[:, None])
    assert overrides_computation(Positions) is False


class TestInputsByName:
    def test_a_dict_names_its_inputs(self) -> None:
        one, other = lstm.Input((5, 2)), lstm.Input((3,), name="other")
        y = layers.Dense(1)(layers.Concatenate()([layers.LSTM(4)(one), other]))
        model = lstm.Model(inputs={"other": other, "one": one}, outputs=y)
        data = {"one": X, "other": X[:, 0].repeat(2, -1)[:, :3]}
        expected = lstm.Model([one, other], y).predict([data["one"], data["other"]])
        np.testing.assert_array_equal(model.predict(data), expected)
        np.testing.assert_array_equal(model.predict([data["other"], data["one"]]), expected)
        assert [model.get_layer(name).output for name in ("other", "one")] == model.inputs

    def test_each_model_has_its_own_names(self, tmp_path: Path) -> None:
        a, b = lstm.Input((5, 2)), lstm.Input((3,))
        h = layers.LSTM(4)(a)
        y = layers.Dense(1)(layers.Concatenate()([h, b]))
        values = [X, X[:, 0].repeat(2, -1)[:, :3]]
        expected = lstm.Model([a, b], y).predict(values)
        models = {
            names: lstm.Model(dict(zip(names, (a, b), strict=True)), y)
            for names in (("one", "other"), ("other", "one"))
        }
        for names, model in models.items():
            data = dict(zip(names, values, strict=True))
            np.testing.assert_array_equal(model.predict(data), expected)
            shown: list[str] = []
            model.summary(print_fn=shown.append)
            first, second = (shown[0].index(f"{name} ") for name in names)
            assert first < second
            assert [model.get_layer(name).output for name in names] == [a, b]
            model.save(tmp_path / "model")
            for again in (
                lstm.load_model(tmp_path / "model"),
                lstm.models.clone_model(model),
                lstm.models.model_from_json(model.to_json()),
            ):
                again.set_weights(model.get_weights())
                np.testing.assert_array_equal(again.predict(data), expected)
        several = lstm.Model({"p": a, "q": b}, [y, h])
        several.compile("sgd", "mse")
        data = dict(zip("pq", values, strict=True))
        targets = [np.zeros((4, 1)), np.zeros((4, 4))]
        assert several.evaluate(data, targets)[0] == several.evaluate(values, targets)[0]
        with pytest.raises(InvalidValueError, match=r"^x: expected the inputs \['p', 'q'\], got"):
            several.fit({"p": X}, targets, verbose=0)

    def test_an_input_has_one_name(self) -> None:
        x = lstm.Input((2,), name="x")
        with pytest.raises(InvalidValueError, match=r"^inputs: expected the name .*'x', got 'z'"):
            lstm.Model({"z": x}, layers.Dense(1)(x))

    @pytest.mark.parametrize("none", [{}, []])
    def test_there_is_an_output(self, none: Any) -> None:
        x = lstm.Input((2,))
        with pytest.raises(InvalidValueError, match=r"^outputs: expected at least one tensor, got"):
            lstm.Model(x, none)
        with pytest.raises(InvalidValueError, match=r"^inputs: expected at least one tensor, got"):
            lstm.Model(none, layers.Dense(1)(x))


def test_sizes_that_only_data_have_are_those_of_a_tensor() -> None:
    x = lstm.Input((None, 3))
    rows: Any = lstm.ops.shape(x)[0]
    with pytest.raises(InvalidValueError, match=r"^shape: expected known.*ops.zeros_like\(x\[:, 0"):
        lstm.ops.zeros((rows, 3))
    with pytest.raises(InvalidValueError, match=r"^shape: expected known sizes, or ops.ones_like"):
        lstm.ops.ones((rows, 3))
    assert lstm.ops.zeros_like(x[:, 0]).shape == (None, 3)
    assert lstm.ops.zeros((2, 3)).shape == (2, 3)


def test_the_version_is_that_of_the_distribution() -> None:
    assert lstm.__version__ == lstm.info()["lstm-kit"]


def test_a_model_knows_whether_it_is_compiled() -> None:
    model = lstm.Sequential([lstm.Input((2,)), layers.Dense(1)])
    assert not model.compiled
    model.compile("sgd", "mse")
    assert model.compiled


def test_inputs_take_arguments_that_ask_for_nothing() -> None:
    assert lstm.Input((3,), sparse=False, ragged=True).shape == (None, 3)  # type: ignore[call-arg]
