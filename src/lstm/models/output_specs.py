"""OutputSpecs: the loss, its weight and the metrics of each output of a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lstm import checks, losses
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.layers.naming import Names
from lstm.losses import Loss
from lstm.metrics.names import saved
from lstm.models.graph import Graph
from lstm.models.own_objects import own_config
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
    def by_output(self) -> bool:
        """Whether they say what they are for each output, in the order or by the names of these."""
        loss = isinstance(self.loss, list | tuple | Mapping) and "config" not in self.loss
        measures = self.metrics, self.weighted_metrics
        return loss or self.weights is not None or any(map(_by_output, measures))

    def losses(self, names: Sequence[str]) -> list[Loss | None]:
        """Return the loss of each output."""
        given = self.each("loss", self.loss, names)
        return [None if spec is None else loss_to_train(spec) for spec in given]

    def single(self, name: str) -> tuple[Loss, list[Any], list[Any], float]:
        """Return the loss, the metrics, the weighted metrics and the weight of a single output."""
        (loss,) = self.losses([name])
        if loss is None:
            raise InvalidTypeError("loss", "a loss of the output", self.loss)
        (weight,) = self.each("loss_weights", self.weights, [name])
        factor = 1.0 if weight is None else checks.number("loss_weights", weight, 0)
        plain = self._of_one("metrics", self.metrics, name)
        weighted = self._of_one("weighted_metrics", self.weighted_metrics, name)
        return loss, plain, weighted, factor

    def _of_one(self, argument: str, given: Any, name: str) -> list[Any]:
        """Return the metrics of a single output; a flat list of several holds them all."""
        (some,) = self.each(argument, given, [name]) if _by_output(given) else (given,)
        return [] if some is None else listed(some)

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
        if isinstance(given, Mapping) and "config" not in given:  # Which describes a loss.
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
        """Return what a file holds of them; None if it cannot name a loss."""
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


def _by_output(metrics: Any) -> bool:
    """Whether metrics are given for each output: in a dict, or as lists in a list."""
    if isinstance(metrics, list | tuple):
        return any(isinstance(some, list | tuple) for some in metrics)
    return isinstance(metrics, Mapping)


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
    """Return what a file holds of a loss; None if it cannot name it."""
    if type(loss) not in losses.LOSSES.values():
        return own_config(loss)
    return {"name": type(loss).name, "config": loss.get_config()}


def saved_metrics(metrics: Sequence[Any]) -> list[Any]:
    """Return what a file holds of metrics; what it cannot name is left out."""
    described = (saved(metric) or own_config(metric) for metric in metrics)
    return [found for found in described if found is not None]
