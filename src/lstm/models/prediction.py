"""Prediction: the outputs of a model, at once or step by step, in the form for users."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.backends.contract import Array
from lstm.callbacks import Callback, CallbackList, Trainable
from lstm.configured import members
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.layers.arguments import first_by_position, first_of
from lstm.layers.base import Layer, Run, StepState
from lstm.layers.eager import Tensor
from lstm.layers.masks import Mask
from lstm.layers.stateful import Stateful
from lstm.layers.symbolic import SymbolicTensor
from lstm.layers.tracing import decided
from lstm.models import planning
from lstm.models.batches import ArrayBatches, Batch, Batching, Examples, examples
from lstm.models.columns import in_order
from lstm.models.data_adapter import Given
from lstm.models.graph import Graph
from lstm.models.overview import Overview
from lstm.models.prepared import Predictions, Steps
from lstm.models.state import State
from lstm.models.stream import Stream
from lstm.models.structure import Tensors, listed
from lstm.models.training import Carried, Feeder
from lstm.progress import ProgressBar

Values = NDArray[Any]


class Predictor(Overview):
    """The part of `Model` that computes outputs, for data or step by step."""

    def __init__(
        self,
        inputs: Tensors | None = None,
        outputs: Tensors | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(inputs, outputs, name)
        self._carried = Carried()
        self._steps, self._predictions = Steps(self), Predictions(self)

    def _build(
        self,
        inputs: Tensors,
        outputs: Tensors,
    ) -> Graph:
        graph = super()._build(inputs, outputs)
        for layer in graph.layers.values():
            if isinstance(layer, Stateful):
                layer.carriers.add(self)
        return graph

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Called on tensors, become part of another model; on arrays, return the outputs.

        With `training=True`, arrays are computed as in training: what drops units or adds noise
        does, and a BatchNormalization reads the batch. No weight learns.

        Example:
            >>> import numpy as np
            >>> import lstm
            >>> model = lstm.Sequential([lstm.Input((100,)), lstm.layers.Dropout(0.5)])
            >>> x = np.ones((1, 100))
            >>> float(model(x).min()), float(model(x, training=True).min())
            (1.0, 0.0)
        """
        first = ("inputs", *first_of(self.call))
        inputs, options = first_by_position(type(self).__name__, first, inputs, options)
        if next(members(inputs, SymbolicTensor), None) is not None:
            if len(inputs) == 1 and isinstance(inputs[0], Mapping) and self._functional:
                named = self.graph.input_names
                inputs = (in_order(f"inputs of {self.name}", inputs[0], named),)
            return super().__call__(*inputs, **options)
        training = bool(decided(options.pop("training", None)))
        if len(inputs) != 1 or options:
            got = ", ".join([f"{len(inputs)}", *options])
            raise InvalidTypeError(f"{self.name}()", "one argument, tensors or arrays", got)
        batch = self._chunk(inputs[0], any_length=False)
        return _of_each(self._joined([self._outputs(batch, training=training)]), Tensor.of)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = 0,
        steps: int | None = None,
        callbacks: Callback | Sequence[Callback] | None = (),
    ) -> Any:
        """Return the outputs for data, in the form for `fit`.

        Args:
            x: an array, sequences of different lengths, or batches: each is x, or a tuple that
                starts with it.
            batch_size: examples to compute at a time, if x does not consist of batches; 32 by
                default.
            verbose: accepted for compatibility; nothing is printed.
            steps: number of batches; all by default.
            callbacks: callbacks for the batches.

        Returns:
            An array (N, ...); for sequences of different lengths, a list of arrays if the outputs
            have a time axis; for several outputs, a list of these, or a dict.

        Raises:
            InvalidValueError: there are fewer batches than `steps`, or none.
        """
        count = None if steps is None else checks.positive_int("steps", steps)
        everyone = listed(() if callbacks is None else callbacks)
        telling = self._telling(everyone, {"steps": count, "verbose": verbose})
        telling.tell("on_predict_begin", {})
        results: list[list[Any]] = []
        given = Given(x)
        for step, batch in enumerate(islice(self._batches(given, batch_size), count)):
            telling.tell("on_predict_batch_begin", step, {})
            results.append(self._outputs(batch))
            telling.tell("on_predict_batch_end", step, {"outputs": results[-1]})
        if not results or (given.source is not None and len(results) < (count or 0)):
            expected = "at least one batch" if count is None else f"at least {count} batches"
            raise InvalidValueError("x", expected, len(results))
        telling.tell("on_predict_end", {})
        return self._joined(results)

    def predict_on_batch(self, x: Any) -> Any:
        """Return the outputs for one batch."""
        known = self._predictions.outputs(x)
        if known is not None:
            return self.arranged(known)
        outputs = self._joined([self._outputs(self._chunk(x, any_length=False))])
        self._predictions.prepare(x)
        return outputs

    def _batches(self, given: Given, batch_size: int | None) -> Iterator[Batch]:
        """Yield batches without targets, checked."""
        size = checks.positive_int("batch_size", 32 if batch_size is None else batch_size)
        if given.source is not None:
            for item in given.source.items():
                of_item = item[0] if isinstance(item, tuple) and item else item
                yield self._chunk(of_item, any_length=False)
            return
        self._ready(given.sample)
        data, stateful = self._examples(given.sample, None), self.graph.recurrent(stateful=True)
        if stateful and len(data) % min(size, len(data)):
            size = len(data)  # State continues only in batches of the same size.
        check = partial(self._feeder.check, any_length=bool(stateful))
        yield from ArrayBatches(data, Batching(self.graph.entries, self.backend.dtype, check, size))

    def _outputs(self, batch: Batch, *, training: bool = False) -> list[Any]:
        """Return the outputs of a checked batch, from the states of stateful layers."""
        carried = self._start_carrying(False)
        carried.check(batch.size)
        run = Run(self.backend, training, states=carried.current, carried=carried.nodes)
        if training:
            with self.parameters.changing():  # Running statistics.
                outputs = computed(self._step_by_step, self._feeder, run, batch)
        else:
            outputs = computed(self.passes(planning.infer).forward, self._feeder, run, batch)
        carried.states.update(run.new_states)
        return outputs

    def _step_by_step(
        self, run: Run, feeds: Sequence[Array], masks: Sequence[Mask | None]
    ) -> tuple[list[Array], list[Mask | None]]:
        """Return the outputs and their masks, without a plan."""
        trace = self.program.forward(run, feeds, masks)
        return trace.outputs, trace.masks

    @property
    def _feeder(self) -> Feeder:
        return Feeder(self.graph, self.backend)

    def _joined(self, results: list[list[Any]]) -> Any:
        return self.arranged([joined_rows(column) for column in zip(*results, strict=True)])

    def predict_classes(self, x: Any, batch_size: int | None = None, verbose: int | str = 0) -> Any:
        """Return the most probable class of each output row; for a single sigmoid, whether > 1/2.

        Returns:
            int64, in the shape of the outputs without the last axis (for one unit: with it); a list
            or dict if `predict` returns one.
        """
        return _of_each(self.predict(x, batch_size, verbose), classes)

    # ---- state

    def initial_state(self, batch_size: int = 1) -> State:
        """Return the state before the first step: zeros.

        Args:
            batch_size: number of sequences; any number.

        Raises:
            InvalidValueError: a layer, such as one that reads backwards, cannot work step by step.
        """
        size = checks.positive_int("batch_size", batch_size)
        return State(
            {
                name: tuple(np.zeros((size, *shape), self.backend.dtype) for shape in shapes)
                for name, shapes in self.graph.state_shapes().items()
            }
        )

    def step(self, x: Any, state: Mapping[str, StepState]) -> tuple[Any, State]:
        """Return the outputs for the next chunk of a sequence, and the state after it.

        All chunks together have the same outputs as `predict` for the whole sequence.

        Args:
            x: the next steps, (B, T, ...).
            state: from `initial_state` or the last `step`; not changed.

        Returns:
            The outputs and the new state.

        Example:
            >>> import numpy as np
            >>> import lstm
            >>> model = lstm.Sequential([lstm.Input((None, 2)), lstm.layers.LSTM(3)])
            >>> y, state = model.step(np.zeros((1, 5, 2)), model.initial_state(1))
            >>> y.shape
            (1, 3)
        """
        dense = type(x) is np.ndarray and x.flags.c_contiguous and x.flags.aligned
        known = state.signature if dense and isinstance(state, State) else None
        prepared = self._steps.find(x, known) if known else None
        if prepared is not None:
            assert isinstance(state, State)
            found = prepared.run([x, *state.arrays()])
            if found is not None:
                outputs, arrays = found
                return self.arranged(outputs), state.like(arrays)
        batch = self._chunk(x)
        shapes = self.graph.state_shapes()
        states = State.checked(state, shapes, batch.size, self.backend.dtype)
        run = Run(self.backend, states=states.on(self.backend), carried=frozenset(shapes))
        outputs = computed(self.passes(planning.infer).forward, self._feeder, run, batch)
        if known:
            self._steps.prepare(x, known, states)
        after = State.of(self.backend, run.new_states)
        return self.arranged(outputs), after

    def stream(self, batch_size: int = 1) -> Stream:
        """Return a `Stream`: sequences that the model reads step by step, with the state inside.

        Args:
            batch_size: number of sequences.

        Raises:
            InvalidValueError: a layer, such as one that reads backwards, cannot work step by step.
        """
        return Stream(self, batch_size)

    def feed(self, x: Any) -> tuple[list[Array], list[Mask | None]]:
        """Return sequences of any length as arrays for `program.forward`, and their masks.

        Raises:
            InvalidShapeError, InvalidValueError: the model cannot accept them.
        """
        return self._feeder(self._chunk(x))

    def _chunk(self, x: Any, *, any_length: bool = True) -> Batch:
        """Return a batch without targets, checked; chunks of sequences may have any length."""
        self._ready(x)
        batch = self._examples(x, None).batch()
        stateful = any_length or bool(self.graph.recurrent(stateful=True))
        self._feeder.check(batch, any_length=stateful)
        return batch

    def reset_states(self, rows: Sequence[int] | None = None) -> None:
        """Let stateful layers, and `fit(carry_state=True)` on a generator, start from zeros.

        Args:
            rows: the sequences of a batch to reset; None for all.

        Raises:
            InvalidValueError: there is no such sequence.
        """
        if rows is None:
            self._carried.states.clear()
            return
        for state in self._carried.states.values():
            for part in state:
                found = checks.indices("rows", np.asarray(rows), part.shape[0])
                self.backend.ops.zero_rows(part, found)

    def forget_state_of(self, layer: Layer) -> None:
        """Let one layer start from zeros."""
        graph = self._graph
        if graph is not None:
            for node in (node for node in graph.nodes if node.layer is layer):
                self._carried.states.pop(graph.names[node], None)

    @property
    def carried_state(self) -> State:
        """The state from which stateful layers, and `carry_state=True`, continue; may be set."""
        return self._carried.state(self.backend)

    @carried_state.setter
    def carried_state(self, state: Mapping[str, StepState]) -> None:
        if not isinstance(state, Mapping):
            raise InvalidTypeError("carried_state", "a State", type(state).__name__)
        stateful = self.graph.state_shapes(stateful=True)
        known = stateful if state.keys() <= stateful.keys() else self.graph.state_shapes()
        shapes = {name: shape for name, shape in known.items() if name in state}
        checked = State.checked(state, shapes, State(state).batch_size, self.backend.dtype)
        self._carried.continue_from(checked, self.backend)

    # ---- reading

    def _examples(self, x: Any, y: Any, sample_weight: Any = None) -> Examples:
        return examples(x, y, sample_weight, self.graph.entries, self.backend.dtype)

    def _start_carrying(self, everywhere: bool) -> Carried:
        """Return the states to carry: of all recurrent layers, or of the stateful ones."""
        nodes = self.graph.recurrent(stateful=not everywhere)
        return Carried(nodes, self._carried.states, everywhere)

    def _telling(
        self, callbacks: Sequence[Callback], params: Mapping[str, Any], *, bar: bool = False
    ) -> CallbackList:
        """Return the callbacks, with a progress bar if wanted."""
        everyone = list(callbacks)
        if ProgressBar.wanted(params["verbose"]) and bar:
            everyone.append(ProgressBar(params["verbose"]))
        return CallbackList(everyone, cast(Trainable, self), params)


