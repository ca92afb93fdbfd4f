"""State: chunk by chunk is the whole, and what is carried from batch to batch."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

import lstm
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, ModelFileError
from lstm.layers import LSTM, Bidirectional, Conv1D, Dense, Dropout, Embedding
from state_cases import RNG, X, Y, follower
from tolerances import assert_close

pytestmark = pytest.mark.usefixtures("float64")


TOKENS = RNG.integers(0, 9, (3, 8))


def writer() -> lstm.Model:
    """Everything that can work step by step, one on the other, with random weights."""
    model = lstm.Sequential(
        [
            Embedding(9, 3),
            Conv1D(4, 3, padding="causal", dilation_rate=2, activation="tanh"),
            LSTM(4, return_sequences=True),
            Dropout(0.5),
            LSTM(3, return_sequences=True),
            Conv1D(4, 2, padding="causal"),
            Dense(9, activation="softmax"),
        ]
    )
    rng = np.random.default_rng(5)
    model.set_weights([rng.normal(0, 0.7, w.shape) for w in model.get_weights()])
    return model


shared_writer = cache(writer)


def in_chunks(
    model: lstm.Model, x: NDArray[Any], ends: list[int], state: Any = None
) -> tuple[NDArray[Any], lstm.State]:
    state = model.initial_state(len(x)) if state is None else state
    outputs = []
    for part in np.split(x, ends, axis=1):
        y, state = model.step(part, state)
        outputs.append(y)
    return np.concatenate(outputs, 1), state


class TestStep:
    @settings(max_examples=25)
    @given(st.sets(st.integers(1, 7)), st.integers(1, 3))
    def test_any_chunks_of_any_batch_are_the_whole(self, ends: set[int], size: int) -> None:
        model, x = shared_writer(), TOKENS[:size]
        y, _ = in_chunks(model, x, sorted(ends))
        assert_close(y, model.predict(x), "lstm", terms=8)

    def test_states_of_sequences_do_not_mix(self) -> None:
        model = writer()
        _, state = in_chunks(model, TOKENS, [3])
        y, _ = in_chunks(model, TOKENS[:, ::-1], [4], state)
        for row in range(3):
            _, alone = in_chunks(model, TOKENS[row : row + 1], [5])
            z, _ = in_chunks(model, TOKENS[row : row + 1, ::-1], [2], alone)
            assert_close(y[row : row + 1], z, "lstm", terms=8)

    def test_leaves_the_old_state_and_the_model_as_they_were(self) -> None:
        model = writer()
        first = model.initial_state(3)
        y, second = model.step(TOKENS, first)
        assert all((part == 0).all() for parts in first.values() for part in parts)
        kept = {name: [part.copy() for part in parts] for name, parts in second.items()}
        z, _ = model.step(TOKENS, second)
        assert (z != y).any()
        for name, parts in kept.items():
            for part, now in zip(parts, second[name], strict=True):
                assert_array_equal(now, part)
        assert_array_equal(model.step(TOKENS, first)[0], y)
        assert_array_equal(model.predict(TOKENS), model.predict(TOKENS))

    def test_a_model_of_fixed_length_takes_shorter_chunks(self) -> None:
        model = lstm.Sequential([LSTM(3, input_shape=(8, 2)), Dense(1)])
        state = model.initial_state(4)
        for t in range(8):
            y, state = model.step(X[:, t : t + 1], state)
        assert_close(y, model.predict(X), "lstm", terms=8)
        flat = lstm.Sequential([lstm.Input((8, 2)), lstm.layers.Flatten(), Dense(1)])
        with pytest.raises(InvalidValueError, match=r"flatten: expected .* chunk by chunk"):
            flat.initial_state(4)

    def test_sequences_of_different_lengths(self) -> None:
        """Each row's state is that after its own last step."""
        model, rows = writer(), [TOKENS[0, :5], TOKENS[1, :1], TOKENS[2, :3]]
        _, state = model.step(rows, model.initial_state(3))
        y, _ = model.step(TOKENS[:, 6:], state)
        for row, x in enumerate(rows):
            whole = model.predict(np.concatenate([x, TOKENS[row, 6:]])[None])
            assert_close(y[row], whole[0, -2:], "lstm", terms=8)

    def test_several_inputs_and_outputs(self) -> None:
        a, b = lstm.Input((None, 2)), lstm.Input((None, 1))
        y = LSTM(3, return_sequences=True)(lstm.ops.concatenate([a, b]))
        model = lstm.Model([a, b], [y, LSTM(2, return_sequences=True)(y)])
        state = model.initial_state(4)
        first, state = model.step([X[:, :3], Y[:, :3]], state)
        second, _ = model.step([X[:, 3:], Y[:, 3:]], state)
        for k, whole in enumerate(model.predict([X, Y])):
            joined = np.concatenate([first[k], second[k]], 1)
            assert_close(joined, whole, "lstm", terms=8)

    @pytest.mark.parametrize(
        "layer",
        [
            lambda: Bidirectional(LSTM(3, return_sequences=True)),
            lambda: LSTM(3, go_backwards=True),
            lambda: Conv1D(3, 2),
            lambda: Conv1D(3, 2, padding="same"),
            lambda: Conv1D(3, 1, strides=2),
        ],
    )
    def test_layers_that_look_ahead_refuse(self, layer: Any) -> None:
        model = lstm.Sequential([lstm.Input((None, 2)), layer()])
        model.compile("sgd", "mse")
        for attempt in (
            lambda: model.initial_state(1),
            lambda: model.step(X, {}),
            lambda: model.fit(X, Y, carry_state=True, verbose=0),
        ):
            with pytest.raises(InvalidValueError, match="chunk by chunk"):
                attempt()


