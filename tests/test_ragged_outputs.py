"""Several outputs of sequences of different lengths."""

from typing import Any

import numpy as np
import pytest

import lstm
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.layers import LSTM, Dense
from tolerances import assert_close

RNG = np.random.default_rng(9)

LENGTHS = (2, 5, 3)
SEQUENCES = [RNG.normal(size=(n, 3)) for n in LENGTHS]
STEPS = [RNG.normal(size=(n, 1)) for n in LENGTHS]
ENDS = RNG.normal(size=(3, 2))
PADDED = np.zeros((3, 5, 1))
for _row, _part in zip(PADDED, STEPS, strict=True):
    _row[: len(_part)] = _part


class TestSequencesOfDifferentLengths:
    def model(self, **options: Any) -> lstm.Model:
        lstm.set_seed(2)
        x = lstm.Input((None, 3))
        steps = LSTM(3, return_sequences=True, **options)(x)
        model = lstm.Model(x, [Dense(1, name="steps")(steps), Dense(2, name="end")(LSTM(2)(x))])
        model.compile("sgd", ["mse", "mae"])
        return model

    def by_hand(self, model: lstm.Model, weights: Any) -> tuple[float, float]:
        alone = [model.predict(x[None]) for x in SEQUENCES]
        of_steps = zip(alone, STEPS, weights, strict=True)
        squares = np.concatenate([w * (y[0][0] - t)[:, 0] ** 2 for y, t, w in of_steps])
        ends = np.concatenate([y[1] for y in alone])
        return float(squares.mean()), float(np.abs(ends - ENDS).mean())

    @pytest.mark.parametrize("batch_size", [1, 2, 3])
    @pytest.mark.parametrize("steps", [PADDED, STEPS], ids=["padded", "list"])
    def test_count_their_own_steps(self, steps: Any, batch_size: int) -> None:
        model = self.model()
        expected = self.by_hand(model, [np.ones(n) for n in LENGTHS])
        targets = {"steps": steps, "end": ENDS}
        if batch_size == 3:
            logs = model.evaluate(SEQUENCES, targets, batch_size, return_dict=True)
            got = logs["steps_loss"], logs["end_loss"]
            assert_close(np.array(got), np.array(expected), "loss", terms=40, dtype="float32")
        model.fit(SEQUENCES, targets, batch_size, epochs=40)
        learned = self.by_hand(model, [np.ones(n) for n in LENGTHS])
        assert sum(learned) < sum(expected)

    def test_weigh_them(self) -> None:
        model = self.model()
        weights = [RNG.random(n) for n in LENGTHS]
        first, second = self.by_hand(model, weights)
        given = [weights, np.ones(3)]
        logs = model.evaluate(SEQUENCES, [STEPS, ENDS], 3, sample_weight=given)
        assert_close(np.array(logs[0]), np.array(first + second), "loss", terms=40, dtype="float32")

    def test_come_in_batches(self) -> None:
        model = self.model()
        first, second = self.by_hand(model, [np.ones(n) for n in LENGTHS])
        batches = [(SEQUENCES, [STEPS, ENDS])]
        loss = model.evaluate(iter(batches), steps=1)[0]
        assert_close(np.array(loss), np.array(first + second), "loss", terms=40, dtype="float32")

    @pytest.mark.parametrize(
        ("steps", "message"),
        [
            (np.zeros((3, 6, 1)), "as those of x, or an array padded to .*, got shape .3, 6, 1."),
            ([np.zeros((n, 1)) for n in (2, 4, 3)], "as those of x, .*, got other lengths"),
            ([np.zeros((n, 2)) for n in LENGTHS], "expected shape .3, 5, 1., got shape .3, 5, 2."),
        ],
    )
    def test_with_other_targets(self, steps: Any, message: str) -> None:
        with pytest.raises(InvalidShapeError, match=f"^y of steps: .*{message}"):
            self.model().fit(SEQUENCES, [steps, ENDS])

    def test_are_not_compared_in_reversed_order(self) -> None:
        with pytest.raises(InvalidValueError, match="sequences of the same lengths"):
            self.model(go_backwards=True).fit(SEQUENCES, [STEPS, ENDS])

    def test_of_two_inputs_targets_follow_either(self) -> None:
        first, second = lstm.Input((None, 3)), lstm.Input((None, 1))
        ends = Dense(1, name="end")(LSTM(2)(first))
        model = lstm.Model([first, second], [ends, Dense(1, name="steps")(second)])
        model.compile("sgd", "mse")
        other = [RNG.normal(size=(n, 1)) for n in (5, 1, 2)]
        x = [SEQUENCES, other]
        model.fit(x, [ENDS[:, :1], other])
        with pytest.raises(InvalidShapeError, match=r"^y of steps: expected a list of sequences"):
            model.fit(x, [ENDS[:, :1], PADDED])
