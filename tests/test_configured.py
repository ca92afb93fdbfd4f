"""Optimizers, losses and initializers stay what their constructors take."""

from typing import Any

import numpy as np
import pytest

import lstm
from lstm import initializers, losses, optimizers
from lstm.configured import Configured
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.optimizers import SGD, Adam, AdamW

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