class TestState:
    def test_is_a_mapping_that_says_what_it_holds(self) -> None:
        state = writer().initial_state(2)
        assert state.batch_size == 2
        assert {name: [p.shape for p in parts] for name, parts in state.items()} == {
            "conv1d": [(2, 4, 3)],
            "conv1d_1": [(2, 1, 3)],
            "lstm": [(2, 4), (2, 4)],
            "lstm_1": [(2, 3), (2, 3)],
        }
        assert "State(batch_size=2, conv1d=(2, 4, 3)" in repr(state)
        with pytest.raises(InvalidValueError, match="batch_size"):
            writer().initial_state(0)
        stateless = lstm.Sequential([lstm.Input((None, 2)), Dense(1)])
        assert repr(stateless.initial_state(4)) == "State(nothing to remember)"

    def test_a_file_gives_the_same_bits(self, tmp_path: Path) -> None:
        model = writer()
        _, state = model.step(TOKENS, model.initial_state(3))
        state.save(tmp_path / "state.safetensors")
        loaded = lstm.State.load(tmp_path / "state.safetensors")
        assert set(loaded) == set(state)
        assert_array_equal(model.step(TOKENS, loaded)[0], model.step(TOKENS, state)[0])
        with pytest.raises(ModelFileError, match="holds a state, not a model"):
            lstm.load_model(tmp_path / "state.safetensors")
        model.save(tmp_path / "model.safetensors")
        with pytest.raises(ModelFileError, match="holds a model, not a state"):
            lstm.State.load(tmp_path / "model.safetensors")

    def test_a_plain_dict_of_any_floats_will_do(self) -> None:
        model = follower()
        zeros = {"lstm": [np.zeros((4, 4), np.float32), [[0] * 4] * 4]}
        y, state = model.step(X, zeros)
        assert_array_equal(y, model.predict(X))
        assert {part.dtype for part in state["lstm"]} == {np.dtype("float64")}

    @pytest.mark.parametrize(
        ("state", "error"),
        [
            (None, InvalidTypeError),
            ((np.zeros((4, 4)), np.zeros((4, 4))), InvalidTypeError),
            ({"lstm": 3}, InvalidTypeError),
            ({"lstm": ("a", "b")}, InvalidTypeError),
            ({}, InvalidShapeError),
            ({"lstm": (np.zeros((4, 4)),)}, InvalidShapeError),
            ({"lstm": (np.zeros((3, 4)),) * 2}, InvalidShapeError),
            ({"lstm": (np.zeros((4, 5)),) * 2}, InvalidShapeError),
            ({"cell": (np.zeros((4, 4)),) * 2}, InvalidShapeError),
            ({"lstm": (np.full((4, 4), np.nan),) * 2}, InvalidValueError),
        ],
    )
    def test_of_something_else_is_refused(self, state: Any, error: type[Exception]) -> None:
        with pytest.raises(error, match="state"):
            follower().step(X, state)


class TestRandomState:
    def test_is_a_value_to_go_on_from_later(self) -> None:
        def outputs() -> list[float]:
            return [model.train_on_batch(X, Y) for _ in range(3)]

        model = lstm.Sequential([lstm.Input((None, 2)), Dropout(0.5), Dense(1)])
        model.compile(lstm.optimizers.SGD(0.0), "mse")
        state = json.loads(json.dumps(model.random_state))
        losses = outputs()
        assert len(set(losses)) == 3
        assert outputs() != losses
        model.random_state = state
        assert outputs() == losses

    def test_unusable(self) -> None:
        model = follower()
        before = model.random_state
        for state in ({}, {"bit_generator": "dice"}, 3, None):
            with pytest.raises(InvalidValueError, match=r"^random_state: expected"):
                model.random_state = state
        assert model.random_state == before