Forward = Callable[
    [Run, Sequence[Array], Sequence[Mask | None]], tuple[list[Array], list[Mask | None]]
]
"""A forward pass: returns the outputs and their masks, for a run, arrays and their masks."""


def computed(forward: Forward, feed: Feeder, run: Run, batch: Batch) -> list[Any]:
    """Return the outputs of a checked batch, each an array; or a list, to remove padding."""
    found, masks = forward(run, *feed(batch))
    outputs = [np.array(run.ops.to_numpy(output)) for output in found]
    real = [mask for mask in batch.masks if mask is not None]
    if not real:
        return outputs
    return [_unpadded(y, mask, real) for y, mask in zip(outputs, masks, strict=True)]


def classes(y: Values) -> Values:
    """Return the most probable class of each row; for a single output, whether it is > 1/2."""
    chosen = y > 0.5 if y.shape[-1] == 1 else y.argmax(-1)
    return np.asarray(chosen, dtype=np.int64)


def joined_rows(batches: Sequence[Any]) -> Any:
    """Return the outputs of all batches, as one array if they have the same shape."""
    if len(batches) == 1:
        return batches[0]
    arrays = all(isinstance(part, np.ndarray) for part in batches)
    if arrays and len({part.shape[1:] for part in batches}) == 1:
        return np.concatenate(batches)
    return [row for part in batches for row in part]


