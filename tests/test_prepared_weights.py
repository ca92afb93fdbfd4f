"""What plans make of weights once: the same numbers, and never those of old weights."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm.backends import BFLOAT16
from lstm.backends.native import Native
from lstm.backends.native.plan import Plan
from lstm.errors import InvalidShapeError, InvalidTypeError
from lstm.layers import GRU, LSTM, Bidirectional, Dense, Embedding, SimpleRNN, TiedDense
from lstm.models.planned_pass import PlannedPass
from lstm.models.plans import Plans
from native_cases import INSTRUCTION_SETS, running_on, threads

PRECISIONS = [None, *(["bfloat16"] if "native" in BFLOAT16 else [])]

Made = tuple[lstm.Model, Any]


def recurrent(layer: Any, B: int, T: int, D: int) -> Made:
    model = lstm.Sequential([lstm.Input((T, D)), layer, Dense(3, "tanh")])
    return model, np.random.default_rng(1).normal(size=(B, T, D)).astype(np.float32)


def tied() -> Made:
    x = lstm.Input((None,))
    embedding = Embedding(5, 6)
    model = lstm.Model(x, TiedDense(embedding)(LSTM(6, return_sequences=True)(embedding(x))))
    return model, np.array([[0, 4, 2]])


CASES: dict[str, Callable[[], Made]] = {
    "one step": lambda: recurrent(LSTM(33), 1, 1, 7),
    "one step of some": lambda: recurrent(LSTM(20), 3, 1, 300),
    "one sequence": lambda: recurrent(LSTM(100), 1, 9, 300),
    "some sequences": lambda: recurrent(LSTM(100), 7, 3, 5),
    "one step of many units": lambda: recurrent(LSTM(131), 1, 1, 203),
    "other activations": lambda: recurrent(LSTM(131, "relu", "hard_sigmoid"), 1, 1, 203),
    "in lanes": lambda: recurrent(LSTM(4), 40, 3, 2),
    "reversed": lambda: recurrent(LSTM(9, go_backwards=True), 2, 4, 3),
    "both ways": lambda: recurrent(Bidirectional(LSTM(9)), 2, 4, 3),
    "a GRU's step": lambda: recurrent(GRU(300), 2, 1, 300),
    "a GRU": lambda: recurrent(GRU(20), 6, 3, 300),
    "a SimpleRNN": lambda: recurrent(SimpleRNN(20), 6, 3, 300),
    "coupled": lambda: recurrent(LSTM(20, coupled=True), 2, 3, 5),
    "no inputs": lambda: recurrent(LSTM(5), 2, 3, 0),
    "tokens": tied,
}


@pytest.fixture(params=PRECISIONS, ids=str)
def made(request: pytest.FixtureRequest) -> Callable[[str], Made]:
    lstm.set_seed(1)

    def make(case: str) -> Made:
        with lstm.backends.using("native", precision=request.param):
            return CASES[case]()

    return make


def plans(model: lstm.Model) -> list[Any]:
    return model.passes(lstm.models.planning.infer).plans.planned


@pytest.mark.parametrize("case", CASES)
def test_the_numbers_are_those_of_a_pass_step_by_step(
    case: str, made: Callable[[str], Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, x = made(case)
    planned = [model.predict_on_batch(x) for _ in range(4)][-1]
    assert plans(model)
    monkeypatch.setattr(Plans, "find", lambda *_: None)
    assert_array_equal(planned, model.predict_on_batch(x))


@pytest.mark.parametrize("instruction_set", INSTRUCTION_SETS)
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("case", ["one step of many units", "one sequence"])
def test_the_numbers_are_the_same_everywhere(
    instruction_set: str, count: int, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lstm.set_seed(1)
    with running_on(instruction_set), threads(count):
        model, x = CASES[case]()
        planned = [model.predict_on_batch(x) for _ in range(4)][-1]
        with threads(1):
            monkeypatch.setattr(Plans, "find", lambda *_: None)
            assert_array_equal(planned, model.predict_on_batch(x))


def set_weights(model: lstm.Model, x: Any) -> None:
    model.set_weights([w + 0.1 for w in model.get_weights()])


def assign(model: lstm.Model, x: Any) -> None:
    for weight in model.graph.weights.values():
        weight.assign(0.5 * weight.to_numpy())


def a_training_step(model: lstm.Model, x: Any) -> None:
    model.compile("sgd", "mse")
    model.train_on_batch(x, np.ones_like(model.predict(x)))


def a_step_of_another_model(model: lstm.Model, x: Any) -> None:
    a_training_step(lstm.Sequential([lstm.Input(x.shape[1:]), *model.layers[-2:]]), x)


def an_interrupted_step(model: lstm.Model, x: Any) -> None:
    model.compile("sgd", "mse")
    y = np.ones_like(model.predict(x))
    for _ in range(3):
        model.train_on_batch(x, y)
    run = PlannedPass.run

    def interrupted(planned: PlannedPass, *given: Any, **options: Any) -> Any:
        run(planned, *given, **options)
        raise KeyboardInterrupt

    PlannedPass.run = interrupted  # type: ignore[method-assign,assignment]
    try:
        with pytest.raises(KeyboardInterrupt):
            model.train_on_batch(x, y)
    finally:
        PlannedPass.run = run  # type: ignore[method-assign]


CHANGES = [set_weights, assign, a_training_step, a_step_of_another_model, an_interrupted_step]


@pytest.mark.parametrize("change", CHANGES)
def test_new_weights_are_heard_of(
    change: Callable[[lstm.Model, Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, x = CASES["one sequence"]()
    stream = model.stream()
    for _ in range(4):
        model.predict_on_batch(x)
        stream(x)
        stream.reset()
    before = model.predict_on_batch(x)
    change(model, x)
    # The first pass reads the weights where they are, the second packs them, the third is as fast.
    after, streamed = [], []
    for _ in range(3):
        after.append(model.predict_on_batch(x))
        streamed.append(stream(x))
        stream.reset()
    assert not np.allclose(before, after[0])
    monkeypatch.setattr(Plans, "find", lambda *_: None)
    for found in (*after, *streamed):
        assert_array_equal(found, model.predict_on_batch(x))


def test_weights_that_change_before_every_pass_are_not_packed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, x = CASES["one step"]()
    for _ in range(3):
        model.predict_on_batch(x)
        model.predict(x)
    changed: list[bool] = []
    run = Plan.run

    def noted(plan: Plan, *given: Any, **options: Any) -> Any:
        changed.append(options["changed"])
        return run(plan, *given, **options)

    monkeypatch.setattr(Plan, "run", noted)
    for _ in range(5):
        set_weights(model, x)
        model.predict_on_batch(x)
    assert not changed
    model.predict_on_batch(x)
    model.predict_on_batch(x)
    assert changed == [True, False]


def test_what_packs_runs_once() -> None:
    model, x = CASES["one step"]()
    for _ in range(3):
        model.predict_on_batch(x)
    (plan,) = plans(model)
    names = [instruction.name for instruction in plan.listed.instructions]
    assert plan.listed.prepared == names.count("pack_gates") + names.count("pack_panels") == 3
    assert all(name.startswith("pack_") for name in names[:3])


def test_nobody_can_change_weights_without_a_word() -> None:
    model, _ = CASES["one step"]()
    for values in (model.parameters.values, *(w.value for w in model.graph.weights.values())):
        with pytest.raises(ValueError, match="read-only"):
            values[...] = 0


def test_a_weight_takes_what_fits() -> None:
    model, _ = CASES["one step"]()
    weight = model.graph.weights["lstm/kernel"]
    with pytest.raises(InvalidShapeError, match=r"^kernel: expected"):
        weight.assign(np.float32(3))
    model.quantize()
    with pytest.raises(InvalidTypeError, match=r"^kernel: expected float32 numbers"):
        weight.assign(np.zeros((7, 132)))


# ---- generation


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Which output layers were packed."""
    found: list[Any] = []
    pack = Native.packed_stack

    def noted(ops: Native, embedding: Any, layers: Any, w: Any) -> Any:
        found.append(w)
        return pack(ops, embedding, layers, w)

    monkeypatch.setattr(Native, "packed_stack", noted)
    return found


