"""Layers, optimizers, losses and initializers stay what their constructors take."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lstm
from layer_cases import CASES
from lstm import initializers, layers, losses, optimizers
from lstm.callbacks import CSVLogger, EarlyStopping, ModelCheckpoint
from lstm.configured import Configured
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.interface import of_library
from lstm.layers import Layer
from lstm.layers.inner import inner_layers
from lstm.metrics import BinaryAccuracy
from lstm.optimizers import SGD, Adam, AdamW
from lstm.optimizers.schedules import Plateau

KINDS = [
    *dict.fromkeys(optimizers.OPTIMIZERS.values()),
    *dict.fromkeys(losses.LOSSES.values()),
    *dict.fromkeys(initializers.INITIALIZERS.values()),
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
class TestAll:
    def test_the_config_makes_an_equal_one(self, kind: Any) -> None:
        config = kind().get_config()
        assert kind(**config).get_config() == config

    def test_unknown_attributes_are_refused(self, kind: Any) -> None:
        made = kind()
        before = made.get_config()
        with pytest.raises(InvalidValueError, match=f"attribute of {kind.__name__}: expected one"):
            made.no_such_thing = 1
        assert made.get_config() == before

    def test_arguments_can_be_set_as_they_are_given(self, kind: Any) -> None:
        made = kind()
        for name, value in made.get_config().items():
            setattr(made, name, value)
            if isinstance(value, float):
                with pytest.raises(InvalidValueError, match=f"{name}: expected"):
                    setattr(made, name, "x")
                with pytest.raises(InvalidValueError, match=f"{name}: expected"):
                    setattr(made, name, float("nan"))
                setattr(made, name, np.float32(value))
                assert type(getattr(made, name)) in (float, optimizers.LearningRate)


def made_again(made: Any) -> Any:
    names = vars(layers) | vars(initializers) | vars(optimizers) | vars(losses)
    return eval(repr(made), names | {type(made).__name__: type(made)})  # There are two Identity.


@pytest.mark.parametrize("make", [*KINDS, lambda: AdamW(0.1, clipnorm=2.0)])
def test_what_is_shown_makes_an_equal_one(make: Any) -> None:
    assert made_again(make()).get_config() == make().get_config()


def of_library_alone(layer: Layer) -> bool:
    return all(of_library(type(part)) for part in [layer, *inner_layers([layer])])


LAYERS = [pytest.param(case.make, id=case.name) for case in CASES if of_library_alone(case.make())]


@pytest.mark.parametrize("make", LAYERS)
class TestLayers:
    @pytest.fixture
    def made(self, make: Callable[[], Layer]) -> Layer:
        return make()

    def test_what_is_shown_makes_an_equal_one(self, made: Layer) -> None:
        assert made_again(made).get_config() == made.get_config()

    def test_unknown_attributes_are_refused(self, made: Any) -> None:
        with pytest.raises(InvalidValueError, match=f"attribute of {type(made).__name__}: exp"):
            made.no_such_thing = 1

    def test_arguments_can_be_set_as_they_are(self, made: Layer) -> None:
        config, parts = made.get_config(), made.all_parts()
        for name, value in made.arguments().items():
            setattr(made, name, value)
        assert made.get_config() == config
        assert made.all_parts() == parts

    def test_numbers_are_refused_as_by_the_constructor(self, made: Layer) -> None:
        config = made.get_config()
        for name, value in made.arguments().items():
            if isinstance(value, float | int):
                with pytest.raises(InvalidValueError, match=f"^{name}: expected"):
                    setattr(made, name, "x")
        assert made.get_config() == config


def test_a_change_leaves_the_weights_of_a_layer_alone() -> None:
    layer = layers.LSTM(3, name="first")
    layer(lstm.Input((None, 2)))
    before = dict(layer.named_weights)
    layer.dropout, layer.go_backwards, layer.name = 0.5, 1, "other"
    assert (layer.dropout, layer.go_backwards, layer.name) == (0.5, True, "other")
    assert layer.named_weights == before
    assert layer.built


@pytest.mark.parametrize(
    ("make", "name", "value", "expected"),
    [
        (Plateau, "patience", 0, "an integer of at least 1"),
        (lambda: BinaryAccuracy("right"), "threshold", "half", "a finite number"),
        (lambda: BinaryAccuracy("right"), "name", 3, "a str"),
        (EarlyStopping, "patience", -1, "an integer of at least 0"),
        (lambda: ModelCheckpoint("model"), "mode", "mix", "one of 'auto', 'min', 'max'"),
        (lambda: CSVLogger("log.csv"), "separator", "::", "one character"),
        (lambda: lstm.LSTMNetwork(1, 2, 3), "batch_size", 0, "an integer of at least 1"),
        (lambda: lstm.LSTMNetwork(1, 2, 3), "hidden_size", 4, "2, with which the model was made"),
    ],
)
def test_whatever_has_arguments_checks_them_when_they_are_set(
    make: Any, name: str, value: Any, expected: str
) -> None:
    made = make()
    before = getattr(made, name)
    with pytest.raises(InvalidValueError, match=rf"^{name}: expected {expected}"):
        setattr(made, name, value)
    assert getattr(made, name) is before
    setattr(made, name, before)


def compiled() -> lstm.Sequential:
    model = lstm.Sequential([lstm.Input((None, 1)), layers.LSTM(2)])
    model.compile("adam", "mse")
    return model


class OwnModel(lstm.Model):
    """A model of a user's, with attributes of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.anything, self.loss, self.output_layer = 1, "mine", layers.Dense(1)

    def call(self, inputs: Any) -> Any:
        return self.output_layer(inputs)


