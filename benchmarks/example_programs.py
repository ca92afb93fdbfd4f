"""The programs of examples/ as cases.

The same file runs in this library and in Keras: only what it imports as `lstm` differs. So all
contenders build the same model, by construction.
"""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

EXAMPLES = Path(__file__).parents[1] / "examples"


def example(name: str, library: Any = None) -> Any:
    """Return an example as a module.

    Args:
        name: of its file.
        library: what it imports as `lstm`; None for this library.
    """
    if library is not None:
        sys.modules["lstm"] = library
    if str(EXAMPLES) not in sys.path:
        sys.path.append(str(EXAMPLES))
    return importlib.import_module(name)


def arrays(name: str, units: int, count: int) -> dict[str, Any]:
    """Weights w0, w1, … of a new model, inputs x0, x1, … and targets y, from a fixed seed."""
    program = example(name)
    program.keras.utils.set_random_seed(1)
    weights = program.build(units).get_weights()
    x, y = BATCHES[name](program, count)
    inputs = x if isinstance(x, list) else [x]
    return {
        **{f"w{k}": weight for k, weight in enumerate(weights)},
        **{f"x{k}": part for k, part in enumerate(inputs)},
        "y": y,
    }


def _weather(program: Any, count: int) -> tuple[Any, Any]:
    series = program.weather(program.YEAR)
    x, y = program.windows((series - series.mean(axis=0)) / series.std(axis=0))[0]
    return x[:count], y[:count]


def _anomaly_detection(program: Any, count: int) -> tuple[Any, Any]:
    series = program.signal(program.STEPS + 3 * count, np.random.default_rng(1))
    x = program.windows(series, apart=3)[:count]
    return x, x


BATCHES: dict[str, Callable[[Any, int], tuple[Any, Any]]] = {
    "decimal_addition": lambda program, count: program.data(program.pairs(count)),
    "translation": lambda program, count: program.data(np.arange(9999, 9999 - count, -1)),
    "sentiment": lambda program, count: program.data(count, program.combinations()[0], 1)[1:],
    "weather": _weather,
    "anomaly_detection": _anomaly_detection,
    "attention": lambda program, count: program.data(count),
    "ctc_lines": lambda program, count: program.data(count),
}
"""Makes a batch (x, y) of each example, with so many rows."""
