"""Streams compute what `step` and `predict` compute, and refuse what would be wrong numbers."""

import threading
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import lstm
from layer_case import STEPS, LayerCase
from layer_cases import CASES
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.layers import GRU, LSTM, Bidirectional, Dense, Embedding
from lstm.models.stream import Stream

UNITS = 3


def model(*layers: Any) -> lstm.Model:
    whole = layers or (LSTM(4, return_sequences=True), GRU(UNITS))
    return lstm.Sequential([lstm.Input((None, 2)), *whole])


def chunks(count: int, batch_size: int = 1, steps: int = 1) -> np.ndarray:
    values = np.random.default_rng(5).random((count, batch_size, steps, 2))
    return values.astype(np.float32)


STREAMS = [case for case in CASES if case.streams and len(case.inputs) == 1]


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize("case", STREAMS, ids=lambda case: case.name)
def test_every_layer_gives_what_predict_gives(case: LayerCase, backend: str) -> None:
    with lstm.backends.using(backend):
        whole, rng = case.model(any_length=True), np.random.default_rng(1)
        if isinstance(whole.predict(case.data(rng, 3)), list):
            pytest.skip("outputs of the last step")
        x = case.data(rng, 3, 2 * STEPS)[0]
        x = x if case.tokens else x.astype(np.float32)
        stream = whole.stream(3)
        parts = [stream(x[:, k : k + 1]) for k in range(2 * STEPS)]
        expected = whole.predict(x)
        found = np.concatenate(parts, 1) if expected.shape[1:2] == (2 * STEPS,) else parts[-1]
        assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_it_is_step_with_the_state_inside() -> None:
    one = model()
    for batch_size, steps in ((1, 1), (1, 3), (4, 1), (5, 2)):
        stream, state = one.stream(batch_size), one.initial_state(batch_size)
        assert stream.batch_size == batch_size
        for x in chunks(6, batch_size, steps):
            y, state = one.step(x, state)
            assert_array_equal(stream(x), y)
            for name, parts in stream.state.items():
                for found, expected in zip(parts, state[name], strict=True):
                    assert_array_equal(found, expected)


def test_any_array_is_read_alike() -> None:
    stream, values = model().stream(), chunks(4)
    expected = [stream(x) for x in values]
    for change in (
        lambda x: x.astype(np.float64),
        lambda x: x.tolist(),
        lambda x: np.repeat(x, 2, -1)[..., ::2],
        np.asfortranarray,
        lambda x: x.astype(">f4"),
        lambda x: np.frombuffer(b"-" + x.tobytes(), np.float32, offset=1).reshape(x.shape),
    ):
        stream.reset()
        for x, y in zip(values, expected, strict=True):
            assert_array_equal(stream(change(x)), y)
        state = stream.state
        for x in values:
            y, state = stream._model.step(change(x), state)
            assert_array_equal(stream(x), y)


def test_outputs_are_kept() -> None:
    stream = model().stream()
    outputs = [stream(x) for x in chunks(5)]
    again = [y.copy() for y in outputs]
    stream(chunks(1)[0])
    assert_array_equal(outputs, again)
    assert len({y.tobytes() for y in outputs}) == 5


def test_several_outputs_and_states_that_are_returned() -> None:
    x = lstm.Input((None, 2))
    y, h, c = LSTM(3, return_sequences=True, return_state=True)(x)
    one = lstm.Model(x, [y, h, c])
    stream, state = one.stream(2), one.initial_state(2)
    for part in chunks(5, 2):
        expected, state = one.step(part, state)
        for found, right in zip(stream(part), expected, strict=True):
            assert_array_equal(found, right)


def test_tokens() -> None:
    one = lstm.Sequential([lstm.Input((None,)), Embedding(5, 3), LSTM(4), Dense(5, "softmax")])
    stream, state = one.stream(), one.initial_state(1)
    for token in (1, 4, 0, 2, 2):
        x = np.array([[token]])
        y, state = one.step(x, state)
        assert_array_equal(stream(x), y)
    for wrong in (-1, 5):
        before = stream.state
        with pytest.raises(InvalidValueError, match=f"x: expected .*got {wrong}"):
            stream(np.array([[wrong]]))
        assert_array_equal(stream.state["lstm"], before["lstm"])


