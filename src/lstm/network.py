"""LSTMNetwork: one LSTM layer and one output layer behind a single class."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from os import PathLike
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lstm import checks, losses, seeding, storage
from lstm.callbacks import Callback, History, Logs
from lstm.configured import Configured
from lstm.errors import (
    DivergedError,
    InvalidShapeError,
    InvalidTypeError,
    InvalidValueError,
    naming,
)
from lstm.initializers import RandomNormal
from lstm.layers import LSTM, Dense, Input
from lstm.losses import CategoricalCrossentropy, Loss
from lstm.models import Model, Sequential
from lstm.models.columns import check_one_reading
from lstm.optimizers import SGD, Adam, Optimizer
from lstm.terminal import say

Values = NDArray[Any]

_LOSSES = ("mse", "cross_entropy", "binary_crossentropy", "mae", "huber")
_DESCRIPTION = (
    "input_size",
    "hidden_size",
    "output_size",
    "loss",
    "apply_softmax",
    "batch_size",
)
"""The arguments that do not describe the model."""

_CALLBACK_EVERY = 10
_DATASET_EVERY = 30


class LSTMNetwork(Configured):
    """A network that reads a sequence and returns an output at every step.

    An LSTM layer of `hidden_size` units and a linear or softmax layer on top, trained by full
    backpropagation through time.

    With "cross_entropy" and `input_size=1`, the number k / n at each step stands for class k of n =
    `output_size`. Each gate unit then starts with its own slope and threshold: the kernel is
    `RandomNormal(stddev=0.6 * n)`, and the bias `Thresholds` in [0, 1).

    Args:
        input_size: numbers read at each step, D.
        hidden_size: units of the LSTM, H.
        output_size: numbers returned at each step, O.
        loss: "mse", "cross_entropy", "binary_crossentropy", "mae" or "huber".
        apply_softmax: whether the outputs are probabilities of `output_size` classes. With
            "cross_entropy" and False they are logits; with "binary_crossentropy" and False each is
            a separate probability.
        optimizer: "adam", "sgd" (plain gradient descent) or an Optimizer; its learning rate is set
            by `train`. With the two names, the norm of the gradient is clipped at 1.
        batch_size: sequences in a step; 1 steps after each sequence.
        seed: makes initial weights and the order of the sequences reproducible.

    Attributes:
        model: the `Sequential` that does the work.

    Example:
        >>> import numpy as np
        >>> import lstm
        >>> network = lstm.LSTMNetwork(1, 8, 5, loss="cross_entropy", apply_softmax=True, seed=0)
        >>> network.predict([0.1, 0.2, 0.3]).shape
        (3, 5)
        >>> network.predict(np.zeros((4, 3, 1))).shape
        (4, 3, 5)
    """

    model: Model

    set_elsewhere: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("optimizer", "seed"),
        "an argument of the constructor only (compile `model` for another optimizer)",
    )

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        loss: str = "mse",
        apply_softmax: bool = False,
        optimizer: str | Optimizer = "adam",
        batch_size: int = 32,
        seed: int | None = None,
    ) -> None:
        self._describe(input_size, hidden_size, output_size, loss, apply_softmax, batch_size)
        alone = "sigmoid" if loss == "binary_crossentropy" else None
        classes = loss == "cross_entropy" and input_size == 1
        with seeding.seeded(seed):
            self.model = Sequential(
                [
                    Input((None, input_size)),
                    LSTM(
                        hidden_size,
                        kernel_initializer=RandomNormal(stddev=0.6 * output_size)
                        if classes
                        else "glorot_uniform",
                        bias_initializer="thresholds" if classes else "zeros",
                        return_sequences=True,
                    ),
                    Dense(output_size, activation="softmax" if apply_softmax else alone),
                ]
            )
            self.model.compile(_optimizer(optimizer), self._loss)

    def arguments(self) -> dict[str, Any]:
        """Return the arguments that do not describe the model."""
        return {key: getattr(self, key) for key in _DESCRIPTION}

    def _usual(self, needed: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**needed, **self._defaults}  # Without a model.

    def _set_again(self, name: str, value: Any) -> None:
        other = object.__new__(LSTMNetwork)
        other._describe(**{**self.arguments(), name: value})
        if name != "batch_size" and getattr(other, name) != getattr(self, name):
            expected = f"{getattr(self, name)!r}, with which the model was made"
            raise InvalidValueError(name, expected, repr(value))
        vars(self)[name] = getattr(other, name)

    def _describe(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        loss: str,
        apply_softmax: bool,
        batch_size: int,
    ) -> None:
        """Set everything except the model."""
        self.input_size = checks.positive_int("input_size", input_size)
        self.hidden_size = checks.positive_int("hidden_size", hidden_size)
        self.output_size = checks.positive_int("output_size", output_size)
        self.loss = checks.one_of("loss", loss, _LOSSES)
        self.apply_softmax = checks.boolean("apply_softmax", apply_softmax)
        self.batch_size = checks.positive_int("batch_size", batch_size)
        self._loss: Loss = (
            CategoricalCrossentropy(from_logits=not apply_softmax)
            if loss == "cross_entropy"
            else losses.get(loss)
        )

    def train(
        self,
        X: Any,
        Y: Any,
        epochs: int,
        learning_rate: float,
        periodic_callback: Callable[[], Any] | None = None,
        new_dataset: Callable[[], tuple[Any, Any]] | None = None,
        decay_rate: float = 0.0001,
        verbose: int = 1,
    ) -> History:
        """Train the network.

        Args:
            X: sequences (N, T) or (N, T, D), or a list of sequences of any lengths.
            Y: the target for each step of X: (N, T, O), columns (N, T, O, 1), for "cross_entropy"
                also classes (N, T); or a list of such sequences.
            epochs: passes over the data.
            learning_rate: size of the first steps.
            periodic_callback: called before training and after every 10th epoch.
            new_dataset: called after every 30th epoch; returns the X and Y to continue with.
            decay_rate: in epoch n the learning rate is learning_rate / (1 + decay_rate·n).
            verbose: 1 prints epoch, loss and learning rate, 0 nothing.

        Returns:
            The record of the losses by epoch.

        Raises:
            InvalidShapeError, InvalidValueError, InvalidTypeError: data or arguments do not fit.
            DivergedError: the loss became infinite; the weights are the last good ones.
        """
        checks.int_at_least("epochs", epochs, 0)
        checks.number("learning_rate", learning_rate, 0, open_low=True)
        checks.number("decay_rate", decay_rate, 0)
        checks.one_of("verbose", verbose, (0, 1))
        for name, function in (
            ("periodic_callback", periodic_callback),
            ("new_dataset", new_dataset),
        ):
            if function is not None and not callable(function):
                raise InvalidTypeError(name, "a function", repr(function))
        inputs, targets = self._sequences(X), self._targets(Y)
        history = History()
        if periodic_callback is not None:
            periodic_callback()
        routine = _Routine(learning_rate, decay_rate, periodic_callback, verbose)
        stretch = epochs if new_dataset is None else _DATASET_EVERY
        for start in range(0, epochs, max(1, stretch)):
            if start and new_dataset is not None:
                X, Y = _pair(new_dataset())
                inputs, targets = self._sequences(X), self._targets(Y)
            with _named(x="X", y="Y"):
                self.model.fit(
                    inputs,
                    targets,
                    batch_size=self.batch_size,
                    epochs=min(epochs, start + stretch),
                    initial_epoch=start,
                    verbose=0,
                    callbacks=[routine, history],
                )
        return history

    def predict(self, X: Any) -> Any:
        """Return the outputs at every step.

        Args:
            X: one sequence, (T,) or (T, D); a batch (N, T, D); or a list of sequences of different
                lengths. If D = 1, an array (N, T) is also a batch, unless T = 1.

        Returns:
            (T, O) for one sequence, (N, T, O) for a batch, a list of (T, O) for a list of
            sequences of different lengths.
        """
        if _is_ragged(X):
            with _named(x="X"):
                return self.model.predict(self._inputs(X), batch_size=self.batch_size)
        x = _array("X", X)
        single = x.ndim < 2 or (x.ndim == 2 and x.shape[-1] == self.input_size)
        if single:
            x = x.reshape(1, len(x) if x.ndim else 1, -1)
        with _named(x="X"):
            y = self.model.predict(self._inputs(x), batch_size=max(self.batch_size, 32))
        return y[0] if single else y

    def loss_function(self, Y_pred: Any, Y_true: Any) -> float:
        """Return the mean loss over the steps of one sequence.

        Args:
            Y_pred: outputs, (T, O), or a list of columns (O, 1).
            Y_true: targets in one of these forms, or for "cross_entropy" classes (T,).
        """
        backend = self.model.backend
        y = self._columns("Y_pred", Y_pred).astype(backend.dtype)
        checks.shape("Y_pred", y.shape, (None, self.output_size))
        with _named(y="Y_true"):
            target = self._columns("Y_true", Y_true)
            self._loss.check(target, y.shape)
        ops, target = backend.ops, self._loss.target(target, y.shape, backend.dtype)
        return self._loss.forward(ops, ops.array(y), ops.array(target), None)[0]

    def dataset_loss(self, X: Any, Y: Any) -> float:
        """Return the mean loss over all steps of sequences, in the forms that `train` accepts."""
        with _named(x="X", y="Y"):
            return float(self.model.evaluate(self._inputs(X), self._targets(Y)))

    def quantize(self, mode: str = "int8") -> None:
        """Turn the weights into int8 numbers, in place; see `Model.quantize`."""
        self.model.quantize(mode)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the network to one `.safetensors` file, in one step.

        Raises:
            ModelFileError: the file cannot be written; an existing file stays unchanged.
            InvalidValueError: an attribute was set to a value that the constructor refuses.
        """
        file = storage.own_format("path", path)
        LSTMNetwork._described(self.arguments(), self.model)
        tensors, header = self.model.contents(include_optimizer=True)
        described = {"network": self.get_config(), **header}
        storage.write(file, tensors, {"kind": "network", **described})

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "LSTMNetwork":
        """Read a network that `save` wrote.

        Raises:
            ModelFileError: the file is missing, damaged or of another kind.
        """
        with storage.reading(path, ("network",)) as (tensors, header):
            network = cls._described(header["network"], Model.from_contents(tensors, header))
        if "compile" not in header:
            # An optimizer of a user's class cannot be rebuilt from a file.
            network.model.compile(_optimizer("adam"), network._loss)
        return network

    @classmethod
    def _described(cls, arguments: Mapping[str, Any], model: Model) -> "LSTMNetwork":
        """Return a network with this description, around a model that fits it.

        Raises:
            InvalidValueError: an argument cannot be used, or the model has other sizes.
        """
        network = cls.__new__(cls)
        network._describe(**arguments)
        network.model = model
        (*_, read), (*_, given) = model.graph.inputs[0].shape, model.graph.outputs[0].shape
        found = {
            "input_size": read,
            "hidden_size": getattr(next(iter(model.graph.layers.values())), "units", None),
            "output_size": given,
        }
        for key, size in found.items():
            if arguments[key] != size:
                raise InvalidShapeError(key, f"{size}, as in the model", arguments[key])
        return network

    def _sequences(self, X: Any) -> Any:
        """Return X like `_inputs`, if it is not one sequence."""
        if self.input_size == 1 and not _is_ragged(X):
            check_one_reading("X", np.shape(X))
        return self._inputs(X)

    def _inputs(self, X: Any) -> Any:
        """Return X as an array (N, T, D), or as a list of arrays (T, D)."""
        if _is_ragged(X):
            return [self._steps(f"X[{k}]", sequence) for k, sequence in enumerate(X)]
        x = _array("X", X)
        if x.ndim == 4 and x.shape[-1] == 1:
            x = x[..., 0]
        if x.ndim == 2 and self.input_size == 1:
            x = x[..., None]
        checks.shape("X", x.shape, (None, None, self.input_size))
        return x

    def _steps(self, argument: str, sequence: Any) -> Values:
        x = _array(argument, sequence)
        x = x.reshape(len(x), -1)
        checks.shape(argument, x.shape, (None, self.input_size))
        return x

    def _targets(self, Y: Any) -> Any:
        """Return Y as an array (N, T, O) or (N, T), or as a list of arrays (T, O) or (T,)."""
        if _is_ragged(Y):
            return [self._columns(f"Y[{k}]", sequence) for k, sequence in enumerate(Y)]
        y = _array("Y", Y)
        if y.ndim == 4 and y.shape[-1] == 1:
            y = y[..., 0]
        if y.ndim == 2 and self.output_size == 1:
            y = y[..., None]
        return y

    def _columns(self, argument: str, sequence: Any) -> Values:
        """Return targets of one sequence as (T, O); classes (T,) stay unchanged."""
        y = _array(argument, sequence)
        if y.ndim == 3 and y.shape[-1] == 1:
            y = y[..., 0]
        if y.ndim == 1 and self.output_size == 1:
            y = y[:, None]
        if y.ndim not in (1, 2):
            raise InvalidShapeError(argument, f"shape (T, {self.output_size})", y.shape)
        return y


