"""Model: a graph of layers that can be trained, asked, stepped through and saved."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm import checks, losses, optimizers, saving, seeding
from lstm.callbacks import Callback, History
from lstm.errors import InvalidTypeError, InvalidValueError, NotReadyError
from lstm.layers.base import Layer, Run, StepState
from lstm.layers.symbolic import SymbolicTensor
from lstm.losses import Loss
from lstm.metrics import Metric, MetricFunction
from lstm.metrics import get as get_metric
from lstm.models import fitting
from lstm.models.batches import (
    ArrayBatches,
    Batch,
    Batches,
    Examples,
    Ragged,
    StreamBatches,
    column,
    columns,
    is_stream,
    slices,
)
from lstm.models.parameters import Parameters
from lstm.models.serialization import graph_config, graph_from_config
from lstm.models.state import State
from lstm.models.structure import GraphLayer
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
        first = inputs[0][0] if isinstance(inputs[0], list | tuple) else inputs[0]
        if isinstance(first, SymbolicTensor):
            return super().__call__(*inputs, **options)
        return self.predict_on_batch(inputs[0])

    # ---- training

    def compile(
        self,
        optimizer: str | Optimizer = "rmsprop",
        loss: str | Loss = "mse",
        metrics: MetricSpec | list[MetricSpec] | tuple[MetricSpec, ...] = (),
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
        specs: list[MetricSpec] = list(metrics) if isinstance(metrics, list | tuple) else [metrics]
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
        callbacks: Sequence[Callback] = (),
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
            first = next(x)
            x = _chained(first, x)
            trainer = self._training(first[0])
        else:
            trainer = self._training(None if stream else x)
        carried = self._start_carrying(carry_state)
        validation: Any = validation_data
        if stream:
            if y is not None or validation_split:
                raise InvalidValueError("x", "no y or validation_split with a generator", "both")
            batches: Batches = self._stream(x, "steps_per_epoch", steps_per_epoch)
        else:
            examples = self._examples(x, y, sample_weight)
            if validation_split and validation_data is None:
                examples, validation = examples.split(validation_split)
            keep_order = bool(carried.nodes) or not shuffle
            rng = None if keep_order else self._rng
            batches = ArrayBatches(examples, batch_size, rng, bool(carried.nodes), chunk_length)
        plan = fitting.Plan(
            batches,
            carried,
            initial_epoch,
            epochs,
            None
            if validation is None
            else lambda: self._evaluation(
                validation, batch_size, validation_steps, carried.nodes, chunk_length
            ),
            self._prepared(callbacks, verbose, epochs, len(batches)),
        )
        self.stop_training = False
        self.history = fitting.fit(trainer, plan, lambda: self.stop_training)
        return self.history

    def _examples(self, x: Any, y: Any, sample_weight: Any = None) -> Examples:
        names = [tensor.node.name for tensor in self.graph.inputs]
        weight = None if sample_weight is None else np.asarray(sample_weight)
        return Examples(columns("x", x, names), None if y is None else column("y", y), weight)

    def _stream(self, iterator: Any, argument: str, steps: int | None) -> StreamBatches:
        if steps is None:
            raise InvalidValueError(argument, "a number of batches, with a generator", steps)
        names = [tensor.node.name for tensor in self.graph.inputs]
        return StreamBatches(iterator, names, checks.positive_int(argument, steps))

    def _start_carrying(self, everywhere: bool) -> Carried:
        """The states to carry: of all recurrent layers, or of those made stateful."""
        self._carried.nodes = self.graph.recurrent(stateful=not everywhere)
        return self._carried

    def _evaluation(
        self,
        data: Any,
        batch_size: int,
        steps: int | None,
        nodes: frozenset[str],
        chunk_length: int | None,
    ) -> tuple[Batches, Carried]:
        """Batches to evaluate on, and states that start from zero."""
        if is_stream(data):
            return self._stream(data, "validation_steps", steps), Carried(nodes)
        if not isinstance(data, Examples):
            if not isinstance(data, tuple | list) or len(data) not in (2, 3):
                raise InvalidTypeError(
                    "validation_data", "(x, y) or (x, y, sample_weight)", type(data).__name__
                )
            data = self._examples(*data)
        return ArrayBatches(data, batch_size, None, bool(nodes), chunk_length), Carried(nodes)

    def _prepared(
        self, callbacks: Sequence[Callback], verbose: int | str, epochs: int, steps: int
    ) -> list[Callback]:
        everyone: list[Callback] = [History(), *callbacks]
        if ProgressBar.wanted(verbose):
            everyone.append(ProgressBar(verbose))
        for callback in everyone:
            if not isinstance(callback, Callback):
                raise InvalidTypeError("callbacks", "Callbacks", type(callback).__name__)
            callback.set_model(self)
            callback.set_params({"epochs": epochs, "steps": steps, "verbose": verbose})
        return everyone

    def train_on_batch(self, x: Any, y: Any, sample_weight: Any = None) -> float:
        """Take one optimizer step; returns the loss before it."""
        trainer = self._training(x)
        carried = self._start_carrying(False)
        return trainer.train(self._whole(x, y, sample_weight), carried).loss

    def _whole(self, x: Any, y: Any = None, sample_weight: Any = None) -> Batch:
        examples = self._examples(x, y, sample_weight)
        return examples.batch(np.arange(len(examples)))

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
        trainer = self._training(None if is_stream(x) else x)
        nodes = self.graph.recurrent(stateful=not carry_state)
        data = x if is_stream(x) else self._examples(x, y, sample_weight)
        batches, carried = self._evaluation(data, batch_size, steps, nodes, chunk_length)
        logs = fitting.evaluate(trainer, batches, carried)
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
            taken = (next(x) for _ in range(steps))
            parts = [self._forward(self._whole_x(item)) for item in taken]
            return self._joined([[np.concatenate(k) for k in zip(*parts, strict=True)]])
        self._ready(x)
        examples = self._examples(x, None)
        if self.graph.recurrent(stateful=True):
            batch_size = min(batch_size, len(examples))
            if len(examples) % batch_size:
                batch_size = len(examples)
        results: list[list[Any]] = []
        ragged = examples.x[0] if isinstance(examples.x[0], Ragged) else None
        for rows in slices(len(examples), checks.positive_int("batch_size", batch_size)):
            batch = examples.batch(rows)
            outputs = self._forward(batch)
            if ragged is None:
                results.append(outputs)
                continue
            steps_in = batch.x[0].shape[1]
            lengths = ragged.lengths[rows]
            results.append([_unpadded(output, steps_in, lengths) for output in outputs])
        return self._joined(results)

    def _whole_x(self, item: Any) -> Batch:
        x = item[0] if isinstance(item, tuple) else item
        self._ready(x)
        return self._whole(x)

    def _joined(self, results: list[list[Any]]) -> Any:
        joined = [
            [row for part in column for row in part]
            if isinstance(column[0], list)
            else np.concatenate(column)
            for column in zip(*results, strict=True)
        ]
        return joined if self._several_outputs else joined[0]

    def _forward(self, batch: Batch) -> list[Values]:
        """Outputs of one batch, from the states of stateful layers."""
        carried = self._start_carrying(False)
        carried.check(batch.size)
        run = Run(self.backend, states=carried.current, carried=carried.nodes)
        outputs = self._run(run, batch)
        carried.states.update(run.new_states)
        return outputs

    def _run(self, run: Run, batch: Batch) -> list[Values]:
        ops = self.backend.ops
        feeds = Feeder(self.graph, self.backend)(batch)
        masks = [None if mask is None else ops.array(mask) for mask in batch.masks]
        trace = self.graph.forward(run, feeds, masks or None)
        return [np.array(ops.to_numpy(output)) for output in trace.outputs]

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch."""
        self._ready(x)
        return self._joined([self._forward(self._whole(x))])

    def predict_classes(self, x: Any, batch_size: int = 32, verbose: int | str = 0) -> Values:
        """The most probable class for each output row; for a single sigmoid, whether it is > 1/2.

        Returns:
            int64, of the shape of the outputs without the last axis (for one unit: with it).
        """
        y = self.predict(x, batch_size, verbose)
        if y.shape[-1] == 1:
            return (y > 0.5).astype(np.int64)
        return np.asarray(y.argmax(-1), dtype=np.int64)

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
        self._ready(x)
        batch = self._whole(x)
        shapes = self.graph.state_shapes()
        State(state).check(shapes, batch.size)
        run = Run(self.backend, states=dict(state), carried=frozenset(shapes))
        outputs = self._run(run, batch)
        return (outputs if self._several_outputs else outputs[0]), State(run.new_states)

    def reset_states(self) -> None:
        """Let stateful layers, and `fit(carry_state=True)` on a generator, start from zeros."""
        self._carried.states.clear()

    # ---- files

    def save(self, path: str | PathLike[str], include_optimizer: bool = True) -> None:
        """Write the model to one `.safetensors` file, in one step.

        Args:
            path: the file; replaced if it exists.
            include_optimizer: keep also what `compile` was given and the state of the optimizer, so
                that training can go on from the file.

        Raises:
            ModelFileError: the file cannot be written; an older one is untouched.
        """
        tensors, header = self.contents(include_optimizer)
        saving.write(path, tensors, {"kind": "model", **header})

    def contents(self, include_optimizer: bool) -> tuple[dict[str, Values], dict[str, Any]]:
        """The arrays and the JSON values that a file of this model holds."""
        graph, to_numpy = self.graph, self.backend.ops.to_numpy
        tensors = {name: to_numpy(weight.value) for name, weight in graph.weights.items()}
        header: dict[str, Any] = {
            "graph": graph_config(graph),
            "several_outputs": self._several_outputs,
        }
        if include_optimizer and self._compiled is not None:
            optimizer, loss, specs = self._compiled
            header["compile"] = {
                "optimizer": {
                    "name": type(optimizer).__name__.lower(),
                    "config": optimizer.get_config(),
                },
                "loss": {"name": loss.name, "config": loss.get_config()},
                "metrics": [spec for spec in specs if isinstance(spec, str)],
                "step": optimizer.step,
            }
            tensors |= {f"optimizer/{key}": to_numpy(s) for key, s in optimizer.slots.items()}
        return tensors, header

    @classmethod
    def from_contents(
        cls,
        tensors: Mapping[str, Values],
        header: Mapping[str, Any],
        custom_layers: Mapping[str, type[Layer]] | None = None,
    ) -> "Model":
        """The model of which `contents` gave these arrays and values."""
        graph = graph_from_config(header["graph"], custom_layers or {})
        outputs = graph.outputs if header["several_outputs"] else graph.outputs[0]
        model = Model(graph.inputs, outputs)
        model.set_weights([tensors[name] for name in model.graph.weights])
        compiled = header.get("compile")
        if compiled is not None:
            model.compile(compiled["optimizer"], compiled["loss"], compiled["metrics"])
            optimizer = model.optimizer
            for key in optimizer.slot_names:
                if f"optimizer/{key}" in tensors:
                    values = np.array(tensors[f"optimizer/{key}"], model.backend.dtype)
                    optimizer.slots[key] = model.backend.ops.array(values)
            optimizer.step = compiled["step"]
        return model


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
    return Model.from_contents(*saving.read(path, ("model", "language model")), custom_layers)


def _chained(first: Any, rest: Any) -> Any:
    yield first
    yield from rest


def _unpadded(output: Values, steps: int, lengths: Values) -> Values | list[Values]:
    """Outputs of padded sequences cut to their lengths, if they have a time axis."""
    if output.ndim < 2 or output.shape[1] != steps:
        return output
    return [row[:length] for row, length in zip(output, lengths, strict=True)]
