"""Losses, metrics, optimizers and others from their names, classes and configs."""

from types import ModuleType
from typing import Any

import pytest

import lstm
from lstm import constraints, initializers, losses, metrics, optimizers, regularizers
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.optimizers import schedules

KINDS: list[tuple[ModuleType, str, dict[str, Any]]] = [
    (losses, "BinaryCrossentropy", {"label_smoothing": 0.1}),
    (metrics, "BinaryAccuracy", {"threshold": 0.25}),
    (optimizers, "RMSprop", {"learning_rate": 0.125, "rho": 0.75}),
    (
        schedules,
        "ExponentialDecay",
        {"initial_learning_rate": 0.5, "decay_steps": 3, "decay_rate": 0.25},
    ),
    (initializers, "RandomNormal", {"stddev": 0.5}),
    (regularizers, "L2", {"l2": 0.25}),
    (constraints, "MaxNorm", {"max_value": 3.0}),
]
over_kinds = pytest.mark.parametrize(("module", "name", "config"), KINDS)


def got(module: ModuleType, spec: Any) -> Any:
    return module.get("rate", spec) if module is schedules else module.get(spec)


@over_kinds
def test_from_configs(module: ModuleType, name: str, config: dict[str, Any]) -> None:
    expected = getattr(module, name)(**config)
    of_keras = {"module": "keras.x", "registered_name": None, "class_name": name}
    for key in ({"class_name": name}, {"class": name}, {"name": name}, of_keras):
        found = got(module, {**key, "config": config})
        assert type(found) is type(expected)
        assert found.get_config() == expected.get_config()


@over_kinds
def test_others_are_refused(module: ModuleType, name: str, config: dict[str, Any]) -> None:
    for wrong in (
        {"class_name": name},
        {"config": config},
        {"class_name": name, "config": 1},
        {"class_name": name, "config": config, "weights": 3},
    ):
        with pytest.raises(InvalidTypeError, match="expected a dict of 'class_name' and 'config'"):
            got(module, wrong)
    with pytest.raises(InvalidValueError, match=f"did you mean '{name}'"):
        got(module, {"class_name": name + "s", "config": config})


@pytest.mark.parametrize(
    ("module", "name"),
    [(module, name) for module, name, _ in KINDS if module not in (schedules,)],
)
def test_from_classes(module: ModuleType, name: str) -> None:
    kind = getattr(module, name)
    assert type(module.get(kind)) is kind


@pytest.mark.parametrize("name", ["MSE", "MAE", "MAPE", "MSLE", "KLD", "BCE"])
def test_short_names_in_capitals(name: str) -> None:
    assert type(losses.get(name)) is type(losses.get(name.lower()))
    assert type(metrics.get(name)) is type(metrics.get(name.lower()))
    model = lstm.Sequential([lstm.Input((2,)), lstm.layers.Dense(1)])
    model.compile("adam", name, [name])
    assert type(model.compiled_loss) is type(losses.get(name.lower()))
