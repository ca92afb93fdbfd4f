"""What `compile` was given, and what the optimizer remembers, as JSON values and arrays."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from lstm import checks, losses, optimizers
from lstm.backends import Backend
from lstm.losses import Loss
from lstm.models.graph import Graph
from lstm.optimizers import Optimizer

if TYPE_CHECKING:
    from lstm.models.model import Model

Tensors = dict[str, NDArray[Any]]


def compiled_contents(
    graph: Graph, backend: Backend, optimizer: Optimizer, loss: Loss, metrics: Sequence[Any]
) -> tuple[Tensors, dict[str, Any]] | None:
    """The slots of the optimizer by the names of their tensors, and JSON values.

    Returns:
        None if no file can hold them: a class is the user's, or the graph cannot be trained.
    """
    kinds = {*optimizers.OPTIMIZERS.values(), *losses.LOSSES.values()}
    if not {type(optimizer), type(loss)} <= kinds or len(graph.outputs) != 1:
        return None
    slots = {key: backend.ops.to_numpy(slot) for key, slot in optimizer.slots.items()}
    learning = sum(weight.size for weight in graph.weights.values() if weight.trainable)
    step = optimizer.step
    if not _fit(slots, learning):
        # Of other layers than those that will learn when it is loaded, as when it is compiled.
        slots, step = {}, 0
    names = {key: _free(f"optimizer/{key}", graph.weights) for key in slots}
    config = {
        "optimizer": {
            "name": type(optimizer).__name__.lower(),
            "config": optimizer.get_config(),
        },
        "loss": {"name": loss.name, "config": loss.get_config()},
        "metrics": [spec for spec in metrics if isinstance(spec, str)],
        "step": checks.int_at_least("step of the optimizer", step, 0),
        "slots": names,
    }
    return {names[key]: slot for key, slot in slots.items()}, config


def compile_again(model: "Model", tensors: Mapping[str, NDArray[Any]], config: Any) -> None:
    """Compile a model as `compiled_contents` said."""
    model.compile(config["optimizer"], config["loss"], config["metrics"])
    optimizer = model.optimizer
    # Files that were written before the names were kept have these.
    names = config.get("slots", {key: f"optimizer/{key}" for key in optimizer.slot_names})
    slots = {key: tensors[name] for key, name in names.items() if name in tensors}
    step = checks.int_at_least("step", config["step"], 0)
    if _fit(slots, model.parameters.trainable):
        optimizer.restore(model.backend, slots, step)


def _fit(slots: Mapping[str, NDArray[Any]], size: int) -> bool:
    return all(slot.shape == (size,) for slot in slots.values())


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """A name that no weight has: of a layer called "optimizer", say."""
    while name in taken:
        name += "_"
    return name
