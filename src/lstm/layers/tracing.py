"""Tracing: the `call` of a composite layer runs once, on symbolic tensors, to make nodes."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from lstm import checks
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.layers.definition import Definition
from lstm.layers.symbolic import Call, SymbolicTensor, at_once

scope = ContextVar[tuple[Call, ...]]("scope", default=())
"""The calls of composite layers that this thread is tracing, outermost first."""


_decided = ContextVar[bool | None]("decided", default=None)
"""Whether the layers that are called train in every pass, because a call around them says so."""


@contextmanager
def undecided() -> Iterator[None]:
    """Make nodes in the `with` block that train as the model does, wherever it is."""
    tokens = _decided.set(None), at_once.set(False)
    try:
        yield
    finally:
        _decided.reset(tokens[0])
        at_once.reset(tokens[1])


@contextmanager
def computing_at_once(value: bool) -> Iterator[None]:
    """Compute at once in the `with` block, also of weights alone; or do not."""
    token = at_once.set(value)
    try:
        yield
    finally:
        at_once.reset(token)


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
        with undecided():
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


@contextmanager
def deciding(training: object) -> Iterator[None]:
    """Let layers that are called in the `with` block train, or not, in every pass.

    Args:
        training: True or False; None, or what is not decided, leaves the choice as it is.
    """
    choice = _choice(training)
    token = None if choice is None else _decided.set(choice)
    try:
        yield
    finally:
        if token is not None:
            _decided.reset(token)


def decided(training: object = None) -> bool | None:
    """Return whether a layer that is called now trains in every pass; None: as the model does.

    Args:
        training: what its own call says, if anything.
    """
    choice = _choice(training)
    return _decided.get() if choice is None else choice


def _choice(training: object) -> bool | None:
    if training is None or isinstance(training, Undecided):
        return None
    return checks.boolean("training", training)


def shapes_of(tensors: Any) -> Any:
    """Return the shape of a tensor, or of several, in the form for `build`."""
    if isinstance(tensors, list | tuple):
        return [shapes_of(tensor) for tensor in tensors]
    if isinstance(tensors, np.ndarray):
        return None, *tensors.shape[1:]
    return tensors.shape if isinstance(tensors, SymbolicTensor) else None