@pytest.mark.parametrize(
    ("make", "name", "message"),
    [
        (EarlyStopping, "patiense", "attribute of EarlyStopping: .*did you mean 'patience'"),
        (lambda: CSVLogger("log.csv"), "seperator", "attribute of CSVLogger: .*'separator'"),
        (lstm.callbacks.History, "histori", "attribute of History: .*did you mean 'history'"),
        (EarlyStopping, "on_epoch_end", "attribute of EarlyStopping: expected one of"),
        (compiled, "predict", "attribute of Sequential: expected one of"),
        (lambda: lstm.LSTMNetwork(1, 2, 3), "hiden_size", "attribute of .*'hidden_size'"),
        (lambda: lstm.LSTMNetwork(1, 2, 3), "seed", "seed: expected an argument of the constr"),
        (compiled, "stop_trainin", "attribute of Sequential: .*did you mean 'stop_training'"),
        (compiled, "loss", r"loss: expected model\.compile\(loss=\.\.\.\)"),
        (compiled, "optimiser", r"optimiser: expected model\.compile\(optimizer="),
        (compiled, "layers", "layers: expected a new model"),
        (compiled, "weight", "attribute of Sequential: expected one of"),
        (OwnModel, "optimizer", r"optimizer: expected model\.compile\(optimizer="),
        (OwnModel, "graph", "graph: expected another name for an attribute of OwnModel"),
        (lambda: lstm.Model(x := lstm.Input((2,)), x), "inputs", "inputs: expected a new model"),
    ],
)
def test_what_has_no_meaning_is_refused(make: Any, name: str, message: str) -> None:
    made = make()
    before = dict(vars(made))
    with pytest.raises(InvalidValueError, match=f"^{message}"):
        setattr(made, name, None)
    assert vars(made) == before


@pytest.mark.parametrize(
    ("make", "name", "value", "kept"),
    [
        (Adam, "step", 3, 3),
        (Adam, "step", "x", None),
        (Adam, "step", -1, None),
        (Adam, "step", 1.5, None),
        (Plateau, "share", 0.5, 0.5),
        (Plateau, "share", 2, None),
        (Plateau, "waited", "x", None),
        (compiled, "stop_training", 1, True),
        (compiled, "stop_training", "no", None),
        (compiled, "name", "mine", "mine"),
        (compiled, "name", 3, None),
        (OwnModel, "name", 3, None),
    ],
)
def test_what_may_be_set_is_checked(make: Any, name: str, value: Any, kept: Any) -> None:
    made = make()
    before = getattr(made, name)
    if kept is None:
        with pytest.raises(InvalidValueError, match=f"^{name}: expected"):
            setattr(made, name, value)
        assert getattr(made, name) == before
    else:
        setattr(made, name, value)
        assert getattr(made, name) == kept
        assert type(getattr(made, name)) is type(kept)


def test_models_and_callbacks_of_ones_own_are_free() -> None:
    class Mine(EarlyStopping):
        def __init__(self) -> None:
            super().__init__("loss")
            self.seen = 0

        def on_epoch_end(self, epoch: int, logs: Any) -> None:
            self.seen += 1

    model, callback = OwnModel(), Mine()
    model.more = callback.patiense = 1  # type: ignore[attr-defined]
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 2)), np.ones((4, 1)), epochs=3, verbose=0, callbacks=callback)
    assert (callback.seen, model.anything, model.loss) == (3, 1, "mine")


def test_functions_replace_methods_of_models_and_callbacks() -> None:
    model, seen = compiled(), []
    callback: Any = lstm.callbacks.TerminateOnNaN()
    callback.on_epoch_end = lambda epoch, logs: seen.append(epoch)
    model.fit(np.zeros((4, 3, 1)), np.zeros((4, 2)), verbose=0, callbacks=callback)
    model.predict = lambda x: "seen"  # type: ignore[method-assign]
    assert (seen, model.predict([])) == ([0], "seen")


