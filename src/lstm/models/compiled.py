"""What `compile` was given, and what the optimizer remembers, as JSON values and arrays."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks, losses, optimizers
from lstm.backends import Backend
from lstm.errors import InvalidValueError
from lstm.losses import Loss
from lstm.models.graph import Graph
from lstm.optimizers import Optimizer

Tensors = dict[str, NDArray[Any]]


_STEPS = 2**62
"""More steps than an optimizer can take."""


def compiled_contents(
    graph: Graph,
    backend: Backend,
    optimizer: Optimizer,
    loss: Loss,
    metrics: Sequence[Any],
    weighted_metrics: Sequence[Any],
) -> tuple[Tensors, dict[str, Any]] | None:
    """The slots of the optimizer by the names of their tensors, and JSON values.

    Returns:
        None if no file can hold them: a class is the user's, or the graph cannot be trained.
    """
    kinds = {*optimizers.OPTIMIZERS.values(), *losses.LOSSES.values()}
    if not {type(optimizer), type(loss)} <= kinds or len(graph.outputs) != 1:
        return None
    slots = {key: backend.ops.to_numpy(slot) for key, slot in optimizer.slots.items()}
    step = optimizer.step
    if not _usable(slots, _learning(graph)):
        slots, step = {}, 0
    names = {key: _free(f"optimizer/{key}", graph.weights) for key in slots}
    config = {
        "optimizer": {
            "name": type(optimizer).__name__.lower(),
            "config": optimizer.get_config(),
        },
        "loss": {"name": loss.name, "config": loss.get_config()},
        "metrics": [spec for spec in metrics if isinstance(spec, str)],
        "weighted_metrics": [spec for spec in weighted_metrics if isinstance(spec, str)],
        "step": checks.int_at_least("step of the optimizer", step, 0),
        "slots": names,
    }
    return {names[key]: slot for key, slot in slots.items()}, config


def compile_arguments(config: Any) -> tuple[Any, ...]:
    """What `compile` was given, as `compiled_contents` said."""
    return (
        config["optimizer"],
        config["loss"],
        config["metrics"],
        config.get("weighted_metrics", ()),
    )


def restore_optimizer(
    optimizer: Optimizer,
    graph: Graph,
    backend: Backend,
    tensors: Mapping[str, NDArray[Any]],
    config: Any,
) -> None:
    """Let the optimizer of a compiled model go on from what `compiled_contents` gave."""
    names = config.get("slots")
    if names is None:  # A file that was written before they were kept.
        others = [name for name in tensors if name not in graph.weights]
        found = [name for name in others if name.startswith("optimizer/")]
        names = {name.removeprefix("optimizer/"): name for name in found}
    step = checks.int_at_least("step", config["step"], 0)
    if step > _STEPS:
        raise InvalidValueError("step", f"an integer of at most {_STEPS:,}", step)
    with np.errstate(over="ignore"):  # What is beyond the numbers of the backend is infinite.
        slots = {key: np.asarray(tensors[name], backend.dtype) for key, name in names.items()}
        if _usable(slots, _learning(graph)):
            optimizer.restore(backend, slots, step)


def _learning(graph: Graph) -> int:
    """Number of parameters that learn."""
    return sum(weight.size for weight in graph.weights.values() if weight.trainable)


def _usable(slots: Mapping[str, NDArray[Any]], size: int) -> bool:
    """Whether the slots go with the weights that will learn, and make something of them.

    Where a layer was frozen after the model was compiled, and where a gradient was beyond all
    numbers, they do not: the optimizer begins anew.
    """
    return all(slot.shape == (size,) and np.isfinite(slot).all() for slot in slots.values())


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """A name that no weight has: of a layer called "optimizer", say."""
    while name in taken:
        name += "_"
    return name
