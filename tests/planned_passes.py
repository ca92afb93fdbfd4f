"""Comparing passes from plans with passes step by step."""

from collections.abc import Callable
from typing import Any

import pytest
from numpy.testing import assert_array_equal

import lstm
from lstm.layers import (
    LSTM,
    Dense,
    Dropout,
)
from lstm.models import planning
from lstm.models.plans import Plans

ROUNDS = 4
"""The first two are computed step by step, and recorded; the others come from a plan."""


def plans(model: lstm.Model) -> list[Any]:
    """The plans of a model's predictions."""
    return model.passes(planning.infer).plans.planned


def step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Plans, "find", lambda *_: None)


def both(monkeypatch: pytest.MonkeyPatch, course: Callable[[], Any]) -> None:
    """A course gives the same from plans and step by step."""
    lstm.set_seed(3)
    planned = course()
    with monkeypatch.context() as patch:
        step_by_step(patch)
        lstm.set_seed(3)
        expected = course()
    assert len(planned) == len(expected) > 0
    for one, other in zip(planned, expected, strict=True):
        assert_array_equal(one, other)


def recurrent() -> lstm.Model:
    model = lstm.Sequential(
        [lstm.Input((4, 2)), LSTM(3, name="lstm", return_sequences=True), Dropout(0.5), Dense(1)]
    )
    model.compile("sgd", lstm.losses.Huber(0.1))
    return model
