"""Fixtures that several test modules use."""

from collections.abc import Iterator

import pytest

import lstm


@pytest.fixture
def float64() -> Iterator[None]:
    """Everything made during the test computes in float64 on the reference, from one seed."""
    before = lstm.backend()
    lstm.use("reference", dtype="float64")
    lstm.set_seed(20)
    yield
    lstm.use(before.name, before.dtype)