def test_a_writer_packs_once(packed: list[Any]) -> None:
    model = lstm.LanguageModel.create(lstm.text.ByteVocabulary(), hidden=8, seed=1)
    writer = model.writer("a", seed=1)
    pieces = "".join(writer.write(3)[0] for _ in range(4))
    assert len(packed) == 1
    assert "a" + pieces == model.generate("a", 12, seed=1)


def test_a_writer_hears_of_new_weights(packed: list[Any]) -> None:
    model = lstm.LanguageModel.create(lstm.text.ByteVocabulary(), hidden=8, seed=1)
    writer = model.writer("a", seed=1)
    writer.write(3)
    set_weights(model.model, None)
    writer.write(3)
    assert len(packed) == 2
    model.model.layers[-1].use_bias = True  # An attribute that is set, to the value that it has.
    writer.write(1)
    assert len(packed) == 3


def test_a_writer_writes_with_the_weights_of_today() -> None:
    def made() -> lstm.LanguageModel:
        return lstm.LanguageModel.create(lstm.text.ByteVocabulary(), hidden=8, seed=1)

    model, other = made(), made()
    set_weights(other.model, None)
    writer, fresh = model.writer("a", seed=1), other.writer("a", seed=1)
    writer.write(3)
    set_weights(model.model, None)
    # The same weights, state and random numbers; only one of them wrote before.
    fresh._state, fresh._last = writer._state, writer._last
    fresh._recent, fresh._generators = writer._recent, writer.copy()._generators
    assert fresh.write(20) == writer.write(20)
