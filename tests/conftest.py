"""Fixtures that several test modules use."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

import lstm
from lstm import backends
from run_cases import train

# A test says whether something is right, never how long it takes.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture(autouse=True)
def backend() -> Iterator[None]:
    """No test finds the backend that another one chose."""
    with backends.using():
        yield


@pytest.fixture(autouse=True)
def no_figures() -> Iterator[None]:
    """No test finds the figures that another one left open."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where there is nothing yet."""
    return tmp_path / "run"


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    with backends.using():
        train(folder)
    return folder


@pytest.fixture
def float64(backend: None) -> None:
    """Everything made during the test computes in float64 on the reference, from one seed."""
    lstm.use("reference", dtype="float64")
    lstm.set_seed(20)
