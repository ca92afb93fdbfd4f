"""Model: a graph of layers that can be trained, asked, stepped through and saved."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain, islice
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lstm import checks, losses, optimizers, saving, seeding
from lstm.backends.ops import Array
from lstm.callbacks import Callback, History
from lstm.errors import InvalidTypeError, InvalidValueError, NotReadyError
from lstm.layers.base import Layer, Run, StepState
from lstm.layers.masks import Mask
from lstm.layers.symbolic import SymbolicTensor
from lstm.losses import Loss
from lstm.metrics import Metric, MetricFunction
from lstm.metrics import get as get_metric
from lstm.models import fitting
from lstm.models.batches import (
    ArrayBatches,
    Batch,
    Batches,
    Check,
    Examples,
    StreamBatches,
    examples,
    is_stream,
    parts,
)
from lstm.models.compiled import compile_again, compiled_contents
from lstm.models.copying import reduced
from lstm.models.parameters import Parameters
from lstm.models.serialization import check_readable, graph_config, graph_from_config
from lstm.models.state import State
from lstm.models.structure import GraphLayer, listed
from lstm.models.training import Carried, Feeder, Trainer
from lstm.optimizers import Optimizer
from lstm.progress import ProgressBar

Values = NDArray[Any]
MetricSpec = str | Metric | MetricFunction


class Model(GraphLayer):
    """A model, made in one of three ways.

    - functional: `Model(inputs, outputs)`, of tensors that layers were called on;
    - subclassed: a class that makes layers in `__init__` and calls them in `call(inputs)`, which is
      traced once, when the first data comes or when the model is called on a tensor;
    - `Sequential`, a chain.

    Args:
        inputs: a tensor from `Input`, or a list of them.
        outputs: a tensor, or a list of them.
        name: base of the names of the weights, where the model is part of another.

    Example:
        >>> import numpy as np
        >>> import lstm
        >>> x = lstm.Input((None, 2))
        >>> y = lstm.layers.LSTM(8)(x)
        >>> model = lstm.Model(inputs=x, outputs=lstm.layers.Dense(1)(y))
        >>> model.predict(np.zeros((5, 7, 2)), verbose=0).shape
        (5, 1)
    """

    def __init__(
        self,
        inputs: SymbolicTensor | Sequence[SymbolicTensor] | None = None,
        outputs: SymbolicTensor | Sequence[SymbolicTensor] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(inputs, outputs, name)
        self.stop_training = False
        self.history: History | None = None
        self._rng = np.random.default_rng(seeding.generator().integers(2**63))
        self._trainer: Trainer | None = None
        self._compiled: tuple[Optimizer, Loss, list[MetricSpec]] | None = None
        self._carried = Carried()

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """On tensors: the model as a part of another. On arrays: the outputs, as arrays."""
        if any(isinstance(part, SymbolicTensor) for value in inputs for part in listed(value)):
            return super().__call__(*inputs, **options)
        if options.pop("training", False):
            raise InvalidValueError("training", "False: only fit trains", True)
        if len(inputs) != 1 or options:
            got = ", ".join([f"{len(inputs)}", *options])
            raise InvalidTypeError(f"{self.name}()", "one argument, tensors or arrays", got)
        return self.predict_on_batch(inputs[0])

    # ---- training

    def compile(
        self,
        optimizer: str | Optimizer = "rmsprop",
        loss: str | Loss = "mse",
        metrics: MetricSpec | list[MetricSpec] | tuple[MetricSpec, ...] | None = (),
    ) -> None:
        """Say how the model is to be trained.

        Args:
            optimizer: a name out of `lstm.optimizers.OPTIMIZERS`, or an Optimizer.
            loss: a name out of `lstm.losses.LOSSES`, or a Loss.
            metrics: names such as "accuracy", "perplexity", "bits_per_character" or "mae"; Metrics;
                or functions of (y_true, y_pred).

        Raises:
            InvalidValueError: a name is not known.
        """
        chosen = losses.get(loss)
        specs: list[MetricSpec] = listed(() if metrics is None else metrics)
        for spec in specs:
            get_metric(spec, chosen)
        self._compiled = (optimizers.get(optimizer), chosen, specs)
        self._trainer = None
        if self._graph is not None or self._declared_shape() is not None:
            self._trainer = self._make_trainer()

    def _make_trainer(self, x: Any = None) -> Trainer:
        if self._compiled is None:
            raise NotReadyError(f"{self.name}: call compile(optimizer, loss) first")
        graph = self._ready(x)
        optimizer, loss, specs = self._compiled
        self._parameters = Parameters(graph.weights, self.backend)
        chosen = [get_metric(spec, loss) for spec in specs]
        return Trainer(graph, self._parameters, self.backend, optimizer, loss, chosen, self._rng)

    @property
    def _fused(self) -> str:
        return "" if self._trainer is None else self._trainer.fused

    def _training(self, x: Any = None) -> Trainer:
        if self._trainer is None:
            self._trainer = self._make_trainer(x)
        return self._trainer

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer with which the model was compiled."""
        if self._compiled is None:
            raise NotReadyError(f"{self.name}: call compile(optimizer, loss) first")
        return self._compiled[0]

    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Callback | Sequence[Callback] | None = (),
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        carry_state: bool = False,
        chunk_length: int | None = None,
    ) -> History:
        """Train.

        Args:
            x: an array (N, ...); a list of sequences of different lengths; for several inputs a
                list of these; or a generator of (x, y) or (x, y, sample_weight).
            y: targets, unless x is a generator.
            batch_size: examples in a batch, where x is not a generator.
            epochs: passes over the data, counted from `initial_epoch`.
            verbose: 0 silent, 1 a progress bar, 2 a line per epoch; "auto" is 1 on a terminal and 2
                elsewhere.
            callbacks: whom to tell of batches and epochs.
            validation_split: share of the examples, at their end, to validate on, in [0, 1).
            validation_data: (x, y) or (x, y, sample_weight), or a generator with
                `validation_steps`.
            shuffle: go over the examples in a new order every epoch.
            sample_weight: how much each example (N,) or step (N, T) counts.
            initial_epoch: number of the first epoch.
            steps_per_epoch: batches in an epoch; needed for a generator.
            validation_steps: batches to validate on, where that data is a generator.
            carry_state: start each batch from the state in which the one before ended (truncated
                backpropagation through time). Row k of a batch goes on where row k of the batch
                before ended. Each pass over arrays starts anew, a generator goes on. No shuffling.
            chunk_length: with `carry_state`, cut sequences (N, T, ...) into chunks of that many
                steps.

        Returns:
            The record of losses and metrics by epoch.

        Raises:
            NotReadyError: the model is not compiled.
            InvalidValueError, InvalidShapeError, InvalidTypeError: data or arguments do not fit.
        """
        checks.int_at_least("epochs", epochs, 0)
        checks.int_at_least("initial_epoch", initial_epoch, 0)
        checks.number("validation_split", validation_split, 0, 1, open_high=True)
        if chunk_length is not None and not carry_state:
            raise InvalidValueError("chunk_length", "carry_state=True with it", carry_state)
        stream = is_stream(x)
        if stream and self._graph is None:
            taken = list(islice(x, 1))
            if not taken:
                raise InvalidValueError("x", "a generator of at least one batch", "none")
            x = chain(taken, x)
            trainer = self._training(parts("batch of the generator", taken[0])[0])
        else:
            trainer = self._training(None if stream else x)
        carried = self._start_carrying(carry_state)
        nodes = carried.nodes
        check = partial(trainer.check, any_length=bool(nodes))
        validation: Any = validation_data
        if stream:
            of_arrays = {"y": y, "sample_weight": sample_weight}
            of_arrays["validation_split"] = validation_split or None
            for argument, value in of_arrays.items():
                if value is not None:
                    raise InvalidValueError(argument, "nothing, with a generator", "a value")
            batches: Batches = self._stream(x, "steps_per_epoch", steps_per_epoch, check)
        else:
            if steps_per_epoch is not None:
                raise InvalidValueError(
                    "steps_per_epoch", "None, unless x is a generator", steps_per_epoch
                )
            data = self._examples(x, y, sample_weight)
            if validation_split and validation_data is None:
                data, validation = data.split(validation_split)
            keep_order = bool(nodes) or not shuffle
            rng = None if keep_order else self._rng
            batches = ArrayBatches(data, batch_size, check, rng, bool(nodes), chunk_length)
        held_out = None
        if validation is not None:
            if not is_stream(validation) and not isinstance(validation, Examples):
                validation = self._examples(*parts("validation_data", validation))
            steps = "validation_steps", validation_steps
            held_out = self._evaluation(validation, batch_size, *steps, check, nodes, chunk_length)
        plan = fitting.Plan(
            batches,
            carried,
            initial_epoch,
            epochs,
            held_out,
            self._prepared(callbacks, verbose, epochs, len(batches)),
        )
        self.stop_training = False
        self.history = plan.history
        fitting.fit(trainer, plan, lambda: self.stop_training)
        return plan.history

    def _examples(self, x: Any, y: Any, sample_weight: Any = None) -> Examples:
        return examples(x, y, sample_weight, self.graph.inputs)

    def _stream(
        self, iterator: Any, argument: str, steps: int | None, check: Check
    ) -> StreamBatches:
        if steps is None:
            raise InvalidValueError(argument, "a number of batches, with a generator", steps)
        count = checks.positive_int(argument, steps)
        return StreamBatches(iterator, self.graph.inputs, count, check)

    def _start_carrying(self, everywhere: bool) -> Carried:
        """The states to carry: of all recurrent layers, or of those made stateful."""
        self._carried.nodes = self.graph.recurrent(stateful=not everywhere)
        return self._carried

    def _evaluation(
        self,
        data: Any,
        batch_size: int,
        argument: str,
        steps: int | None,
        check: Check,
        nodes: frozenset[str],
        chunk_length: int | None,
    ) -> Batches:
        """Batches to evaluate on, from Examples or a generator."""
        if not isinstance(data, Examples):
            return self._stream(data, argument, steps, check)
        return ArrayBatches(data, batch_size, check, None, bool(nodes), chunk_length)

    def _prepared(
        self,
        callbacks: Callback | Sequence[Callback] | None,
        verbose: int | str,
        epochs: int,
        steps: int,
    ) -> list[Callback]:
        everyone: list[Callback] = [History(), *listed(() if callbacks is None else callbacks)]
        if ProgressBar.wanted(verbose):
            everyone.append(ProgressBar(verbose))
        for callback in everyone:
            if not isinstance(callback, Callback):
                raise InvalidTypeError("callbacks", "Callbacks", type(callback).__name__)
            callback.set_model(self)
            callback.set_params({"epochs": epochs, "steps": steps, "verbose": verbose})
        return everyone

    def train_on_batch(
        self, x: Any, y: Any, sample_weight: Any = None, carry_state: bool = False
    ) -> float:
        """Take one optimizer step; returns the loss before it.

        Args:
            x, y, sample_weight: a batch, as `fit` takes data.
            carry_state: start from the state in which the batch before ended, which is
                `carried_state`.
        """
        trainer = self._training(x)
        carried = self._start_carrying(carry_state)
        batch = self._examples(x, y, sample_weight).batch()
        trainer.check(batch, any_length=bool(carried.nodes))
        return trainer.train(batch, carried).loss

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        sample_weight: Any = None,
        steps: int | None = None,
        carry_state: bool = False,
        chunk_length: int | None = None,
        return_dict: bool = False,
        verbose: int | str = 0,
    ) -> Any:
        """The mean loss and metrics on data, as `fit` takes it.

        Args:
            steps: batches to take, where x is a generator.
            return_dict: return a dict by name.
            verbose: 0 prints nothing, anything else the result.

        Returns:
            The loss, or a list of it and the metrics, or a dict.
        """
        if chunk_length is not None and not carry_state:
            raise InvalidValueError("chunk_length", "carry_state=True with it", carry_state)
        trainer = self._training(None if is_stream(x) else x)
        nodes = self.graph.recurrent(stateful=not carry_state)
        data = x if is_stream(x) else self._examples(x, y, sample_weight)
        check = partial(trainer.check, any_length=bool(nodes))
        batches = self._evaluation(data, batch_size, "steps", steps, check, nodes, chunk_length)
        logs = fitting.evaluate(trainer, batches, Carried(nodes))
        if verbose not in (0, "auto"):
            print("  ".join(f"{key}: {value:.4f}" for key, value in logs.items()))
        if return_dict:
            return logs
        return logs["loss"] if len(logs) == 1 else list(logs.values())

    # ---- asking

    def predict(
        self,
        x: Any,
        batch_size: int = 32,
        verbose: int | str = 0,
        steps: int | None = None,
    ) -> Any:
        """The outputs for data, as `fit` takes it.

        Args:
            x: an array, sequences of different lengths, or a generator of batches with `steps`.
            batch_size: examples computed at a time.
            verbose: accepted for compatibility; nothing is printed.
            steps: batches to take, where x is a generator.

        Returns:
            An array (N, ...); for sequences of different lengths, a list of arrays if the outputs
            have a time axis; for several outputs, a list of these.
        """
        if is_stream(x):
            if steps is None:
                raise InvalidValueError("steps", "a number of batches, with a generator", steps)
            count = checks.positive_int("steps", steps)
            results = [self._outputs_on_batch(_x_of(item)) for item in islice(x, count)]
            if len(results) < count:
                raise InvalidValueError(
                    "x", f"a generator of at least {count} batches", len(results)
                )
            return self._joined(results)
        self._ready(x)
        data = self._examples(x, None)
        size = min(checks.positive_int("batch_size", batch_size), len(data))
        if len(data) % size and self.graph.recurrent(stateful=True):
            size = len(data)
        return self._joined(self._outputs(data, size))

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch."""
        return self._joined([self._outputs_on_batch(x)])

    def _outputs_on_batch(self, x: Any) -> list[Any]:
        self._ready(x)
        data = self._examples(x, None)
        return self._outputs(data, len(data))[0]

    def _outputs(self, data: Examples, batch_size: int) -> list[list[Any]]:
        """For each batch its outputs, from the states of stateful layers."""
        carried = self._start_carrying(False)
        check = partial(self._feeder.check, any_length=bool(carried.nodes))
        results = []
        for batch in ArrayBatches(data, batch_size, check):
            carried.check(batch.size)
            run = Run(self.backend, states=carried.current, carried=carried.nodes)
            results.append(self._run(run, batch))
            carried.states.update(run.new_states)
        return results

    @property
    def _feeder(self) -> Feeder:
        return Feeder(self.graph, self.backend)

    def _run(self, run: Run, batch: Batch) -> list[Any]:
        """The outputs of a batch that was checked."""
        to_numpy = self.backend.ops.to_numpy
        trace = self.graph.forward(run, *self._feeder(batch))
        outputs = [np.array(to_numpy(output)) for output in trace.outputs]
        real = [mask for mask in batch.masks if mask is not None]
        if not real:
            return outputs
        return [_unpadded(y, mask, real) for y, mask in zip(outputs, trace.masks, strict=True)]

    def _joined(self, results: list[list[Any]]) -> Any:
        joined = [_rows(column) for column in zip(*results, strict=True)]
        return joined if self._several_outputs else joined[0]

    def predict_classes(self, x: Any, batch_size: int = 32, verbose: int | str = 0) -> Any:
        """The most probable class for each output row; for a single sigmoid, whether it is > 1/2.

        Returns:
            int64, of the shape of the outputs without the last axis (for one unit: with it); a list
            where `predict` gives one.
        """
        y = self.predict(x, batch_size, verbose)
        return [_classes(part) for part in y] if isinstance(y, list) else _classes(y)

    # ---- state

    def initial_state(self, batch_size: int = 1) -> State:
        """The state before the first step: zeros.

        Args:
            batch_size: number of sequences; any number, at any time.

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
        """The outputs for the next chunk of a sequence, and the state after it.

        Chunk by chunk gives what `predict` gives for the whole sequence.

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
        batch = self._chunk(x)
        shapes = self.graph.state_shapes()
        states = State.checked(state, shapes, batch.size, self.backend.dtype)
        run = Run(self.backend, states=dict(states), carried=frozenset(shapes))
        outputs = self._run(run, batch)
        return (outputs if self._several_outputs else outputs[0]), State(run.new_states)

    def feed(self, x: Any) -> tuple[list[Array], list[Mask | None]]:
        """Sequences of any length as the arrays that `graph.forward` takes, and their masks.

        Raises:
            InvalidShapeError, InvalidValueError: the model cannot take them.
        """
        return self._feeder(self._chunk(x))

    def _chunk(self, x: Any) -> Batch:
        """Sequences of any length, checked."""
        self._ready(x)
        batch = self._examples(x, None).batch()
        self._feeder.check(batch, any_length=True)
        return batch

    def reset_states(self, rows: Sequence[int] | None = None) -> None:
        """Let stateful layers, and `fit(carry_state=True)` on a generator, start from zeros.

        Args:
            rows: the sequences of a batch that do; None for all.

        Raises:
            InvalidValueError: there is no such sequence.
        """
        if rows is None:
            self._carried.states.clear()
            return
        for state in self._carried.states.values():
            for part in state:
                part[checks.indices("rows", np.asarray(rows), len(part))] = 0

    @property
    def carried_state(self) -> State:
        """The state from which stateful layers, and `carry_state=True`, go on; may be set."""
        return State(
            {
                name: tuple(np.array(part) for part in parts)
                for name, parts in self._carried.states.items()
            }
        )

    @carried_state.setter
    def carried_state(self, state: Mapping[str, StepState]) -> None:
        if not isinstance(state, Mapping):
            raise InvalidTypeError("carried_state", "a State", type(state).__name__)
        shapes = {name: s for name, s in self.graph.state_shapes().items() if name in state}
        checked = State.checked(state, shapes, State(state).batch_size, self.backend.dtype)
        self._carried.states = {
            name: tuple(np.array(part) for part in parts) for name, parts in checked.items()
        }

    @property
    def random_state(self) -> dict[str, Any]:
        """Where the model's random numbers, for dropout and shuffling, stand; may be set."""
        return dict(self._rng.bit_generator.state)

    @random_state.setter
    def random_state(self, state: Mapping[str, Any]) -> None:
        try:
            self._rng.bit_generator.state = dict(state)
        except (LookupError, TypeError, ValueError) as error:
            raise InvalidValueError(
                "random_state", "the random_state of a model", f"{state!r:.60}"
            ) from error

    # ---- files

    def save(self, path: str | PathLike[str], include_optimizer: bool = True) -> None:
        """Write the model to one `.safetensors` file, in one step.

        Args:
            path: the file; replaced if it exists.
            include_optimizer: keep also what `compile` was given and the state of the optimizer, so
                that training can go on from the file; not kept are an optimizer, a loss or metrics
                of a class of your own.

        Raises:
            ModelFileError: the file cannot be written; an older one is untouched.
            InvalidValueError: a weight is NaN or infinite.
        """
        tensors, header = self.contents(include_optimizer)
        saving.write(path, tensors, {"kind": "model", **header})

    def contents(self, include_optimizer: bool) -> tuple[dict[str, Values], dict[str, Any]]:
        """The arrays and the JSON values that a file of this model holds.

        Raises:
            InvalidValueError: a weight is not finite, or a layer cannot be made again from them.
        """
        graph, to_numpy = self.graph, self.backend.ops.to_numpy
        tensors = {name: to_numpy(weight.value) for name, weight in graph.weights.items()}
        for name, values in tensors.items():
            # A file of such weights could not be read, and might replace a good one.
            checks.finite(name, values)
        config = graph_config(graph)
        check_readable(config, graph.layers, tensors)
        header: dict[str, Any] = {"graph": config, "several_outputs": self._several_outputs}
        if include_optimizer and self._compiled is not None:
            compiled = compiled_contents(graph, self.backend, *self._compiled)
            if compiled is not None:
                slots, header["compile"] = compiled
                tensors |= slots
        return tensors, header

    @classmethod
    def from_contents(
        cls,
        tensors: Mapping[str, Values],
        header: Mapping[str, Any],
        custom_layers: Mapping[str, type[Layer]] | None = None,
    ) -> Self:
        """The model of which `contents` gave these arrays and values."""
        graph = graph_from_config(header["graph"], custom_layers or {}, tensors)
        for name, weight in graph.weights.items():
            checks.finite(name, weight.value)
        several = checks.one_of("several_outputs", header["several_outputs"], (True, False))
        outputs = graph.outputs if several else graph.outputs[0]
        with seeding.untouched():
            model = cls(graph.inputs, outputs)
        if "compile" in header:
            compile_again(model, tensors, header["compile"])
        return model

    # ---- copying

    @property
    def copied_whole(self) -> bool:
        """Whether the graph is all that there is to it: no class of a user's made it."""
        kind = type(self)
        return self.traced and kind.__init__ is Model.__init__ and kind.call is GraphLayer.call

    def arguments(self) -> dict[str, Any]:
        found = super().arguments()
        del found["trainable"]  # No argument of a model.
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        return reduced(self)

    @property
    def session(self) -> dict[str, Any]:
        """What a file does not keep, as objects; may be set."""
        return {
            "name": self.name,
            "trainable": self.trainable,
            "compiled": self._compiled,
            "carried_state": self.carried_state,
            "random_state": self.random_state,
            "history": self.history,
        }

    @session.setter
    def session(self, session: Mapping[str, Any]) -> None:
        self.name, self._trainable = session["name"], session["trainable"]
        self._compiled, self._trainer = session["compiled"], None
        self._carried.states = dict(session["carried_state"])
        self.random_state = session["random_state"]
        self.history = session["history"]


