"""Model: a graph of layers to train, run, step through and save."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from numpy.typing import NDArray

from lstm import checks
from lstm.callbacks import BackupAndRestore, Callback, History
from lstm.callbacks.base import shown
from lstm.errors import InvalidValueError, StoppedWarning
from lstm.interface import warn
from lstm.iteration import is_stream
from lstm.layers.definition import Definition
from lstm.models.batches import Batching, Examples, examples, parts
from lstm.models.data_adapter import validation_batches
from lstm.models.described import Described
from lstm.models.fitting import Fitting, epochs_of, evaluate
from lstm.models.goals import ClassWeights
from lstm.models.identity import identity
from lstm.models.loop import Mean
from lstm.models.parameters import Parameters
from lstm.models.quantization import quantize, refuse_training
from lstm.models.structure import Tensors, listed
from lstm.models.training import Carried, Trainer
from lstm.terminal import say

Values = NDArray[Any]

_OWN_LOSS = "your own Loss, for compile, or your own loop over train_on_batch"
_OWN_METRICS = "your own metrics, for compile"
_OWN_OUTPUTS = "`call`, or your own function around predict"


class Model(Described):
    """A model, made in one of three ways.

    - functional: `Model(inputs, outputs)`, from tensors that layers were called on;
    - subclassed: a class that makes layers in `__init__` and calls them in `call(inputs)`, which is
      traced once, when the first data comes or when the model is called on a tensor;
    - `Sequential`, a chain.

    Args:
        inputs: a tensor from `Input`, a list of them, or a dict, whose keys are those of the data.
        outputs: a tensor, or a list of them.
        name: base of the names of the weights, if the model is part of another.

    Example:
        >>> import numpy as np
        >>> import lstm
        >>> x = lstm.Input((None, 2))
        >>> y = lstm.layers.LSTM(8)(x)
        >>> model = lstm.Model(inputs=x, outputs=lstm.layers.Dense(1)(y))
        >>> model.predict(np.zeros((5, 7, 2)), verbose=0).shape
        (5, 1)
    """

    history: History | None

    never_called: ClassVar[Mapping[str, str]] = {
        **Definition.never_called,
        "compute_loss": _OWN_LOSS,
        "compute_mask": "`call` alone: masks pass through it automatically",
        "compute_metrics": _OWN_METRICS,
        "get_metrics_result": _OWN_METRICS,
        "make_predict_function": _OWN_OUTPUTS,
        "make_test_function": _OWN_METRICS,
        "make_train_function": _OWN_LOSS,
        "predict_step": _OWN_OUTPUTS,
        "test_step": _OWN_METRICS,
        "train_step": _OWN_LOSS,
    }

    absent_attributes: ClassVar[Mapping[str, str]] = {
        **Described.absent_attributes,
        **dict.fromkeys(
            ("evaluate_generator", "fit_generator", "predict_generator"),
            "fit, evaluate and predict take generators",
        ),
        "compiled_metrics": "metrics_names has their names",
        "export": "use save",
        "predict_proba": "use predict",
        "reset_metrics": "leave it out: each epoch and each evaluate begin again",
        "run_eagerly": "leave it out: there is one way to run",
        "to_yaml": "use to_json",
    }

    def __init__(
        self,
        inputs: Tensors | None = None,
        outputs: Tensors | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(inputs, outputs, name)
        self.history = None

    # ---- training

    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
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
        validation_batch_size: int | None = None,
        validation_freq: int | Collection[int] = 1,
        carry_state: bool = False,
        chunk_length: int | None = None,
    ) -> History:
        """Train the model.

        If the loss is no longer a finite number, training stops with the weights from before that
        batch, and a `StoppedWarning` says so. The same happens if a generator ends too soon.

        Args:
            x: an array (N, ...); a list of sequences of different lengths; for several inputs, a
                list of these. Or batches (x, y) or (x, y, sample_weight): from a generator, from
                any iterable, or from a sequence of batches, with `len` and an
                index, such as a `Sequence` or `PyDataset` of Keras.
            y: targets, unless x consists of batches.
            batch_size: examples in a batch, where x is not batches; 32 by default.
            epochs: passes over the data, counted from `initial_epoch`.
            verbose: 0 silent, 1 a progress bar, 2 a line per epoch; "auto" is 1 on a terminal and 2
                elsewhere.
            callbacks: callbacks for batches and epochs.
            validation_split: share of the examples, at their end, to validate on, in [0, 1).
            validation_data: (x, y) or (x, y, sample_weight), or batches of these.
            shuffle: read the examples, or a sequence of batches, in a new order every epoch.
            class_weight: weight of the examples or steps of each class; 1 for others.
            sample_weight: weight of each example (N,) or step (N, T): the loss is Σ weight·loss
                divided by the number of positions, so a weight of 2 doubles the step. For several
                outputs also a list or dict of these.
            initial_epoch: number of the first epoch.
            steps_per_epoch: batches in an epoch, which continues where the last one ended; a whole
                pass by default.
            validation_steps: batches to validate on; needed for a generator in several epochs.
            validation_batch_size: examples in a batch of the validation; `batch_size` by default.
            validation_freq: validate after every so many epochs, or after these, counted from 1.
            carry_state: start each batch from the state in which the last one ended (truncated
                backpropagation through time): row k of a batch continues row k of the last batch.
                Each pass over arrays starts again from zeros; a generator continues. No shuffling.
            chunk_length: with `carry_state`, cut sequences (N, T, ...) into chunks of this many
                steps.

        Returns:
            The record of losses and metrics by epoch.

        Raises:
            NotReadyError: the model is not compiled.
            InvalidValueError, InvalidShapeError, InvalidTypeError: data or arguments do not fit.
        """
        refuse_training(self._graph)
        checks.int_at_least("epochs", epochs, 0)
        checks.int_at_least("initial_epoch", initial_epoch, 0)
        checks.number("validation_split", validation_split, 0, 1, open_high=True)
        checks.boolean("shuffle", shuffle)
        checks.boolean("carry_state", carry_state)
        given = self._given(x, y, sample_weight, validation_split=validation_split or None)
        trainer = self._training(given)
        class_weights = self._class_weights(class_weight)
        carried = self._start_carrying(carry_state)
        batching = self._batching(trainer, batch_size, carried.nodes, carry_state, chunk_length)
        data = given.read(batching)
        if isinstance(data, Examples) and validation_split and validation_data is None:
            data, validation_data = data.split(validation_split)
        rng = self._rng if shuffle and not carried.nodes else None
        batches = data.for_training(batching, steps_per_epoch, rng)
        held_out = None
        if not isinstance(validation_data, Examples | None) and not is_stream(validation_data):
            validation_data = self._by_output(*parts("validation_data", validation_data))
        if validation_data is not None:
            left = epochs - initial_epoch
            of_it = batching
            if validation_batch_size is not None:
                size = checks.positive_int("validation_batch_size", validation_batch_size)
                of_it = replace(batching, batch_size=size)
            held_out = validation_batches(validation_data, of_it, validation_steps, epochs=left)
        self.history = History()
        told = [self.history, *listed(() if callbacks is None else callbacks)]
        params = {"epochs": epochs, "steps": batches.steps, "verbose": verbose}
        telling = self._telling(told, params, bar=True)
        loop = Fitting(
            self, trainer, batches, carried, held_out, class_weights, (initial_epoch, epochs)
        )
        loop.steps_per_execution = self._steps_per_execution
        loop.validated, sometimes = epochs_of("validation_freq", validation_freq)
        backup = telling.only(BackupAndRestore)
        if backup is None:
            loop.train(telling)
        else:
            asked = {
                "shuffle": rng is not None,
                "initial_epoch": initial_epoch,
                "steps_per_epoch": steps_per_epoch,
                "class_weight": class_weight and sorted(class_weight.items()),
                "validation_freq": sometimes,
            }
            which = identity(self, trainer, data, held_out, batching, telling, asked)
            loop.train_with_backup(telling, backup, which)
        if loop.stop_reason and not self.stop_training:
            warn(loop.stop_reason, StoppedWarning)
        return self.history

    def _class_weights(self, factors: Mapping[int, float] | None) -> ClassWeights | None:
        if factors is None:
            return None
        if self._joint is not None:
            raise InvalidValueError("class_weight", "none for several outputs", [*factors])
        return ClassWeights(factors, self.backend.dtype)

    def _batching(
        self,
        trainer: Trainer,
        batch_size: int | None,
        carried: frozenset[str],
        carry_state: bool,
        chunk_length: int | None,
    ) -> Batching:
        """Return how this model reads data with targets, carrying the states of some nodes."""
        if chunk_length is not None and not carry_state:
            raise InvalidValueError("chunk_length", "carry_state=True with it", carry_state)
        batch_size = checks.positive_int("batch_size", 32 if batch_size is None else batch_size)
        inputs, dtype = trainer.inputs, self.backend.dtype
        check = partial(trainer.check, any_length=bool(carried))
        return Batching(
            inputs, dtype, check, batch_size, bool(carried), chunk_length, self._by_output
        )

    def train_on_batch(
        self,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
        carry_state: bool = False,
    ) -> Any:
        """Take one optimizer step.

        Args:
            x, y, sample_weight, class_weight: a batch, in the form for `fit`.
            return_dict: return a dict by name.
            carry_state: start from the state in which the last batch ended, `carried_state`.

        Returns:
            The loss before the step, or a list of it and the metrics of the batch, or a dict. If
            the loss is not a finite number, no step was taken.
        """
        checks.boolean("carry_state", carry_state)
        checks.boolean("return_dict", return_dict)
        given = self._given(x, y, sample_weight)
        trainer = self._trainer or self._training(given)
        class_weights = self._class_weights(class_weight)
        carried = self._start_carrying(carry_state)
        batch = examples(*given.arrays, trainer.inputs, self.backend.dtype).batch()
        trainer.check(batch, any_length=bool(carried.nodes))
        mean = Mean(trainer.metrics)
        result = trainer.train(batch, carried, class_weights)
        mean.add(result)
        return _returned({**mean.logs(), "loss": result.loss}, as_dict=return_dict)

    def test_on_batch(
        self, x: Any, y: Any, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Return what `evaluate` returns, for data that are one batch.

        Args:
            x, y, sample_weight: a batch, in the form for `fit`.
            return_dict: return a dict by name.
        """
        size = len(self._examples(x, None))
        return self.evaluate(x, y, size, sample_weight=sample_weight, return_dict=return_dict)

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = 0,
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Callback | Sequence[Callback] | None = (),
        return_dict: bool = False,
        carry_state: bool = False,
        chunk_length: int | None = None,
    ) -> Any:
        """Return the mean loss and metrics on data in the form for `fit`.

        Args:
            verbose: 0 prints nothing, anything else the result.
            steps: number of batches; all by default.
            callbacks: callbacks for the batches.
            return_dict: return a dict by name.
            carry_state: as in `fit`, starting from zeros; stateful layers keep their state.

        Returns:
            The loss, or a list of the loss and the metrics, or a dict.
        """
        checks.boolean("carry_state", carry_state)
        checks.boolean("return_dict", return_dict)
        given = self._given(x, y, sample_weight)
        trainer = self._training(given)
        nodes = self.graph.recurrent(stateful=not carry_state)
        batching = self._batching(trainer, batch_size, nodes, carry_state, chunk_length)
        batches = given.read(batching).for_evaluation(batching, "steps", steps)
        carried = Carried(nodes) if carry_state else self._start_carrying(False)
        everyone = listed(() if callbacks is None else callbacks)
        telling = self._telling(everyone, {"steps": batches.steps, "verbose": verbose})
        logs = evaluate(trainer, batches, carried, telling)
        if verbose not in (0, "auto"):
            say("  ".join(f"{key}: {shown(value)}" for key, value in logs.items()))
        return _returned(logs, as_dict=return_dict)

    # ---- int8

    def quantize(self, mode: str = "int8") -> None:
        """Turn weights into int8 numbers, in place: less memory, faster inference, no training.

        The kernels of LSTM, GRU, SimpleRNN and Dense layers and the vectors of an Embedding become
        int8 with a float32 scale for each output; what multiplies a kernel is quantized at each
        step, (Q1) to (Q3) of docs/theory/quantization.md. All else stays as it is, also layers of
        your own: `summary()` says which. Files hold what the model is. Weights that are int8
        already stay so.

        Args:
            mode: "int8".

        Raises:
            InvalidValueError: another mode, or no layer of the model can be int8.
            NotReadyError: the shape of the data is not known yet.

        Source:
            Jacob et al., "Quantization and training of neural networks for efficient
            integer-arithmetic-only inference", 2018; the scales of rows at run time are those of
            PyTorch's `quantize_dynamic`.

        Example:
            >>> import numpy as np
            >>> import lstm
            >>> layers = [lstm.Input((None, 2)), lstm.layers.LSTM(64), lstm.layers.Dense(1)]
            >>> model = lstm.Sequential(layers)
            >>> x = np.random.default_rng(0).normal(size=(1, 9, 2))
            >>> before = model.predict(x)
            >>> model.quantize("int8")
            >>> bool(abs(model.predict(x) - before).max() < 0.01)
            True
        """
        checks.one_of("mode", mode, ("int8",))
        graph = self._ready()
        quantize(graph, self.backend, self.name)
        # What still refers to the old weights would keep them in memory.
        self._passes, self._trainer = {}, None
        self._parameters = Parameters(graph.weights, self.backend)


def _returned(logs: Mapping[str, Any], *, as_dict: bool) -> Any:
    """Return the loss, or a list of the loss and the metrics, or a dict."""
    if as_dict:
        return dict(logs)
    return logs["loss"] if len(logs) == 1 else list(logs.values())
