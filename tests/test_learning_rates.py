"""The learning rate of an optimizer: set, assigned, read, and following a schedule."""

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lstm
from lstm.backends import backend
from lstm.callbacks import LearningRateScheduler, ReduceLROnPlateau
from lstm.errors import InvalidTypeError, InvalidValueError, NotDefinedError
from lstm.layers import LSTM, Dense
from lstm.optimizers import SGD, Adam, Ftrl, Optimizer, schedules
from lstm.optimizers.schedules import SCHEDULES, ExponentialDecay, LearningRateSchedule
from tolerances import assert_close

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(12, 4, 2)), RNG.normal(size=(12, 1))


class Listed(LearningRateSchedule):
    """Returns what it was given, step by step."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def __call__(self, step: int) -> Any:
        return self.values[step]


def model(optimizer: Any) -> lstm.Model:
    lstm.set_seed(6)
    made = lstm.Sequential([lstm.Input((4, 2)), LSTM(3), Dense(1)])
    made.compile(optimizer, "mse")
    return made


def moved(optimizer: Optimizer, steps: int) -> list[float]:
    """How far each step moves a weight whose gradient is 1."""
    p, way = np.zeros(1), []
    for _ in range(steps):
        before = p.copy()
        optimizer.apply(backend("reference", "float64"), p, np.ones(1))
        way.append(float(before[0] - p[0]))
    return way


class TestNumbers:
    def test_are_read_set_and_assigned(self) -> None:
        optimizer = Adam(0.5)
        assert optimizer.learning_rate == optimizer.lr == 0.5
        assert isinstance(optimizer.learning_rate, float)
        optimizer.learning_rate = 0.25
        optimizer.learning_rate.assign(optimizer.learning_rate * 0.5)
        assert optimizer.get_config()["learning_rate"] == 0.125
        optimizer.lr = 1
        assert optimizer.learning_rate.numpy().shape == ()
        assert (repr(optimizer.learning_rate), f"{optimizer.learning_rate:g}") == ("1.0", "1")
        assert json.dumps({"rate": optimizer.learning_rate}) == '{"rate": 1.0}'

    def test_are_no_part_of_an_optimizer_when_copied(self) -> None:
        for again in (copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))):
            assert type(again(Adam(0.5).learning_rate)) is float

    def test_have_an_old_name(self) -> None:
        assert SGD(lr=0.5).learning_rate == Optimizer(lr=0.5).learning_rate == 0.5
        with pytest.raises(InvalidTypeError, match=r"^SGD\(\): .*got 'lr'"):
            SGD(0.5, learning_rate=0.5, lr=0.5)  # type: ignore[misc]
        assert SGD(decay=0.0).learning_rate == 0.01
        assert Optimizer(0.5, decay=0.0).learning_rate == 0.5
        with pytest.raises(InvalidTypeError, match="InverseTimeDecay"):
            SGD(decay=1e-6)

    @pytest.mark.parametrize("value", [-1, np.nan, np.inf, "fast", None, True, lambda: 0.1])
    def test_are_checked(self, value: Any) -> None:
        for optimizer in (Adam(0.5), Adam(ExponentialDecay(0.5, 1, 1))):
            before = optimizer.get_config()
            with pytest.raises(InvalidValueError, match=r"^learning_rate: expected"):
                optimizer.learning_rate = value
            with pytest.raises(InvalidValueError, match=r"^learning_rate: expected"):
                optimizer.learning_rate.assign(value)
            assert optimizer.get_config() == before
        with pytest.raises(InvalidValueError, match=r"^learning_rate: expected"):
            Adam(value)

    def test_are_float32_in_float32(self) -> None:
        class Plain(Optimizer):
            def update(self, backend: Any, values: Any, gradients: Any) -> None:
                assert (self.learning_rate * gradients).dtype == np.float32
                values -= self.learning_rate * gradients

        p = np.ones(3, np.float32)
        for optimizer in (Plain(0.5), Plain(ExponentialDecay(0.5, 1, 1.0))):
            optimizer.apply(backend("reference", "float32"), p, np.ones(3, np.float32))
        np.testing.assert_array_equal(p, np.zeros(3))


class TestSchedules:
    def test_give_the_rate_of_each_step(self) -> None:
        optimizer = SGD(Listed([0.5, 0.25, 2, np.float32(0.125), np.array(0.5)]))
        assert optimizer.learning_rate == 0.5
        assert_close(moved(optimizer, 3), [0.5, 0.25, 2], "optimizer", dtype="float64")
        assert optimizer.learning_rate == 0.125
        assert_close(moved(optimizer, 2), [0.125, 0.5], "optimizer", dtype="float64")

    def test_count_gradients_where_they_are_accumulated(self) -> None:
        optimizer = SGD(Listed([0.5, 0.25, 2, 0.125]), gradient_accumulation_steps=2)
        assert_close(moved(optimizer, 4), [0, 0.25, 0, 0.125], "optimizer", dtype="float64")

    def test_are_seen_by_optimizers_of_ones_own(self) -> None:
        seen = []

        class Mine(Optimizer):
            def update(self, backend: Any, values: Any, gradients: Any) -> None:
                seen.append((self.step, float(self.learning_rate)))

        moved(Mine(Listed([0.5, 0.25])), 2)
        assert seen == [(1, 0.5), (2, 0.25)]

    def test_hold_in_fit(self, float64: None) -> None:
        rates = [0.5, 0.1, 0.3, 0.2, 0.05, 0.4]
        scheduled, single = model(SGD(Listed(rates))), model(SGD())
        scheduled.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0)
        for step, rate in enumerate(rates):
            single.optimizer.learning_rate.assign(rate)
            at = slice(4 * (step % 3), 4 * (step % 3) + 4)
            single.train_on_batch(X[at], Y[at])
        for ours, theirs in zip(scheduled.get_weights(), single.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)

    @pytest.mark.parametrize(
        ("value", "got"),
        [(np.nan, "nan"), (-0.1, "-0.1"), (None, "None"), ("0.1", "'0.1'"), (np.inf, "inf")],
    )
    def test_that_return_no_rate_change_nothing(self, value: Any, got: str) -> None:
        for first in ([value], [0.1, 0.1, value]):
            made = model(SGD(Listed(first)))
            for _ in first[:-1]:
                made.train_on_batch(X, Y)
            before, step = made.get_weights(), len(first) - 1
            with pytest.raises(InvalidValueError) as raised:
                made.train_on_batch(X, Y)
            expected = f"learning rate of Listed at step {step}: expected a finite number"
            assert str(raised.value).startswith(expected)
            assert str(raised.value).endswith(f"got {got}")
            for now, old in zip(made.get_weights(), before, strict=True):
                np.testing.assert_array_equal(now, old)
            assert made.optimizer.step == step

    def test_that_grow_beyond_all_numbers(self) -> None:
        with pytest.raises(InvalidValueError, match=r"ExponentialDecay at step 100000.*got inf"):
            ExponentialDecay(0.1, 1, 2.0).rate(100_000)

    def test_at_0_make_no_step(self) -> None:
        assert moved(SGD(Listed([0, 0.0])), 2) == [0, 0]
        with pytest.raises(InvalidValueError, match="at step 0: expected a finite number above 0"):
            moved(Ftrl(Listed([0])), 1)

    def test_without_a_call(self) -> None:
        with pytest.raises(NotDefinedError, match=r"__call__\(step\)"):
            _ = SGD(LearningRateSchedule()).learning_rate

    def test_are_replaced_by_another_only(self) -> None:
        optimizer = SGD(ExponentialDecay(0.5, 1, 0.5))
        for change in (
            lambda: setattr(optimizer, "learning_rate", 0.1),
            lambda: setattr(optimizer, "lr", 0.1),
            lambda: optimizer.learning_rate.assign(0.1),
        ):
            with pytest.raises(
                InvalidTypeError, match=r"^learning_rate: expected another schedule"
            ):
                change()
        optimizer.learning_rate = ExponentialDecay(0.25, 1, 1.0)  # type: ignore[assignment]
        assert optimizer.learning_rate == 0.25
        optimizer = SGD(0.1)
        optimizer.learning_rate = ExponentialDecay(0.25, 1, 1.0)  # type: ignore[assignment]
        assert optimizer.learning_rate == 0.25

    def test_leave_no_room_for_callbacks(self) -> None:
        setting = LearningRateScheduler(lambda epoch: 0.1)
        lowering = ReduceLROnPlateau("loss", patience=1, min_delta=1e9)
        for callback in (setting, lowering):
            made = model(SGD(ExponentialDecay(0.5, 1, 0.5)))
            with pytest.raises(
                InvalidTypeError, match=r"^learning_rate: expected another schedule"
            ):
                made.fit(X, Y, epochs=5, verbose=0, callbacks=callback)

    def test_are_in_the_logs(self) -> None:
        made = model(SGD(ExponentialDecay(0.5, 1, 0.5)))
        lowering = ReduceLROnPlateau("loss", patience=9)
        history = made.fit(X, Y, epochs=3, verbose=0, callbacks=lowering).history
        assert history["learning_rate"] == [0.25, 0.125, 0.0625]
        assert {type(rate) for rate in history["learning_rate"]} == {float}


MADE = {
    "ExponentialDecay": {"decay_steps": 3, "decay_rate": 0.5, "staircase": True},
    "PiecewiseConstantDecay": {"boundaries": [2, 4], "values": [0.1, 0.2, 0.3]},
    "PolynomialDecay": {"decay_steps": 3, "end_learning_rate": 0.01, "power": 2, "cycle": True},
    "InverseTimeDecay": {"decay_steps": 3, "decay_rate": 0.5},
    "CosineDecay": {"decay_steps": 3, "alpha": 0.1, "warmup_target": 0.4, "warmup_steps": 2},
    "CosineDecayRestarts": {"first_decay_steps": 3, "t_mul": 1.5, "m_mul": 0.5, "alpha": 0.1},
}


@pytest.mark.parametrize("kind", SCHEDULES)
class TestEach:
    def made(self, kind: str) -> Any:
        options: dict[str, Any] = dict(MADE[kind])
        if kind != "PiecewiseConstantDecay":
            options["initial_learning_rate"] = 0.2
        return SCHEDULES[kind](**options)

    def test_is_described(self, kind: str) -> None:
        schedule = self.made(kind)
        twin = schedules.get("learning_rate", schedule.description())
        assert type(twin) is type(schedule)
        assert twin.get_config() == schedule.get_config()  # type: ignore[union-attr]
        assert [twin(k) for k in range(9)] == [schedule(k) for k in range(9)]  # type: ignore[operator]
        optimizer = SGD(schedule, momentum=0.5)
        again = SGD.from_config(json.loads(json.dumps(optimizer.get_config())))
        assert again.get_config() == optimizer.get_config()
        assert repr(again) == repr(optimizer)

    def test_is_in_files(self, kind: str, tmp_path: Path) -> None:
        made = model(Adam(self.made(kind), gradient_accumulation_steps=2, use_ema=True))
        made.train_on_batch(X, Y)
        made.train_on_batch(X, Y)
        made.train_on_batch(X, Y)
        made.save(tmp_path / "model.safetensors")
        again = lstm.load_model(tmp_path / "model.safetensors")
        assert again.optimizer.learning_rate == made.optimizer.learning_rate
        assert (again.optimizer.step, again.optimizer.waiting) == (1, 1)
        for _ in range(3):
            assert again.train_on_batch(X, Y) == made.train_on_batch(X, Y)
        for ours, theirs in zip(again.get_weights(), made.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)

    def test_is_copied(self, kind: str) -> None:
        made = model(SGD(self.made(kind)))
        made.train_on_batch(X, Y)
        for again in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
            assert again.optimizer.learning_rate == made.optimizer.learning_rate
            assert again.optimizer.get_config() == made.optimizer.get_config()


def test_a_model_with_a_schedule_of_ones_own_is_saved_without_how_to_train(tmp_path: Path) -> None:
    made = model(SGD(Listed([0.1] * 5)))
    made.train_on_batch(X, Y)
    made.save(tmp_path / "model.safetensors")
    with pytest.raises(lstm.errors.NotReadyError):
        _ = lstm.load_model(tmp_path / "model.safetensors").optimizer
    assert copy.deepcopy(made).optimizer.learning_rate == 0.1


@pytest.mark.parametrize(
    ("kind", "options", "argument"),
    [
        ("ExponentialDecay", {"decay_steps": 0}, "decay_steps"),
        ("ExponentialDecay", {"initial_learning_rate": -1}, "initial_learning_rate"),
        ("InverseTimeDecay", {"decay_rate": -1}, "decay_rate"),
        ("PolynomialDecay", {"power": "high"}, "power"),
        ("PolynomialDecay", {"decay_steps": -3}, "decay_steps"),
        ("CosineDecay", {"warmup_target": -1}, "warmup_target"),
        ("CosineDecay", {"decay_steps": 0}, "decay_steps"),
        ("CosineDecayRestarts", {"t_mul": 0.5}, "t_mul"),
        ("CosineDecayRestarts", {"first_decay_steps": 0}, "first_decay_steps"),
        ("PiecewiseConstantDecay", {"boundaries": [4, 2]}, "boundaries"),
        ("PiecewiseConstantDecay", {"boundaries": 4}, "boundaries"),
        ("PiecewiseConstantDecay", {"values": [0.1, 0.2]}, "values"),
        ("PiecewiseConstantDecay", {"values": [0.1, 0.2, np.nan]}, r"values\[2\]"),
    ],
)
def test_unusable_arguments(kind: str, options: dict[str, Any], argument: str) -> None:
    first = {} if kind == "PiecewiseConstantDecay" else {"initial_learning_rate": 0.2}
    with pytest.raises(InvalidValueError, match=f"^{argument}: expected"):
        SCHEDULES[kind](**{**first, **MADE[kind], **options})