def test_the_state_goes_out_and_in() -> None:
    one, values = model(), chunks(6)
    stream = one.stream()
    for x in values[:3]:
        stream(x)
    middle = stream.state
    rest = [stream(x) for x in values[3:]]
    middle["lstm"][0][:] += 0  # A copy: nothing of the stream changes with it.
    other = one.stream()
    other.state = middle
    assert_array_equal([other(x) for x in values[3:]], rest)
    stream.state = middle
    middle["lstm"][0][:] = 7
    assert_array_equal([stream(x) for x in values[3:]], rest)
    stream.reset()
    assert not any(part.any() for parts in stream.state.values() for part in parts)


def test_weights_that_change_count_from_the_next_step() -> None:
    one, values = model(), chunks(4)
    stream = one.stream()
    for x in values:
        stream(x)
    one.set_weights([weight / 2 for weight in one.get_weights()])
    state = stream.state
    for x in values:
        y, state = one.step(x, state)
        assert_array_equal(stream(x), y)
    one.layers[0].activation = "relu"
    y, state = one.step(values[0], state)
    assert_array_equal(stream(values[0]), y)
    one.compile("sgd", "mse")
    one.fit(chunks(1, 4)[0], np.ones((4, UNITS)), verbose=0)
    y, _ = one.step(values[1], state)
    assert_array_equal(stream(values[1]), y)


# ---- what is refused


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_never_enter_the_state(number: float) -> None:
    stream, values = model().stream(), chunks(5)
    for x in values:
        before = stream.state
        wrong = x.copy()
        wrong[0, 0, 1] = number
        with pytest.raises(InvalidValueError, match="x: expected finite numbers"):
            stream(wrong)
        for name, parts in stream.state.items():
            assert_array_equal(parts, before[name])
        stream(x)


@pytest.mark.parametrize("wrong", [np.ones((2, 1, 2)), np.ones((1, 1, 3)), np.ones(2), "x", None])
def test_what_does_not_fit(wrong: Any) -> None:
    stream = model().stream()
    for x in chunks(3):
        stream(x)
        with pytest.raises((InvalidShapeError, InvalidTypeError, InvalidValueError)):
            stream(wrong.astype(np.float32) if isinstance(wrong, np.ndarray) else wrong)


def test_states_that_do_not_fit() -> None:
    stream = model().stream()
    for state in (model().initial_state(2), {}, None):
        with pytest.raises(InvalidValueError, match="state"):
            stream.state = state  # type: ignore[assignment]
    for size in (0, -1, 2.5, "2"):
        with pytest.raises(InvalidValueError, match="batch_size"):
            model().stream(size)  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError):
        model(Bidirectional(LSTM(2))).stream()
    with pytest.raises(AttributeError):
        stream.states = 3  # type: ignore[attr-defined]


def test_a_stream_is_for_one_thread_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    one, inside, leave = model(), threading.Event(), threading.Event()
    stream, step = one.stream(), lstm.Model.step

    def slow(*arguments: Any) -> Any:
        inside.set()
        leave.wait(10)
        return step(*arguments)

    monkeypatch.setattr(lstm.Model, "step", slow)
    thread = threading.Thread(target=stream, args=(chunks(1)[0],))
    thread.start()
    inside.wait(10)
    with pytest.raises(InvalidValueError, match="one thread at a time"):
        stream(chunks(1)[0])
    leave.set()
    thread.join()
    stream(chunks(1)[0])


def test_threads_with_streams_of_their_own() -> None:
    one, values = model(), chunks(200)
    expected = list(map(one.stream(), values))
    found: list[list[np.ndarray]] = [[] for _ in range(4)]

    def work(outputs: list[np.ndarray]) -> None:
        outputs.extend(map(one.stream(), values))

    threads = [threading.Thread(target=work, args=(outputs,)) for outputs in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for outputs in found:
        assert_array_equal(outputs, expected)


def test_it_shows_itself() -> None:
    assert repr(Stream(model(), 3)).startswith("Stream('sequential")
