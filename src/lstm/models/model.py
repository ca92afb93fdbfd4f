"""Model: a graph of layers that can be trained, asked, stepped through and saved."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from os import PathLike
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lstm import checks, losses, optimizers, saving, seeding
from lstm.backends.contract import Array
from lstm.callbacks import Callback, CallbackList, History
from lstm.errors import InvalidTypeError, InvalidValueError, NotReadyError, StoppedWarning
from lstm.interface import set_by_constructor, spelled, warn
from lstm.layers.base import Layer, Run, StepState
from lstm.layers.configuration import Described
from lstm.layers.masks import Mask
from lstm.layers.symbolic import SymbolicTensor
from lstm.losses import Loss
from lstm.metrics import Metric, MetricFunction
from lstm.metrics import get as get_metric
from lstm.models import fitting
from lstm.models.batches import ArrayBatches, Batch, Check, Examples, examples, parts
from lstm.models.compiled import compile_again, compiled_contents
from lstm.models.copying import reduced
from lstm.models.goals import ClassWeights
from lstm.models.order import ordered
from lstm.models.parameters import Parameters
from lstm.models.prediction import classes, computed, joined_rows
from lstm.models.reading import Reading
from lstm.models.serialization import (
    check_classes,
    check_readable,
    graph_config,
    graph_from_config,
)
from lstm.models.state import State
from lstm.models.streams import Source, is_stream
from lstm.models.structure import GraphLayer, listed
from lstm.models.training import Carried, Feeder, Trainer
from lstm.optimizers import Optimizer
from lstm.progress import ProgressBar
from lstm.terminal import say

Values = NDArray[Any]
MetricSpec = str | Metric | MetricFunction
MetricSpecs = MetricSpec | list[MetricSpec] | tuple[MetricSpec, ...] | None

_OWN_LOSS = "a Loss of your own, for compile, or a loop of your own over train_on_batch"
_OWN_METRICS = "metrics of your own, for compile"
_OWN_OUTPUTS = "`call`, or a function of your own around predict"


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

    never_called: ClassVar[Mapping[str, str]] = {
        **Described.never_called,
        "compute_loss": _OWN_LOSS,
        "compute_mask": "`call` alone: masks pass through it by themselves",
        "compute_metrics": _OWN_METRICS,
        "get_metrics_result": _OWN_METRICS,
        "make_predict_function": _OWN_OUTPUTS,
        "make_test_function": _OWN_METRICS,
        "make_train_function": _OWN_LOSS,
        "predict_step": _OWN_OUTPUTS,
        "test_step": _OWN_METRICS,
        "train_step": _OWN_LOSS,
    }

    _trainer: Trainer | None = set_by_constructor()
    _compiled: tuple[Optimizer, Loss, list[MetricSpec], list[MetricSpec]] | None = (
        set_by_constructor()
    )

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
        self._trainer = None
        self._compiled = None
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
        metrics: MetricSpecs = (),
        weighted_metrics: MetricSpecs = (),
    ) -> None:
        """Say how the model is to be trained.

        Args:
            optimizer: a name out of `lstm.optimizers.OPTIMIZERS`, or an Optimizer.
            loss: a name out of `lstm.losses.LOSSES`, or a Loss.
            metrics: names such as "accuracy", "perplexity", "bits_per_character" or "mae"; Metrics;
                or functions of (y_true, y_pred). All positions count alike to them.
            weighted_metrics: the same, to which positions count as `sample_weight` says.

        Raises:
            InvalidValueError: a name is not known.
        """
        chosen = losses.get(loss)
        plain: list[MetricSpec] = listed(() if metrics is None else metrics)
        weighted: list[MetricSpec] = listed(() if weighted_metrics is None else weighted_metrics)
        for spec in plain + weighted:
            get_metric(spec, chosen)
        self._compiled = (optimizers.get(optimizer), chosen, plain, weighted)
        self._trainer = None
        if self._graph is not None or self._declared_shape() is not None:
            self._trainer = self._make_trainer()

    def _make_trainer(self, x: Any = None) -> Trainer:
        if self._compiled is None:
            raise NotReadyError(f"{self.name}: call compile(optimizer, loss) first")
        graph = self._ready(x)
        optimizer, loss, *specs = self._compiled
        self._parameters = Parameters(graph.weights, self.backend)
        plain, weighted = ([get_metric(spec, loss) for spec in some] for some in specs)
        return Trainer(
            graph, self._parameters, self.backend, optimizer, loss, plain, weighted, self._rng
        )

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
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        carry_state: bool = False,
        chunk_length: int | None = None,
    ) -> History:
        """Train.

        Where the loss is no longer a finite number, training stops with the weights from before
        that batch, and says so in a `StoppedWarning`. The same where a generator ends too soon.

        Args:
            x: an array (N, ...); a list of sequences of different lengths; for several inputs a
                list of these. Or batches (x, y) or (x, y, sample_weight): from a generator, from
                anything that can be iterated over, or from a sequence of them, with `len` and an
                index, such as a `Sequence` or `PyDataset` of Keras.
            y: targets, unless x is batches.
            batch_size: examples in a batch, where x is not batches.
            epochs: passes over the data, counted from `initial_epoch`.
            verbose: 0 silent, 1 a progress bar, 2 a line per epoch; "auto" is 1 on a terminal and 2
                elsewhere.
            callbacks: whom to tell of batches and epochs.
            validation_split: share of the examples, at their end, to validate on, in [0, 1).
            validation_data: (x, y) or (x, y, sample_weight), or batches of these.
            shuffle: go over the examples, or over a sequence of batches, in a new order every
                epoch.
            class_weight: how much the examples or steps of each class count; 1 for others.
            sample_weight: how much each example (N,) or step (N, T) counts: the loss is
                Σ weight·loss divided by the number of positions, so that a weight of 2 makes twice
                the step.
            initial_epoch: number of the first epoch.
            steps_per_epoch: batches in an epoch, which goes on where the one before ended; a whole
                pass by default.
            validation_steps: batches to validate on; needed for a generator in several epochs.
            carry_state: start each batch from the state in which the one before ended (truncated
                backpropagation through time). Row k of a batch goes on where row k of the batch
                before ended. Each pass over the data starts anew, a generator goes on. No
                shuffling.
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
        checks.boolean("shuffle", shuffle)
        checks.boolean("carry_state", carry_state)
        class_weights = (
            None if class_weight is None else ClassWeights(class_weight, self.backend.dtype)
        )
        source = self._batches_of(x, y, sample_weight, validation_split) if is_stream(x) else None
        if source is None:
            trainer = self._training(x)
        elif self._graph is None:
            trainer = self._training(parts("batch of x", source.first())[0])
        else:
            trainer = self._training()
        carried = self._start_carrying(carry_state)
        check = partial(trainer.check, any_length=bool(carried.nodes))
        how = self._reading(check, batch_size, carried.nodes, carry_state, chunk_length)
        data = source or how.examples(x, y, sample_weight)
        if isinstance(data, Examples) and validation_split and validation_data is None:
            data, validation_data = data.split(validation_split)
        rng = self._rng if shuffle and not carried.nodes else None
        batches = how.to_train_on(data, steps_per_epoch, rng)
        held_out = None
        if validation_data is not None:
            left = epochs - initial_epoch
            held_out = how.to_validate(validation_data, validation_steps, epochs=left)
        history = History()
        telling = self._telling(
            [history, *listed(() if callbacks is None else callbacks)],
            {"epochs": epochs, "steps": batches.steps, "verbose": verbose},
            bar=True,
        )
        plan = fitting.Plan(
            batches, carried, initial_epoch, epochs, held_out, telling, class_weights
        )
        self.stop_training = False
        self.history = history
        why = fitting.fit(trainer, plan, lambda: self.stop_training)
        if why:
            warn(why, StoppedWarning)
        return history

    def _batches_of(self, x: Any, y: Any, sample_weight: Any, validation_split: float) -> Source:
        """Batches to train on, beside which arrays have no meaning."""
        of_arrays = {"y": y, "sample_weight": sample_weight}
        for argument, value in (of_arrays | {"validation_split": validation_split or None}).items():
            if value is not None:
                raise InvalidValueError(argument, "nothing, where x gives batches", "a value")
        return Source("x", x)

    def _examples(self, x: Any, y: Any, sample_weight: Any = None) -> Examples:
        return examples(x, y, sample_weight, self.graph.inputs, self.backend.dtype)

    def _reading(
        self,
        check: Check,
        batch_size: int,
        carried: frozenset[str],
        carry_state: bool,
        chunk_length: int | None,
    ) -> Reading:
        """How this model reads data, with the states of some nodes carried along."""
        if chunk_length is not None and not carry_state:
            raise InvalidValueError("chunk_length", "carry_state=True with it", carry_state)
        checks.positive_int("batch_size", batch_size)
        inputs, dtype = self.graph.inputs, self.backend.dtype
        return Reading(inputs, dtype, check, batch_size, bool(carried), chunk_length)

    def _start_carrying(self, everywhere: bool) -> Carried:
        """The states to carry: of all recurrent layers, or of those made stateful."""
        self._carried.nodes = self.graph.recurrent(stateful=not everywhere)
        self._carried.anew = everywhere
        return self._carried

    def _telling(
        self, callbacks: Sequence[Callback], params: Mapping[str, Any], *, bar: bool = False
    ) -> CallbackList:
        """The callbacks, and a progress bar if it is wanted."""
        everyone = list(callbacks)
        if ProgressBar.wanted(params["verbose"]) and bar:
            everyone.append(ProgressBar(params["verbose"]))
        return CallbackList(everyone, self, params)

    def train_on_batch(
        self,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        carry_state: bool = False,
    ) -> float:
        """Take one optimizer step.

        Args:
            x, y, sample_weight, class_weight: a batch, as `fit` takes data.
            carry_state: start from the state in which the batch before ended, which is
                `carried_state`.

        Returns:
            The loss before the step. Where it is not a finite number, no step was taken.
        """
        checks.boolean("carry_state", carry_state)
        trainer = self._training(x)
        class_weights = (
            None if class_weight is None else ClassWeights(class_weight, self.backend.dtype)
        )
        carried = self._start_carrying(carry_state)
        batch = self._examples(x, y, sample_weight).batch()
        trainer.check(batch, any_length=bool(carried.nodes))
        return trainer.train(batch, carried, class_weights).loss

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
        callbacks: Callback | Sequence[Callback] | None = (),
    ) -> Any:
        """The mean loss and metrics on data, as `fit` takes it.

        Args:
            steps: batches to take; all by default.
            carry_state: as in `fit`, from zeros on; stateful layers go on from their last state.
            return_dict: return a dict by name.
            verbose: 0 prints nothing, anything else the result.
            callbacks: whom to tell of the batches.

        Returns:
            The loss, or a list of it and the metrics, or a dict.
        """
        checks.boolean("carry_state", carry_state)
        checks.boolean("return_dict", return_dict)
        trainer = self._training(None if is_stream(x) else x)
        nodes = self.graph.recurrent(stateful=not carry_state)
        check = partial(trainer.check, any_length=bool(nodes))
        how = self._reading(check, batch_size, nodes, carry_state, chunk_length)
        batches = how.to_judge(x, y, sample_weight, "steps", steps)
        carried = Carried(nodes) if carry_state else self._start_carrying(False)
        everyone = listed(() if callbacks is None else callbacks)
        telling = self._telling(everyone, {"steps": batches.steps, "verbose": verbose})
        logs = fitting.evaluate(trainer, batches, carried, telling)
        if verbose not in (0, "auto"):
            say("  ".join(f"{key}: {value:.4f}" for key, value in logs.items()))
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
        callbacks: Callback | Sequence[Callback] | None = (),
    ) -> Any:
        """The outputs for data, as `fit` takes it.

        Args:
            x: an array, sequences of different lengths, or batches: each x, or a tuple that begins
                with it.
            batch_size: examples computed at a time, where x is not batches.
            verbose: accepted for compatibility; nothing is printed.
            steps: batches to take; all by default.
            callbacks: whom to tell of the batches.

        Returns:
            An array (N, ...); for sequences of different lengths, a list of arrays if the outputs
            have a time axis; for several outputs, a list of these.

        Raises:
            InvalidValueError: there are fewer batches than `steps`, or none.
        """
        count = None if steps is None else checks.positive_int("steps", steps)
        everyone = listed(() if callbacks is None else callbacks)
        telling = self._telling(everyone, {"steps": count, "verbose": verbose})
        telling.tell("on_predict_begin", {})
        results: list[list[Any]] = []
        for step, batch in enumerate(islice(self._batches(x, batch_size), count)):
            telling.tell("on_predict_batch_begin", step, {})
            results.append(self._outputs(batch))
            telling.tell("on_predict_batch_end", step, {"outputs": results[-1]})
        if not results or (is_stream(x) and len(results) < (count or 0)):
            expected = "at least one batch" if count is None else f"at least {count} batches"
            raise InvalidValueError("x", expected, len(results))
        telling.tell("on_predict_end", {})
        return self._joined(results)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch."""
        return self._joined([self._outputs(self._chunk(x, any_length=False))])

    def _batches(self, x: Any, batch_size: int) -> Iterator[Batch]:
        """Batches without targets, checked."""
        size = checks.positive_int("batch_size", batch_size)
        if is_stream(x):
            for item in Source("x", x).items():
                of_item = item[0] if isinstance(item, tuple) and item else item
                yield self._chunk(of_item, any_length=False)
            return
        self._ready(x)
        data, stateful = self._examples(x, None), self.graph.recurrent(stateful=True)
        if stateful and len(data) % min(size, len(data)):
            size = len(data)  # State goes on only in a batch of as many sequences.
        yield from ArrayBatches(data, size, partial(self._feeder.check, any_length=bool(stateful)))

    def _outputs(self, batch: Batch) -> list[Any]:
        """The outputs of a batch that was checked, from the states of stateful layers."""
        carried = self._start_carrying(False)
        carried.check(batch.size)
        run = Run(self.backend, states=carried.current, carried=carried.nodes)
        outputs = computed(self.program, self._feeder, run, batch)
        carried.states.update(run.new_states)
        return outputs

    @property
    def _feeder(self) -> Feeder:
        return Feeder(self.graph, self.backend)

    def _joined(self, results: list[list[Any]]) -> Any:
        joined = [joined_rows(column) for column in zip(*results, strict=True)]
        return joined if self._several_outputs else joined[0]

    def predict_classes(self, x: Any, batch_size: int = 32, verbose: int | str = 0) -> Any:
        """The most probable class for each output row; for a single sigmoid, whether it is > 1/2.

        Returns:
            int64, of the shape of the outputs without the last axis (for one unit: with it); a list
            where `predict` gives one.
        """
        y = self.predict(x, batch_size, verbose)
        return [classes(part) for part in y] if isinstance(y, list) else classes(y)

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
        outputs = computed(self.program, self._feeder, run, batch)
        return (outputs if self._several_outputs else outputs[0]), State(run.new_states)

    def feed(self, x: Any) -> tuple[list[Array], list[Mask | None]]:
        """Sequences of any length as the arrays that `program.forward` takes, and their masks.

        Raises:
            InvalidShapeError, InvalidValueError: the model cannot take them.
        """
        return self._feeder(self._chunk(x))

    def _chunk(self, x: Any, *, any_length: bool = True) -> Batch:
        """A batch without targets, checked; chunks of sequences may have any length."""
        self._ready(x)
        batch = self._examples(x, None).batch()
        stateful = any_length or bool(self.graph.recurrent(stateful=True))
        self._feeder.check(batch, any_length=stateful)
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

    def new_seed(self) -> int:
        """A seed for choices that belong to the model, drawn from its random numbers."""
        return int(self._rng.integers(2**63))

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
        checks.boolean("include_optimizer", include_optimizer)
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
        name_of = {layer: name for name, layer in graph.layers.items()}
        header: dict[str, Any] = {
            "graph": config,
            "order": [name_of[layer] for layer in self._order],
            "several_outputs": self._several_outputs,
        }
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
        graph = graph_from_config(header["graph"], custom_layers or {}, tensors, given=True)
        for name, weight in graph.weights.items():
            checks.finite(name, weight.value)
        several = checks.one_of("several_outputs", header["several_outputs"], (True, False))
        outputs = graph.outputs if several else graph.outputs[0]
        with seeding.untouched():
            model = cls(graph.inputs, outputs)
        model._order = ordered(graph.layers, header.get("order", [*graph.layers]))
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


@spelled
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
        InvalidTypeError, InvalidValueError: `custom_layers` is no dict of classes, or lacks one, or
            one of them cannot be made with what the file says of it.
        ModelFileError: the file is missing, damaged or of another kind.
    """
    classes = check_classes(custom_layers)
    with saving.reading(path, ("model", "language model")) as contents:
        return Model.from_contents(*contents, classes)
