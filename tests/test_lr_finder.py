"""Finding a learning rate."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from language_cases import TEXT, assert_same_weights, sentences, training_of
from lstm.errors import InvalidValueError


class TestFindingALearningRate:
    def test_leaves_no_trace(self) -> None:
        trained = []
        for find in (False, True):
            made, _ = training_of(TEXT, model={"dropout": 0.3})
            weights, random_state = made.model.get_weights(), made.model.random_state
            if find:
                made.find_lr(TEXT)
            for w, v in zip(made.model.get_weights(), weights, strict=True):
                assert_array_equal(w, v)
            assert made.model.random_state == random_state
            assert len(made.model.carried_state) == 0
            trained.append((made, made.fit(TEXT, epochs=1).history))
        assert_same_weights(trained[0][0], trained[1][0])
        assert trained[0][1] == trained[1][1]

    def test_suggests_one_that_learns(self) -> None:
        made, _ = training_of(TEXT, hidden=24)
        found = made.find_lr(TEXT, seq_len=16)
        assert len(found.rates) == len(found.losses) > 30
        assert all(a < b for a, b in pairwise(found.rates))
        assert found.rates[0] == 1e-5
        assert found.rates[-1] <= 1.0
        assert found.suggestion == found.rates[int(np.argmin(found.losses))] / 10
        # It falls there: much earlier nothing happens, much later all is lost.
        assert 1e-3 < found.suggestion < 0.5
        made.fit(TEXT, epochs=3, lr=found.suggestion, seq_len=16)
        assert made.evaluate(TEXT).nats < found.losses[0] - 0.5

    @pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")
    def test_stops_where_the_loss_explodes(self) -> None:
        made, _ = training_of(sentences(400), hidden=32)
        found = made.find_lr(sentences(400), clip=0)
        assert np.isfinite(found.losses).all()
        assert 0.1 < found.rates[-1] <= 1.0
        lowest = np.minimum.accumulate(found.losses)
        assert (np.array(found.losses[1:]) <= 2 * lowest[:-1]).all()

    @pytest.mark.parametrize("options", [{"lr": -1}, {"seq_len": 0}])
    def test_bad_options(self, options: dict[str, Any]) -> None:
        made, _ = training_of(TEXT)
        with pytest.raises(InvalidValueError, match=rf"^{next(iter(options))}: expected"):
            made.find_lr(TEXT, **options)