class _Routine(Callback):
    """The actions at the start and end of epochs."""

    every_batch = False

    def __init__(
        self,
        learning_rate: float,
        decay_rate: float,
        periodic_callback: Callable[[], Any] | None,
        verbose: int,
    ) -> None:
        self._learning_rate = learning_rate
        self._decay_rate = decay_rate
        self._periodic_callback = periodic_callback
        self._verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        rate = self._learning_rate / (1 + self._decay_rate * (epoch + 1))
        self.model.optimizer.learning_rate = rate

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        if not math.isfinite(logs["loss"]):
            raise DivergedError(
                "the loss is no longer a finite number: lower learning_rate, which is "
                f"{self._learning_rate:g}"
            )

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self._verbose:
            rate = self.model.optimizer.learning_rate
            say(f"Epoch {epoch + 1}, Loss: {logs['loss']:.6f}, LR: {rate:.6f}")
        if self._periodic_callback is not None and (epoch + 1) % _CALLBACK_EVERY == 0:
            self._periodic_callback()


_OPTIMIZERS: Mapping[str, Callable[[], Optimizer]] = {
    "adam": lambda: Adam(global_clipnorm=1.0),
    "sgd": lambda: SGD(global_clipnorm=1.0),
}


def _optimizer(spec: str | Optimizer) -> Optimizer:
    if isinstance(spec, Optimizer):
        return spec
    return _OPTIMIZERS[checks.one_of("optimizer", spec, _OPTIMIZERS)]()


def _pair(data: Any) -> tuple[Any, Any]:
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise InvalidTypeError("new_dataset", "a function that returns (X, Y)", f"{data!r:.40}")
    X, Y = data
    return X, Y


def _named(**names: str) -> AbstractContextManager[None]:
    """Let errors name the arguments of this class instead of those of the model."""

    def called(argument: str) -> str | None:
        name, bracket, index = argument.partition("[")
        return names[name] + bracket + index if name in names else None

    return naming(called)


def _is_ragged(sequences: Any) -> bool:
    """Whether these are sequences of different lengths."""
    return (
        isinstance(sequences, list | tuple)
        and all(isinstance(s, Sequence | np.ndarray) and np.ndim(s[:1]) for s in sequences)
        and len({len(sequence) for sequence in sequences}) > 1
    )


def _array(argument: str, values: Any) -> Values:
    array = checks.numbers(argument, values)
    if not array.size:
        raise InvalidShapeError(argument, "at least one step", "none")
    return array
