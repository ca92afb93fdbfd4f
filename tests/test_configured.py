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
from lstm.metrics import BinaryAccuracy
from lstm.optimizers import SGD, Adam, AdamW
from lstm.schedules import Plateau

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
                assert type(getattr(made, name)) is float


def made_again(made: Any) -> Any:
    return eval(repr(made), vars(layers) | vars(initializers) | vars(optimizers) | vars(losses))


@pytest.mark.parametrize("make", [*KINDS, lambda: AdamW(0.1, clipnorm=2.0)])
def test_what_is_shown_makes_an_equal_one(make: Any) -> None:
    assert made_again(make()).get_config() == make().get_config()


LAYERS = [pytest.param(case.make, id=case.name) for case in CASES if of_library(type(case.make()))]


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
    before = dict(layer.weights)
    layer.dropout, layer.go_backwards, layer.name = 0.5, 1, "other"
    assert (layer.dropout, layer.go_backwards, layer.name) == (0.5, True, "other")
    assert layer.weights == before
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


def test_a_change_leaves_what_was_seen_alone() -> None:
    plateau = Plateau()
    plateau.update(2.0)
    plateau.patience = 5
    assert (plateau.patience, plateau.best) == (5, 2.0)
    right = BinaryAccuracy("right")
    right.update(0.0, np.array([0.9]), np.array([1.0]), None, 1)
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
    halves, weights = (layer.forward_layer, layer.backward_layer), dict(layer.weights)
    layer.merge_mode = "sum"
    assert layer(x).shape == (None, 3)
    assert (layer.forward_layer, layer.backward_layer) == halves
    assert layer.weights == weights


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
