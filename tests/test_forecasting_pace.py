"""Pace: what fits into a given time."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from lstm.forecasting import pace
from lstm.forecasting.arguments import Arguments
from lstm.forecasting.frames import Columns, read
from lstm.forecasting.pace import LONGEST, MOST, Pace
from small_forecasts import small


@pytest.mark.parametrize("seconds", [0.001, 0.5, 1, 3, 7, 12.5, 40, 77, 500])
def test_the_time_is_filled_and_kept(seconds: float) -> None:
    found = Pace(start=0.4, step=0.03, usual=200)
    steps, networks = found.within(seconds)
    assert 1 <= networks <= MOST
    assert 1 <= steps <= LONGEST * found.usual
    taken = networks * found.seconds(steps)
    if seconds >= 1:
        assert taken <= seconds + networks * found.step
        assert taken > 0.8 * seconds or steps == LONGEST * found.usual
    if networks > 1:
        assert steps > 0.7 * found.usual


def test_measured_by_a_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes off what comes before the first step, and the slow first time."""
    now, trained = [0.0], []

    def fitted(given: Arguments, panel: Any, static: Any) -> None:
        assert (given.ensemble, given.verbose) == (1, 0)
        steps = given.max_steps or 0
        now[0] += 2.0 + 0.1 * steps + (9.0 if not trained else 0.0)
        trained.append(steps)

    monkeypatch.setattr(pace, "fitted", fitted)
    monkeypatch.setattr(pace, "perf_counter", lambda: now[0])
    given = Arguments.checked(small(4, ensemble=3).get_params())
    panel = read(np.arange(60.0), Columns())
    found = Pace.measured(given, panel, np.zeros((1, 0)), 600.0)
    assert_allclose([found.start, found.step], [2.0, 0.1])
    assert found.usual == 100  # The least, of so few windows.
    assert sum(trained) * 0.1 < 0.05 * 600
