"""`fit` takes the steps between two callbacks in one call, with the bits of single steps."""

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm.backends.native.plan import Plan
from lstm.callbacks import Callback, LambdaCallback, TerminateOnNaN
from lstm.layers import LSTM, Dense, Dropout, Embedding
from lstm.models import fitting
from lstm.models.plans import Plans
from lstm.optimizers import schedules

N, BATCH, EPOCHS = 47, 5, 3
STEPS = -(-N // BATCH)
Options = dict[str, Any]


@pytest.fixture(autouse=True)
def native(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # A slow machine must not take fewer steps in a call.
    monkeypatch.setattr(fitting, "_SECONDS", 1000.0)
    with lstm.backends.using("native"):
        yield


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of steps of each call."""
    found: list[int] = []
    run = Plan.run

    def counted(plan: Plan, *given: Any, times: int = 1, **options: Any) -> Any:
        found.append(times)
        return run(plan, *given, times=times, **options)

    monkeypatch.setattr(Plan, "run", counted)
    return found


def model(optimizer: Any = "adam", loss: str = "mse", metrics: Any = ()) -> lstm.Model:
    layers = [LSTM(4, dropout=0.2, recurrent_dropout=0.1), Dropout(0.3), Dense(2)]
    made = lstm.Sequential([lstm.Input((6, 3)), *layers])
    made.compile(optimizer, loss, metrics)
    return made


def data() -> Options:
    rng = np.random.default_rng(1)
    return {"x": rng.normal(size=(N, 6, 3)), "y": rng.normal(size=(N, 2))}


def course(made: lstm.Model, **options: Any) -> list[Any]:
    """What `fit` leaves: the history, weights, slots, the step and the random numbers."""
    given = {"batch_size": BATCH, "epochs": EPOCHS, "verbose": 0, **data(), **options}
    history = made.fit(**given).history
    slots = made.optimizer.slots
    left = [*history.values(), *made.get_weights(), *(slots[name] for name in sorted(slots))]
    return [*left, made.optimizer.step, made._rng.random(3)]


def same_one_by_one(run: Callable[[], list[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    lstm.set_seed(3)
    joined = run()
    with monkeypatch.context() as patch:
        patch.setattr(Plans, "find", lambda *_: None)
        lstm.set_seed(3)
        single = run()
    assert len(joined) == len(single)
    for one, other in zip(joined, single, strict=True):
        assert_array_equal(one, other)


# ---- the same bits


@pytest.mark.parametrize(
    "optimizer",
    [
        lstm.optimizers.SGD(0.1),
        lstm.optimizers.SGD(0.1, momentum=0.9, nesterov=True, global_clipnorm=0.1),
        lstm.optimizers.SGD(0.1, clipnorm=0.01, weight_decay=0.1),
        lstm.optimizers.SGD(0.1, clipvalue=0.01, gradient_accumulation_steps=3),
        lstm.optimizers.RMSprop(0.01),
        lstm.optimizers.RMSprop(0.01, momentum=0.5, centered=True),
        lstm.optimizers.Adam(0.01, global_clipnorm=0.5),
        lstm.optimizers.Adam(0.01, amsgrad=True, use_ema=True, ema_overwrite_frequency=4),
        lstm.optimizers.AdamW(0.01),
        lstm.optimizers.AdamW(
            schedules.CosineDecay(0.1, 20, warmup_target=0.2, warmup_steps=3),
            clipnorm=0.1,
            use_ema=True,
            ema_overwrite_frequency=2,
            gradient_accumulation_steps=4,
        ),
        lstm.optimizers.Adagrad(0.01),
        lstm.optimizers.Adadelta(0.5),
        lstm.optimizers.Adamax(0.01),
        lstm.optimizers.Nadam(schedules.ExponentialDecay(0.01, 5, 0.5)),
        lstm.optimizers.Ftrl(0.1, -0.7, beta=0.1),
        lstm.optimizers.Lion(schedules.PiecewiseConstantDecay([3, 17], [0.01, 0.1, 0.001])),
    ],
    ids=repr,
)
def test_every_optimizer(optimizer: Any, monkeypatch: pytest.MonkeyPatch, calls: list[int]) -> None:
    config = optimizer.get_config()
    same_one_by_one(lambda: course(model(type(optimizer).from_config(config))), monkeypatch)
    # The first steps of a size are taken one by one; the last batch is smaller.
    assert calls[-2:] == [STEPS - 1, 1]


@pytest.mark.parametrize(
    "options",
    [
        {"shuffle": False},
        {"steps_per_epoch": 4, "epochs": 9},
        {"sample_weight": np.linspace(0, 2, N)},
        {"class_weight": {0: 2.0, 1: 0.5}, "y": np.arange(N) % 2},
        {"validation_split": 0.3},
        {"batch_size": N},
        {"batch_size": 1},
    ],
    ids=lambda options: ",".join(options),
)
@pytest.mark.parametrize("metrics", [[], ["mae"]])
def test_whatever_is_asked_of_fit(
    options: Options, metrics: list[str], monkeypatch: pytest.MonkeyPatch, calls: list[int]
) -> None:
    def run() -> list[Any]:
        loss = "sparse_categorical_crossentropy" if "class_weight" in options else "mse"
        if loss == "mse":
            return course(model(metrics=metrics), **options)
        made = lstm.Sequential([lstm.Input((6, 3)), LSTM(4), Dense(2, "softmax")])
        made.compile("rmsprop", loss, ["accuracy"] if metrics else [])
        return course(made, **options)

    same_one_by_one(run, monkeypatch)
    weighted = any("weight" in name for name in options)
    assert max(calls) > 1 or options.get("batch_size") == N or (weighted and metrics)


def test_tokens(monkeypatch: pytest.MonkeyPatch, calls: list[int]) -> None:
    def run() -> list[Any]:
        layers = [Embedding(7, 3), LSTM(4, return_sequences=True), Dense(7, "softmax")]
        made = lstm.Sequential([lstm.Input((None,)), *layers])
        made.compile("adam", "sparse_categorical_crossentropy")
        x, y = np.random.default_rng(2).integers(0, 7, (2, N, 8))
        return course(made, x=x, y=y)

    same_one_by_one(run, monkeypatch)
    assert max(calls) > 1


@pytest.mark.parametrize("carried", [{"stateful": True}, {}])
def test_carried_states_go_step_by_step(
    carried: Options, monkeypatch: pytest.MonkeyPatch, calls: list[int]
) -> None:
    def run() -> list[Any]:
        made = lstm.Sequential([lstm.Input((6, 3)), LSTM(4, **carried), Dense(2)])
        made.compile("adam", "mse")
        values = {name: array[:40] for name, array in data().items()}
        return course(made, carry_state=not carried, **values)

    same_one_by_one(run, monkeypatch)
    assert set(calls) == {1}


def test_ragged_sequences_go_step_by_step(calls: list[int]) -> None:
    x = [np.ones((1 + k % 6, 3)) for k in range(N)]
    made = lstm.Sequential([lstm.Input((None, 3)), LSTM(4), Dense(2)])
    made.compile("adam", "mse")
    course(made, x=x)
    assert max(calls, default=1) == 1


# ---- the end of training


@pytest.mark.parametrize("row", [0, 23, N - 1])
@pytest.mark.parametrize("huge", [1e30, 1e19])
def test_a_step_that_cannot_be_taken_ends_training(
    row: int, huge: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The loss of the first is infinite; the square of the second's gradient might be.
    def run() -> list[Any]:
        y = data()["y"]
        y[row] = huge
        made = model("sgd")
        made.fit(**data(), batch_size=BATCH, epochs=1, verbose=0)  # To have a plan.
        with pytest.warns(lstm.errors.StoppedWarning, match="finite number"):
            return course(made, y=y, shuffle=False)

    same_one_by_one(run, monkeypatch)


class Rates(Callback):
    """Sets another rate and memory before each epoch."""

    def on_epoch_begin(self, epoch: int, logs: Any) -> None:
        optimizer: Any = self.model.optimizer
        optimizer.learning_rate = 0.1 / (1 + epoch)
        if epoch == 1:
            optimizer.beta_1 = 0.5
        if epoch == 2:
            optimizer.clipnorm = 0.01
        if epoch == 3:
            optimizer.gradient_accumulation_steps = 2
            optimizer.use_ema = True


def test_an_optimizer_changed_between_epochs(
    monkeypatch: pytest.MonkeyPatch, calls: list[int]
) -> None:
    same_one_by_one(lambda: course(model(), callbacks=[Rates()], epochs=5), monkeypatch)
    assert max(calls) > 1


class Halved(lstm.optimizers.Optimizer):
    """An optimizer of one's own."""

    def __init__(self, learning_rate: float = 0.1) -> None:
        super().__init__(learning_rate)

    def update(self, backend: Any, values: Any, gradients: Any) -> None:
        values -= self.learning_rate * gradients


def test_an_optimizer_of_ones_own(monkeypatch: pytest.MonkeyPatch, calls: list[int]) -> None:
    same_one_by_one(lambda: course(model(Halved())), monkeypatch)
    assert set(calls) == {1}


# ---- callbacks


def test_callbacks_of_batches_hear_of_every_one(
    monkeypatch: pytest.MonkeyPatch, calls: list[int]
) -> None:
    heard: list[int] = []
    listener = LambdaCallback(on_train_batch_end=lambda batch, logs: heard.append(batch))
    course(model(), callbacks=[listener])
    assert heard == [*range(STEPS)] * EPOCHS
    assert set(calls) == {1}


class Occasional(Callback):
    """Is content with the last of several batches."""

    every_batch = False

    def __init__(self) -> None:
        self.heard: list[tuple[int, float]] = []

    def on_train_batch_end(self, batch: int, logs: Any) -> None:
        self.heard.append((batch, logs["loss"]))


def test_callbacks_may_be_content_with_the_last_batch(calls: list[int]) -> None:
    listener, made = Occasional(), model()
    course(made, callbacks=[listener, TerminateOnNaN()])
    assert len(listener.heard) < STEPS * EPOCHS
    assert [batch for batch, _ in listener.heard][-2:] == [STEPS - 2, STEPS - 1]
    assert listener.heard[-1][1] == made.history.history["loss"][-1]
    assert max(calls) == STEPS - 1


class Derived(Occasional):
    """Has a hook of its own, and does not say that the last batch is enough for it."""

    def on_train_batch_end(self, batch: int, logs: Any) -> None:
        super().on_train_batch_end(batch, logs)


@pytest.mark.parametrize("replaced", [False, True])
def test_hooks_of_derived_classes_and_objects_hear_of_every_batch(
    replaced: bool, calls: list[int]
) -> None:
    listener = Occasional() if replaced else Derived()
    if replaced:
        hook = listener.on_train_batch_end
        listener.on_train_batch_end = lambda *news: hook(*news)  # type: ignore[method-assign]
    course(model(), callbacks=[listener])
    assert [batch for batch, _ in listener.heard] == [*range(STEPS)] * EPOCHS
    assert set(calls) == {1}


def test_a_plan_that_is_in_use_changes_no_random_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    run, count = Plan.run, itertools.count()

    def busy(plan: Plan, *given: Any, **options: Any) -> Any:
        return None if next(count) % 2 else run(plan, *given, **options)

    monkeypatch.setattr(Plan, "run", busy)
    same_one_by_one(lambda: course(model()), monkeypatch)


def test_a_loss_that_is_not_finite_stops_at_its_batch() -> None:
    values = data()
    values["y"][22] = 1e30
    listener = Occasional()
    with pytest.warns(lstm.errors.StoppedWarning, match="epoch 1, batch 5"):
        course(model(), callbacks=[listener], shuffle=False, **values)
    assert listener.heard[-1][0] == 4
    assert math.isinf(listener.heard[-1][1])


def test_a_call_is_short(monkeypatch: pytest.MonkeyPatch, calls: list[int]) -> None:
    monkeypatch.setattr(fitting, "_SECONDS", 0.0)
    course(model())
    assert set(calls) == {1}
    monkeypatch.setattr(fitting, "_SECONDS", 1000.0)
    monkeypatch.setattr(fitting, "_BYTES", 3 * BATCH * 6 * 3 * 8)
    course(model())
    assert max(calls) == 3
