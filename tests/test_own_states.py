"""What a layer of a user's remembers from chunk to chunk."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import lstm
from lstm.errors import InvalidValueError
from lstm.layers import LSTM, Dense, Layer, Reshape
from own_layers import Total, X, model_of
from tolerances import assert_close


class Forgetful(Total):
    """Declares a state and leaves none."""

    def state_shapes(self, *shapes: Any) -> Any:
        return (shapes[0][2:],)


class Carried(Forgetful):
    """Carries the sum from chunk to chunk."""

    def forward(self, run: Any, *inputs: Any, mask: Any) -> Any:
        (x,), state = inputs, run.state()
        y = np.cumsum(x, axis=1) + (0 if state is None else state[0][:, None])
        run.leave_state((y[:, -1],))
        return (y,), None


class Doubled(Total):
    """2x, step by step."""

    memoryless = True

    def forward(self, run: Any, *inputs: Any, mask: Any) -> Any:
        return (2 * inputs[0],), None


def in_chunks(model: lstm.Model, x: NDArray[Any], size: int) -> NDArray[Any]:
    """The outputs chunk by chunk; of models with one output a sequence, the last."""
    state, outputs = model.initial_state(len(x)), []
    for start in range(0, x.shape[1], size):
        y, state = model.step(x[:, start : start + size], state)
        outputs.append(y)
    return np.concatenate(outputs, 1) if outputs[0].ndim == 3 else outputs[-1]


class TestStates:
    def test_an_undeclared_layer_is_not_cut_into_chunks(self) -> None:
        model = model_of(Total(), LSTM(3))
        y = np.zeros((4, 3))
        for call in (
            lambda: model.initial_state(1),
            lambda: model.step(X, {}),
            lambda: model.fit(X, y, carry_state=True, verbose=0),
            lambda: model.evaluate(X, y, carry_state=True),
            lambda: model.train_on_batch(X, y, carry_state=True),
        ):
            with pytest.raises(InvalidValueError) as error:
                call()
            message = str(error.value)
            assert message.startswith("total: expected in class Total, to work chunk by chunk")
            assert "`memoryless = True`" in message
            assert "`def state_shapes(self, *shapes)`" in message
        model.fit(X, y, verbose=0)
        assert model.predict(X).shape == (4, 3)

    @pytest.mark.parametrize("layer", [Carried, Doubled])
    @pytest.mark.parametrize("size", [1, 4])
    def test_a_declared_one_gives_the_same_as_the_whole(
        self, layer: type[Layer], size: int
    ) -> None:
        for above in ([], [LSTM(3)]):
            model = model_of(layer(), *above)
            assert_close(in_chunks(model, X, size), model.predict(X), "lstm", terms=6)

    def test_a_declared_state_that_is_not_left_is_missed(self) -> None:
        model = model_of(Forgetful(), LSTM(3))
        message = r"^forgetful: expected run.leave_state\(state\) in `forward`"
        with pytest.raises(InvalidValueError, match=message):
            model.step(X, model.initial_state(4))
        with pytest.raises(InvalidValueError, match=message):
            model.fit(X, np.zeros((4, 3)), carry_state=True, verbose=0)

    def test_layers_with_several_inputs_carry_theirs(self) -> None:
        class Sum(Carried):
            def output_shapes(self, *shapes: Any) -> Any:
                return shapes[:1]

            def forward(self, run: Any, *inputs: Any, mask: Any) -> Any:
                return super().forward(run, inputs[0] + inputs[1], mask=mask)

        a, b = lstm.Input((None, 2)), lstm.Input((None, 2))
        model = lstm.Model([a, b], Sum()([a, b]))
        state = model.initial_state(4)
        first, state = model.step([X[:, :2], X[:, :2]], state)
        second, _ = model.step([X[:, 2:], X[:, 2:]], state)
        joined = np.concatenate([first, second], 1)
        assert_close(joined, model.predict([X, X]), "lstm", terms=6)

    @pytest.mark.parametrize(
        "layers",
        [
            # A sequence made of the last step, which is another one in each chunk.
            lambda: [LSTM(4), Reshape((2, 2)), LSTM(3)],
            lambda: [LSTM(4), lstm.layers.ExpandDims(1), LSTM(3)],
            # Steps that are mixed.
            lambda: [LSTM(4, return_sequences=True), lstm.layers.Flatten()],
            lambda: [lstm.layers.Permute((2, 1))],
            lambda: [Reshape((-1, 4))],
            lambda: [Reshape((3, 4))],
            lambda: [lstm.layers.ExpandDims(1)],
            lambda: [Dense(1), lstm.layers.Squeeze(), lstm.layers.Activation("softmax")],
            lambda: [Dense(1), lstm.layers.Squeeze(), lstm.layers.Flip()],
        ],
    )
    def test_what_mixes_steps_is_not_cut_into_chunks(
        self, layers: Callable[[], list[Layer]]
    ) -> None:
        with pytest.raises(InvalidValueError, match=r"chunk by chunk"):
            model_of(*layers()).initial_state(1)

    @pytest.mark.parametrize(
        "layers",
        [
            lambda: [LSTM(6), Dense(6), Reshape((2, 3))],
            lambda: [Reshape((-1, 1)), LSTM(3)],
            lambda: [Reshape((-1, 2, 1))],
            lambda: [lstm.layers.ExpandDims(2), lstm.layers.Permute((1, 3, 2))],
            lambda: [Dense(1), lstm.layers.Squeeze(), lstm.layers.Activation("tanh")],
        ],
    )
    def test_what_keeps_them_apart_is(self, layers: Callable[[], list[Layer]]) -> None:
        model = model_of(*layers())
        state = model.initial_state(4)
        first, state = model.step(X[:, :2], state)
        second, _ = model.step(X[:, 2:], state)
        whole = model.predict(X)
        over_time = model.graph.outputs[0].shape[1] is None
        found = np.concatenate([first, second], 1) if over_time else second
        assert_close(found, whole, "lstm", terms=6)

    def test_a_given_initial_state_is_that_of_every_chunk(self) -> None:
        x, h, c = lstm.Input((None, 2)), lstm.Input((3,)), lstm.Input((3,))
        model = lstm.Model([x, h, c], LSTM(3)(x, initial_state=[h, c]))
        with pytest.raises(InvalidValueError, match=r"no initial_state.*chunk by chunk"):
            model.initial_state(1)