def _unpadded(output: Values, mask: Mask | None, real: Sequence[Mask]) -> Values | list[Values]:
    """Return outputs of padded sequences without the padding, if they have a time axis.

    Args:
        output: (B, ...).
        mask: which of its steps count, (B, T) or with more axes; without steps (B) or None.
        real: for each input of different lengths which of its steps are no padding.
    """
    if mask is None or mask.ndim < 2:
        return output
    # Steps that a layer itself skips, such as an Embedding token 0, stay in the result: it is as
    # long as the shortest input that has all steps of the mask.
    around = [steps for steps in real if steps.shape == mask.shape and not (mask & ~steps).any()]
    keep = min(around, key=np.count_nonzero, default=mask)
    return [row[_extent(counts)] for row, counts in zip(output, keep, strict=True)]


def _extent(counts: Mask) -> tuple[Values, ...]:
    """Return the index of what counts along each axis of an example."""
    axes = range(counts.ndim)
    along = (counts.any(tuple(other for other in axes if other != axis)) for axis in axes)
    return np.ix_(*along)


def _of_each(outputs: Any, function: Callable[[Any], Any]) -> Any:
    """Return what a function makes of each output: one, or those in a list or a dict."""
    if isinstance(outputs, dict):
        return {name: _of_each(part, function) for name, part in outputs.items()}
    return [*map(function, outputs)] if isinstance(outputs, list) else function(outputs)
