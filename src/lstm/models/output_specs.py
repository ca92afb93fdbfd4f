"""OutputSpecs: the loss, its weight and the metrics of each output of a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lstm import checks, losses
from lstm.errors import InvalidValueError
from lstm.layers.naming import Names
from lstm.losses import Loss
from lstm.metrics.names import saved
from lstm.models.graph import Graph
from lstm.models.structure import listed


@dataclass(frozen=True)
class OutputSpecs:
    """How the outputs of a model are trained, as `compile` got it.

    Attributes:
        loss: a loss for all outputs, a list with one for each, or a dict by name; None for none.
        weights: the weight of each loss, in such a form; None for 1.
        metrics: for each output a metric or several, in such a form.
        weighted_metrics: the same, weighted by `sample_weight`.
    """

    loss: Any
    weights: Any = None
    metrics: Any = None
    weighted_metrics: Any = None

    @property
    def several(self) -> bool:
        """Whether they are meant for several outputs."""
        return isinstance(self.loss, list | tuple | dict) and "config" not in self.loss

    def losses(self, names: Sequence[str]) -> list[Loss | None]:
        """Return the loss of each output."""
        given = self.each("loss", self.loss, names)
        return [None if spec is None else loss_to_train(spec) for spec in given]

    def single(self, graph: Graph) -> tuple[Loss, list[Any], list[Any]]:
        """Return the loss, the metrics and the weighted metrics of a single output."""
        names = output_names(graph)
        (loss,) = self.losses(names)
        if loss is None or self.weights is not None:
            raise InvalidValueError("loss", "one, without loss_weights", self.loss)
        (plain,), (weighted,) = self.measures(names)
        return loss, plain, weighted

    def measures(self, names: Sequence[str]) -> tuple[list[list[Any]], list[list[Any]]]:
        """Return the metrics of each output, and the weighted ones."""
        both = {"metrics": self.metrics, "weighted_metrics": self.weighted_metrics}
        plain, weighted = (
            [[] if some is None else listed(some) for some in self.each(argument, given, names)]
            for argument, given in both.items()
        )
        return plain, weighted

    def each(self, argument: str, given: Any, names: Sequence[str]) -> list[Any]:
        """Return what is given for each output.

        Raises:
            InvalidValueError: there is no output of a name, or another number of them.
        """
        if isinstance(given, Mapping):
            for name in given:
                checks.one_of(f"output in {argument}", name, names)
            return [given.get(name) for name in names]
        if isinstance(given, list | tuple):
            if len(given) != len(names):
                raise InvalidValueError(
                    argument, f"one for each of {len(names)} outputs", len(given)
                )
            return list(given)
        return [given] * len(names)

    def config(self, names: Sequence[str]) -> dict[str, Any] | None:
        """Return what a file holds of them; None if a loss is the user's."""
        kinds = self.losses(names)
        described = [None if loss is None else loss_config(loss) for loss in kinds]
        if described.count(None) != kinds.count(None):
            return None
        plain, weighted = (list(map(saved_metrics, some)) for some in self.measures(names))
        return {
            "loss": described,
            "loss_weights": [
                1.0 if weight is None else float(weight)
                for weight in self.each("loss_weights", self.weights, names)
            ],
            "metrics": plain,
            **({"weighted_metrics": weighted} if any(weighted) else {}),
        }


def output_names(graph: Graph) -> list[str]:
    """Return the name of each output: its key, or that of its layer, numbered if it has several."""
    if graph.output_names is not None:
        return graph.output_names
    names, found = Names(), list[str]()
    inputs = dict(zip(graph.inputs, graph.input_names, strict=True))
    for tensor in graph.outputs:
        layers = tensor.node.path
        found.append(names.unique(layers[0].name if layers else str(inputs[tensor])))
    return found


def loss_to_train(spec: Any) -> Loss:
    """Return the loss that `compile` got.

    Raises:
        InvalidValueError: it is unknown, or would not be a mean.
    """
    loss = losses.get(spec)
    if loss.reduction not in ("sum_over_batch_size", "mean"):
        expected = "a loss with the reduction 'sum_over_batch_size', since training minimizes means"
        raise InvalidValueError("loss", expected, f"{loss.name} with {loss.reduction!r}")
    return loss


def loss_config(loss: Loss) -> dict[str, Any] | None:
    """Return what a file holds of a loss; None if it is the user's."""
    if type(loss) not in losses.LOSSES.values():
        return None
    return {"name": type(loss).name, "config": loss.get_config()}


def saved_metrics(metrics: Sequence[Any]) -> list[Any]:
    """Return what a file holds of metrics; those of users are left out."""
    return [found for found in map(saved, metrics) if found is not None]
