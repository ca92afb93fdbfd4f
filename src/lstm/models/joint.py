"""Joint: a model with several outputs trains as one whose single output holds all their losses.

The targets become inputs beside the data. Its output has for each example the loss of each output,
times its weight, and behind these what metrics read: the numbers of outputs and targets in a row.
The layers, and so the weights, are those of the model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks, losses, ops
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from lstm.layers.masking import MaskLike
from lstm.layers.shaping import Flatten
from lstm.layers.symbolic import Input, SymbolicTensor
from lstm.losses import Loss, SparseCategoricalCrossentropy
from lstm.losses.base import Loss as BaseLoss
from lstm.metrics import Mean, Metric
from lstm.metrics import get as get_metric
from lstm.models.graph import Graph

Values = NDArray[Any]


@dataclass(frozen=True)
class Goals:
    """How the outputs of a model are trained, as `compile` got it.

    Attributes:
        loss: a loss for all outputs, a list with one for each, or a dict by name; None for none.
        weights: the weight of each loss, in such a form; None for 1.
        metrics: for each output a metric or several, in such a form.
    """

    loss: Any
    weights: Any = None
    metrics: Any = None

    @property
    def several(self) -> bool:
        """Whether they are meant for several outputs."""
        return isinstance(self.loss, list | tuple | dict) and "config" not in self.loss

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


class Sum(BaseLoss):
    """The sum of the losses of all outputs, which the joint model computes.

    Args:
        count: the number of losses.
    """

    name = "joint"

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return ops.sum(y_pred[:, : self.count], -1)

    def check(self, target: Values, shape: tuple[int, ...]) -> None:
        """There are no targets: they are inputs."""

    def target(self, target: Values, shape: tuple[int, ...], dtype: str) -> Values:
        return np.ascontiguousarray(target, dtype)


class OfOutput(Metric):
    """A metric of one of several outputs, or the mean of its loss.

    Args:
        name: the key under which it is reported.
        metric: what it measures; None for the mean of column `first`.
        first: where the numbers of the output begin; those of its target follow.
        shapes: of the output and of the target, without the batch axis.
        weight: what the loss was multiplied with.
    """

    def __init__(
        self,
        name: str,
        metric: Metric | None,
        first: int,
        shapes: Sequence[tuple[int, ...]] = (),
        weight: float = 1.0,
    ) -> None:
        super().__init__(name=name)
        self.metric = Mean(name) if metric is None else metric
        self._of_loss, self.first, self.shapes, self.weight = metric is None, first, shapes, weight

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        if self._of_loss:
            self.metric.update_state(y_pred[:, self.first] / self.weight, sample_weight)
            return
        at, found = self.first, []
        for shape in self.shapes:
            size = prod(shape)
            found.append(y_pred[:, at : at + size].reshape(-1, *shape))
            at += size
        output, target = found
        self.metric.update_state(target, output, sample_weight)

    def result(self) -> Any:
        return self.metric.result()

    def reset_state(self) -> None:
        self.metric.reset_state()


class Joint:
    """The joint model.

    Args:
        graph: the model.
        goals: how its outputs are trained.

    Attributes:
        graph: its graph: the inputs of the model and the targets; one output.
        loss: the loss of that output.
        metrics: what is measured on it.
    """

    def __init__(self, graph: Graph, goals: Goals) -> None:
        self._names = output_names(graph)
        self._inputs = len(graph.inputs)
        kinds = [
            None if spec is None else losses.get(spec)
            for spec in goals.each("loss", goals.loss, self._names)
        ]
        if not any(kinds):
            raise InvalidValueError("loss", "a loss of at least one output", goals.loss)
        weights = goals.each("loss_weights", goals.weights, self._names)
        specs = goals.each("metrics", goals.metrics, self._names)
        self._targets: list[tuple[int, SymbolicTensor]] = []
        columns: list[SymbolicTensor] = []
        self.metrics: list[Metric] = []
        rows: list[tuple[str, Metric, SymbolicTensor, SymbolicTensor]] = []
        for k, (name, output, loss) in enumerate(
            zip(self._names, graph.outputs, kinds, strict=True)
        ):
            if loss is None:
                continue
            weight = 1.0 if weights[k] is None else checks.number("loss_weights", weights[k])
            target = Input(_target_shape(loss, output))
            self._targets.append((k, target))
            self.metrics.append(OfOutput(f"{name}_loss", None, len(columns), weight=weight or 1.0))
            columns.append(_by_example(loss.call(target, output), output) * weight)
            given = specs[k]
            for spec in given if isinstance(given, list | tuple) else [given]:
                if spec is not None:
                    metric = get_metric(spec, loss)
                    rows.append((f"{name}_{metric.name}", metric, output, target))
        self.loss = Sum(len(columns))
        parts: list[Any] = [ops.expand_dims(column, -1) for column in columns]
        first = len(columns)
        for name, metric, output, target in rows:
            shapes = [tensor.shape[1:] for tensor in (output, target)]
            sizes = [tuple(n for n in shape if n is not None) for shape in shapes]
            if sizes != shapes:
                raise InvalidShapeError(f"metric {name}", "an output of known sizes", output.shape)
            self.metrics.append(OfOutput(name, metric, first, sizes))
            parts += [Flatten()(output), Flatten()(1.0 * target)]
            first += sum(prod(shape) for shape in sizes)
        joined = ops.concatenate(parts, -1) if len(parts) > 1 else parts[0]
        self.graph = Graph([*graph.inputs, *(target for _, target in self._targets)], [joined])

    def data(self, x: Any, y: Any) -> tuple[list[Any], Values]:
        """Return the inputs and the target of the joint model.

        Args:
            x: the data, for one input or a list or dict for several.
            y: the targets: a list with one for each output, or a dict by name.

        Raises:
            InvalidTypeError, InvalidValueError: there are others.
        """
        if y is None:
            raise InvalidTypeError("y", "targets, as a list or a dict; not batches", "none")
        if isinstance(y, Mapping):
            for name in y:
                checks.one_of("output in y", name, self._names)
            given = [y.get(name) for name in self._names]
        else:
            if not isinstance(y, list | tuple):
                expected = "a list of the targets of each output, or a dict by name"
                raise InvalidTypeError("y", expected, checks.summary(y))
            given = list(y)
        if len(given) != len(self._names):
            raise InvalidValueError("y", f"targets of {len(self._names)} outputs", len(given))
        several = self._inputs > 1 or isinstance(x, Mapping)
        inputs = self._ordered(x) if several else [x]
        for k, target in self._targets:
            if given[k] is None:
                raise InvalidValueError(f"y of {self._names[k]}", "targets", None)
            inputs.append(_fitting(np.asarray(given[k]), target.shape))
        return inputs, np.zeros((len(inputs[-1]), 1))

    def _ordered(self, x: Any) -> list[Any]:
        """Return the data for each input."""
        if not isinstance(x, Mapping):
            return list(x)
        names = [str(tensor.node.name) for tensor in self.graph.inputs[: self._inputs]]
        for name in x:
            checks.one_of("input in x", name, names)
        return [x[name] for name in names]


def output_names(graph: Graph) -> list[str]:
    """Return the name of each output: that of its layer, numbered if it has several."""
    found: list[str] = []
    for tensor in graph.outputs:
        layers = tensor.node.path
        name = layers[0].name if layers else str(tensor.node.name)
        found.append(name if name not in found else f"{name}_{found.count(name)}")
    return found


def _target_shape(loss: Loss, output: SymbolicTensor) -> tuple[int | None, ...]:
    """Return the shape of the targets, without the batch axis."""
    return (
        output.shape[1:-1] if isinstance(loss, SparseCategoricalCrossentropy) else output.shape[1:]
    )


def _by_example(values: Any, output: SymbolicTensor) -> Any:
    """Return the mean loss of each example, from those of its positions that are not padding."""
    if len(values.shape) == 1:
        return values
    return ops.mean(MaskLike()(values, output), tuple(range(1, len(values.shape))))


def _fitting(target: Values, shape: tuple[int | None, ...]) -> Values:
    """Return targets with a last axis of size 1 added or taken away, where they lack or have it."""
    if target.ndim == len(shape) - 1 and shape[-1] == 1:
        return target[..., None]
    if target.ndim == len(shape) + 1 and target.shape[-1] == 1:
        return target[..., 0]
    return target
