"""Joint: a model with several outputs trains as one whose single output holds all their losses.

The targets become inputs beside the data. Its output has for each example the loss of each output,
times its weight, and behind these what metrics read: the numbers of outputs and targets in a row.
The layers, and so the weights, are those of the model.
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks, ops
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, naming
from lstm.layers.masking import MaskLike, MaskOf, WithoutMask
from lstm.layers.reshaping import Flatten
from lstm.layers.symbolic import Input, SymbolicTensor
from lstm.losses import CTC, CategoricalCrossentropy, Loss, SparseCategoricalCrossentropy
from lstm.metrics import Mean, Metric
from lstm.metrics import get as get_metric
from lstm.models.columns import Ragged, column, columns
from lstm.models.goals import spread_over
from lstm.models.graph import Graph
from lstm.models.output_specs import OutputSpecs, loss_config, output_names

Values = NDArray[Any]

Lengths = NDArray[np.int64]
"""The number of real steps of each example."""


class Sum(Loss):
    """The sum of the losses of all outputs, which the joint model computes.

    Args:
        parts: the loss of each output that has one, and its weight.
    """

    name = "joint"

    def __init__(self, parts: Sequence[tuple[Loss, float]]) -> None:
        super().__init__()
        self.parts = parts

    def get_config(self) -> dict[str, Any]:
        return {"losses": [(loss.name, loss_config(loss), weight) for loss, weight in self.parts]}

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return ops.sum(y_pred[:, : len(self.parts)], -1)

    def check(self, target: Values, shape: tuple[int, ...]) -> None:
        """There are no targets: they are inputs."""

    def target(self, target: Values, shape: tuple[int, ...], dtype: str) -> Values:
        return np.ascontiguousarray(target, dtype)


class Layout:
    """Where tensors stand in the rows of the joint output.

    Args:
        first: the number of columns before them.
    """

    def __init__(self, first: int) -> None:
        self._first = first
        self._shapes: list[tuple[int | None, ...]] = []
        self._columns: list[int | None] = []

    def add(self, shape: tuple[int | None, ...], column: int | None) -> int:
        """Add the next tensor, and return its number.

        Args:
            shape: without the batch axis.
            column: which column holds the size that is open; None if there is none.
        """
        self._shapes.append(shape)
        self._columns.append(column)
        return len(self._shapes) - 1

    def of(self, rows: Values, numbers: Sequence[int]) -> list[Values]:
        """Return some of the tensors, (B, ...), from the rows (B, columns) of a batch."""
        at, found = self._first, []
        for shape, place in zip(self._shapes, self._columns, strict=True):
            sizes = [int(rows[0, place or 0]) if n is None else n for n in shape]
            found.append(rows[:, at : at + prod(sizes)].reshape(-1, *sizes))
            at += prod(sizes)
        return [found[number] for number in numbers]


class OfOutput(Metric):
    """A metric of one of several outputs, or the mean of its loss.

    Args:
        name: the key under which it is reported.
        metric: what it measures; None for the mean of a column, the loss.
        column: that column.
        layout: where tensors stand.
        tensors: the numbers of the output, of the target, and of its mask if it has one.
        weight: what the loss was multiplied with.
    """

    def __init__(
        self,
        name: str,
        metric: Metric | None,
        column: int = 0,
        layout: Layout | None = None,
        tensors: Sequence[int] = (),
        weight: float = 1.0,
    ) -> None:
        super().__init__(name=name)
        self.metric = Mean(name) if metric is None else metric
        self.rises = False if metric is None else metric.rises
        self.column, self.layout, self.tensors, self.weight = column, layout, tensors, weight

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        if self.layout is None:
            self.metric.update_state(y_pred[:, self.column] / self.weight, sample_weight)
            return
        output, target, *real = self.layout.of(y_pred, self.tensors)
        self.metric.update_state(target, output, real[0] if real else None)

    def result(self) -> Any:
        return self.metric.result()

    def reset_state(self) -> None:
        self.metric.reset_state()


class Joint:
    """The joint model.

    Args:
        graph: the model.
        specs: how its outputs are trained.

    Attributes:
        graph: its graph: the inputs of the model and the targets; one output.
        loss: the loss of that output.
        metrics: what is measured on it.
    """

    def __init__(self, graph: Graph, specs: OutputSpecs) -> None:
        self._names = output_names(graph)
        self._entries = graph.entries
        kinds = specs.losses(self._names)
        self._kinds, self._outputs = kinds, graph.outputs
        if not any(kinds):
            raise InvalidValueError("loss", "a loss of at least one output", specs.loss)
        weights = specs.each("loss_weights", specs.weights, self._names)
        measures = specs.measures(self._names)
        self._targets: list[tuple[int, SymbolicTensor]] = []
        self._weights: list[SymbolicTensor] = []
        columns: list[SymbolicTensor] = []
        summed: list[tuple[Loss, float]] = []
        self.metrics: list[Metric] = []
        rows: list[tuple[str, Metric, list[SymbolicTensor]]] = []
        for k, (name, output, loss) in enumerate(
            zip(self._names, graph.outputs, kinds, strict=True)
        ):
            if loss is None:
                continue
            weight = 1.0 if weights[k] is None else checks.number("loss_weights", weights[k])
            target = Input(_target_shape(loss, output))
            self._targets.append((k, target))
            summed.append((loss, weight))
            self.metrics.append(OfOutput(f"{name}_loss", None, len(columns), weight=weight or 1.0))
            values = loss.call(target, output)
            of_positions = Input(values.shape[1:])
            self._weights.append(of_positions)
            columns.append(_by_example(values * of_positions, output) * weight)
            real = [MaskOf()(output)] if output.ndim > 2 else []
            # A product with a tensor without padding would count padding as 1.
            weighted = [WithoutMask()(real[0]) * of_positions if real else 1.0 * of_positions]
            for counted, some in zip((real, weighted), measures, strict=True):
                for metric in (get_metric(spec, loss) for spec in some[k]):
                    tensors = [output, 1.0 * target, *counted]
                    rows.append((f"{name}_{metric.name}", metric, tensors))
        self.loss = Sum(summed)
        read = [tensor for _, _, tensors in rows for tensor in tensors]
        layout = Layout(len(columns) + sum(None in tensor.shape[1:] for tensor in read))
        for name, metric, tensors in rows:
            numbers = []
            for tensor in tensors:
                shape, place = tensor.shape[1:], None
                if shape.count(None) > 1:
                    expected = "an output with one open size"
                    raise InvalidShapeError(f"metric {name}", expected, tensors[0].shape)
                if None in shape:
                    place = len(columns)
                    columns.append(_size(tensor, 1 + shape.index(None)))
                numbers.append(layout.add(shape, place))
            self.metrics.append(OfOutput(name, metric, layout=layout, tensors=numbers))
        parts: list[Any] = [ops.expand_dims(column, -1) for column in columns]
        parts += [Flatten()(WithoutMask()(tensor)) for tensor in read]
        joined = ops.concatenate(parts, -1) if len(parts) > 1 else parts[0]
        compared = (target for _, target in self._targets)
        self.graph = Graph([*graph.inputs, *compared, *self._weights], [joined])

    def data(self, x: Any, y: Any, sample_weight: Any) -> tuple[list[Any], Values]:
        """Return the inputs and the target of the joint model.

        Args:
            x: the data, for one input or a list or dict for several.
            y: the targets: a list with one for each output, or a dict by name.
            sample_weight: weights, the same for each output, or in such a list or dict; None for 1.

        Raises:
            InvalidTypeError, InvalidValueError: there are others.
        """
        if y is None:
            raise InvalidTypeError("y", "targets, as a list or a dict", "none")
        if not isinstance(y, list | tuple | Mapping):
            expected = "a list of the targets of each output, or a dict by name"
            raise InvalidTypeError("y", expected, checks.summary(y))
        given = self._of_outputs("y", y)
        read = columns("x", x, self._entries, "float64")
        lengths = [part.lengths for part in read if isinstance(part, Ragged)]
        inputs = [part.sequences if isinstance(part, Ragged) else part for part in read]
        by_output = isinstance(sample_weight, Mapping) or (
            isinstance(sample_weight, list | tuple)
            and any(isinstance(part, list | tuple) or np.ndim(part) for part in sample_weight)
        )
        weights = [sample_weight] * len(self._names)
        if by_output:
            weights = self._of_outputs("sample_weight", sample_weight)
        of_positions = []
        for (k, _), tensor in zip(self._targets, self._weights, strict=True):
            name = f"y of {self._names[k]}"
            if given[k] is None:
                raise InvalidValueError(name, "targets", None)
            values, steps = self._with_steps(k, given[k], lengths)
            target = self._checked(k, values)
            if len(target) != len(read[0]):
                expected = f"{len(read[0])} examples, as many as x"
                raise InvalidShapeError(name, expected, len(target))
            weight = self._weight(k, weights[k], target.shape[: tensor.ndim])
            inputs.append(_cut(target, steps))
            of_positions.append(_cut(weight, steps) if weight.ndim > 1 else weight)
        return inputs + of_positions, np.zeros((len(read[0]), 1))

    def _of_outputs(self, argument: str, given: Any) -> list[Any]:
        """Return what a list or dict holds for each output; None where a dict has nothing."""
        if isinstance(given, Mapping):
            for name in given:
                checks.one_of(f"output in {argument}", name, self._names)
            return [given.get(name) for name in self._names]
        if len(given) != len(self._names):
            what = "targets" if argument == "y" else "weights"
            raise InvalidValueError(argument, f"{what} of {len(self._names)} outputs", len(given))
        return list(given)

    def _weight(self, k: int, given: Any, positions: tuple[int, ...]) -> Values:
        """Return the weight of each position of an output."""
        if given is None:
            return np.ones(positions)
        name = f"sample_weight of {self._names[k]}"
        found = column(name, given, "float64")
        padded = found[:] if isinstance(found, Ragged) else found
        weights = spread_over(name, padded, positions)
        assert weights is not None
        if weights.size and weights.min() < 0:
            raise InvalidValueError(name, "numbers of at least 0", weights.min())
        return weights

    def _with_steps(
        self, k: int, given: Any, lengths: Sequence[Lengths]
    ) -> tuple[Values, Lengths | None]:
        """Return the targets of an output, and how many of their steps are real; None for all.

        Args:
            k: number of the output.
            given: the targets, which may be sequences of different lengths.
            lengths: those of the inputs that are such sequences.
        """
        name, output = f"y of {self._names[k]}", self._outputs[k]
        follows = bool(lengths) and output.shape[1:2] == (None,)
        if isinstance(self._kinds[k], CTC) or not follows:
            try:
                return np.asarray(given), None
            except ValueError as error:
                raise InvalidTypeError(name, "an array", "lists of different lengths") from error
        found = column(name, given, "float64")
        values = found[:] if isinstance(found, Ragged) else found
        fitting = {
            tuple(one): one
            for one in lengths
            if (
                np.array_equal(found.lengths, one)
                if isinstance(found, Ragged)
                else found.shape[1:2] == (one.max(),)
            )
        }
        if len(fitting) != 1:
            expected = "a list of sequences as long as those of x"
            if not fitting:
                expected += ", or an array padded to the longest of them"
            got = "other lengths" if isinstance(found, Ragged) else f"shape {values.shape}"
            raise InvalidShapeError(name, expected, got)
        return values, fitting.popitem()[1]

    def _checked(self, k: int, values: Values) -> Values:
        """Return the targets of an output, checked, in the form of its input."""
        name, loss, output = f"y of {self._names[k]}", self._kinds[k], self._outputs[k]
        assert loss is not None
        if values.ndim == 0:
            raise InvalidShapeError(name, "a target for each example", "one number")
        if isinstance(loss, CTC):  # Which has as many labels as it likes.
            known: Any = (len(values), *output.shape[1:])
            with naming({"y": name}.get):
                loss.check(values, known)
            return values
        found = [*values.shape, *([1] * len(output.shape))]
        shape = tuple(
            found[axis] if size is None else size for axis, size in enumerate(output.shape)
        )
        with naming({"y": name}.get):
            loss.check(values, shape)
        if isinstance(loss, SparseCategoricalCrossentropy):
            return values.reshape(shape[:-1])
        if isinstance(loss, CategoricalCrossentropy) and values.shape != shape:
            return np.eye(shape[-1])[values.astype(np.int64)].reshape(shape)
        if values.size != prod(shape):  # For a function, which may compare any targets.
            raise InvalidShapeError(name, f"shape {shape}", f"shape {values.shape}")
        return values.reshape(shape)


def _cut(values: Values, lengths: Lengths | None) -> Any:
    """Return the real steps of each example, if some are padding."""
    return values if lengths is None else [row[:n] for row, n in zip(values, lengths, strict=True)]


def _target_shape(loss: Loss, output: SymbolicTensor) -> tuple[int | None, ...]:
    """Return the shape of the targets, without the batch axis."""
    if isinstance(loss, CTC):
        return (None,)
    return (
        output.shape[1:-1] if isinstance(loss, SparseCategoricalCrossentropy) else output.shape[1:]
    )


def _size(tensor: SymbolicTensor, axis: int) -> Any:
    """Return the size of an axis as a number for each example, (B)."""
    counted = ops.sum(ops.ones_like(WithoutMask()(tensor)), axis)
    others = tuple(range(1, len(counted.shape)))
    return ops.mean(counted, others) if others else counted


def _by_example(values: Any, output: SymbolicTensor) -> Any:
    """Return the share of each example in the loss, whose mean is that of all real positions."""
    if len(values.shape) == 1:
        return values
    axes, real = tuple(range(1, len(values.shape))), MaskLike()(values, output)
    counts = ops.sum(ops.ones_like(real), axes)
    return ops.sum(real, axes) / ops.maximum(ops.mean(counts), 1e-6)