def load_model(
    path: str | PathLike[str], custom_layers: Mapping[str, type[Layer]] | None = None
) -> Model:
    """Read a model that `Model.save` or `LanguageModel.save` wrote.

    No code is ever run from a file: it names layers of the library, or of `custom_layers`.

    Args:
        path: the file.
        custom_layers: classes of your own layers with `forward` and `backward`, by name. Layers
            defined by `call` need none: they are saved as what they were traced into.

    Raises:
        ModelFileError: the file is missing, damaged or of another kind.
    """
    with saving.reading(path, ("model", "language model")) as contents:
        return Model.from_contents(*contents, custom_layers)


def _x_of(item: Any) -> Any:
    """x of what a generator gave: x, or a tuple that begins with it."""
    return item[0] if isinstance(item, tuple) and item else item


def _classes(y: Values) -> Values:
    chosen = y > 0.5 if y.shape[-1] == 1 else y.argmax(-1)
    return np.asarray(chosen, dtype=np.int64)


def _rows(batches: Sequence[Any]) -> Any:
    """The outputs of all batches, as one array where they are of one shape."""
    if len(batches) == 1:
        return batches[0]
    arrays = all(isinstance(part, np.ndarray) for part in batches)
    if arrays and len({part.shape[1:] for part in batches}) == 1:
        return np.concatenate(batches)
    return [row for part in batches for row in part]


def _unpadded(output: Values, mask: Mask | None, real: Sequence[Mask]) -> Values | list[Values]:
    """Outputs of padded sequences without the padding, if they have a time axis.

    Args:
        output: (B, ...).
        mask: which of its steps count, (B, T) or with more axes; of no steps (B) or None.
        real: for each input of different lengths which of its steps are no padding.
    """
    if mask is None or mask.ndim < 2:
        return output
    # Steps that a layer skips by itself, such as an Embedding token 0, stay in the result: it is as
    # long as the input that has all steps of the mask, and of several the shortest.
    around = [steps for steps in real if steps.shape == mask.shape and not (mask & ~steps).any()]
    keep = min(around, key=np.count_nonzero, default=mask)
    return [row[_extent(counts)] for row, counts in zip(output, keep, strict=True)]


def _extent(counts: Mask) -> tuple[Values, ...]:
    """The index of what counts along each axis of an example."""
    axes = range(counts.ndim)
    along = (counts.any(tuple(other for other in axes if other != axis)) for axis in axes)
    return np.ix_(*along)
