"""Tracing: the `call` of a composite layer runs once, on symbolic tensors, to make nodes."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.layers.definition import Definition
from lstm.layers.symbolic import Call, SymbolicTensor

scope = ContextVar[tuple[Call, ...]]("scope", default=())
"""The calls of composite layers that this thread is tracing, outermost first."""


@contextmanager
def within(call: Call) -> Iterator[None]:
    """Record that the nodes made in the `with` block belong to `call`."""
    token = scope.set((*scope.get(), call))
    try:
        yield
    finally:
        scope.reset(token)


@contextmanager
def outside() -> Iterator[None]:
    """Make nodes in the `with` block that belong to no call, wherever it is."""
    token = scope.set(())
    try:
        yield
    finally:
        scope.reset(token)


@contextmanager
def building(layer: Definition) -> Iterator[None]:
    """Count a layer as built from now on, unless that fails."""
    layer.built = True
    try:
        yield
    except BaseException:  # Including Ctrl-C.
        layer.built = False
        raise


def check_kept(layer: Definition) -> None:
    """Refuse a layer with new weights in a repeated `call`: nothing would have trained them.

    Raises:
        InvalidValueError: a composite layer, called before, makes the layer in its `call`.
    """
    for outer in (call.layer for call in scope.get()):
        if outer.was_called and layer not in outer.all_parts():
            raise InvalidValueError(
                f"call of {type(outer).__name__}",
                f"the layers that {outer.called} keeps in attributes, because `call` runs again "
                f"(make {type(layer).__name__} in __init__, and call it here)",
                f"a new {type(layer).__name__}, with new weights",
            )


class Undecided:
    """The value of `training` in `call`, which runs once, before this is known."""

    def __bool__(self) -> bool:
        raise InvalidTypeError(
            "training",
            "to be passed on to a layer, such as Dropout(0.5)(x, training=training): `call` runs "
            "only once, for training and prediction alike",
            "a branch on it",
        )


UNDECIDED = Undecided()


def no_choice(training: object) -> None:
    """Refuse to decide in a call whether a layer trains: that depends on how the model is run."""
    if training is not None and not isinstance(training, Undecided):
        raise InvalidValueError(
            "training", "None: only fit and train_on_batch train", repr(training)
        )


def shapes_of(tensors: Any) -> Any:
    """Return the shape of a tensor, or of several, in the form for `build`."""
    if isinstance(tensors, list | tuple):
        return [shapes_of(tensor) for tensor in tensors]
    if isinstance(tensors, np.ndarray):
        return None, *tensors.shape[1:]
    return tensors.shape if isinstance(tensors, SymbolicTensor) else None