def test_a_monitor_judges_by_what_was_set() -> None:
    early = EarlyStopping()
    early.monitor, early.min_delta = "loss", 0.5
    model = compiled()
    x = np.zeros((4, 3, 1))
    model.fit(x, np.zeros((4, 2)), epochs=9, verbose=0, callbacks=early)
    assert early.stopped_epoch == 1  # A loss of 0 falls by less than 0.5.


def test_a_change_leaves_what_was_seen_alone() -> None:
    plateau = Plateau()
    plateau.update(2.0)
    plateau.patience = 5
    assert (plateau.patience, plateau.best) == (5, 2.0)
    right = BinaryAccuracy("right")
    right.update_state([1.0], [0.9])
    right.threshold = 0
    assert right.result() == 1.0


def test_a_change_of_a_layer_is_checked_with_the_other_arguments() -> None:
    layer = layers.LSTM(3, stateful=True)
    with pytest.raises(InvalidValueError, match="stateful: expected False with go_backwards=True"):
        layer.go_backwards = True
    assert not layer.go_backwards


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [
        (lambda: layers.Bidirectional(layers.LSTM(3)), "layer", layers.LSTM(4)),
        (lambda: layers.TiedDense(layers.Embedding(3, 2)), "embedding", layers.Embedding(3, 2)),
    ],
)
def test_the_parts_of_a_layer_stay(make: Any, name: str, value: Any) -> None:
    made = make()
    before = getattr(made, name)
    with pytest.raises(InvalidValueError, match=rf"{name} of .*: expected .*was made, got"):
        setattr(made, name, value)
    assert getattr(made, name) is before


def test_bidirectional_keeps_its_halves() -> None:
    layer = layers.Bidirectional(layers.LSTM(3))
    x = lstm.Input((None, 2))
    assert layer(x).shape == (None, 6)
    halves, weights = (layer.forward_layer, layer.backward_layer), dict(layer.named_weights)
    layer.merge_mode = "sum"
    assert layer(x).shape == (None, 3)
    assert (layer.forward_layer, layer.backward_layer) == halves
    assert layer.named_weights == weights


def test_lr_is_the_learning_rate() -> None:
    optimizer = Adam(0.1)
    assert optimizer.lr == 0.1
    optimizer.lr = 0
    assert optimizer.learning_rate == 0
    assert "lr" not in optimizer.get_config()
    with pytest.raises(InvalidValueError, match="learning_rate: expected"):
        optimizer.lr = -1


def test_a_near_miss_is_told() -> None:
    optimizer: Any = SGD()
    with pytest.raises(InvalidValueError, match=r"did you mean 'learning_rate'\?"):
        optimizer.learning_rte = 1
    with pytest.raises(InvalidValueError, match="attribute of SGD"):
        optimizer.beta_1 = 0.9


def test_a_change_leaves_the_state_alone() -> None:
    optimizer = AdamW(0.1)
    optimizer.step, optimizer.slots = 3, {"mean": np.ones(2)}
    optimizer.beta_1 = 0.5
    assert optimizer.get_config() == AdamW(0.1, beta_1=0.5).get_config()
    assert (optimizer.step, optimizer.slots["mean"].tolist()) == (3, [1.0, 1.0])


def test_a_change_is_checked_with_the_other_arguments() -> None:
    uniform = initializers.RandomUniform(0, 1)
    with pytest.raises(InvalidValueError, match="maxval: expected a finite number of at least 2"):
        uniform.minval = 2
    assert uniform.get_config() == {"minval": 0, "maxval": 1, "seed": None}


class Own(Configured):
    """A class of a user's."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.anything = []


def test_classes_of_ones_own_are_free() -> None:
    own = Own(3)
    own.size, own.more = "large", 1
    assert own.get_config() == {"size": "large"}
    del own.size
    with pytest.raises(InvalidTypeError, match="size of Own: expected an attribute of that name"):
        own.get_config()


@pytest.mark.parametrize("name", ["lr", "learning_rate"])
def test_what_is_set_is_what_trains_and_what_is_saved(tmp_path: Any, name: str) -> None:
    model = lstm.Sequential([lstm.Input((2,)), lstm.layers.Dense(1)])
    model.compile("adam", "mse")
    x, y = np.ones((4, 2)), np.ones((4, 1))
    model.fit(x, y, verbose=0)
    before = model.get_weights()
    setattr(model.optimizer, name, 0)
    model.fit(x, y, verbose=0)
    for w, v in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(w, v)
    model.save(tmp_path / "model")
    assert lstm.load_model(tmp_path / "model").optimizer.learning_rate == 0
