"""LambdaCallback: functions as a callback."""

from collections.abc import Callable
from typing import Any

from lstm.callbacks.base import HOOKS, Callback
from lstm.errors import InvalidTypeError
from lstm.interface import refuse_unknown


class LambdaCallback(Callback):
    """Call functions at the events that they are named after.

    Args:
        functions: functions by the name of a method of `Callback`, such as `on_train_begin(logs)`,
            `on_epoch_end(epoch, logs)`, `on_train_batch_end(batch, logs)`.

    Example:
        >>> import lstm
        >>> callback = lstm.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch))
        >>> callback.on_epoch_end(3, {})
        3
    """

    def __init__(self, **functions: Callable[..., Any] | None) -> None:
        for name, function in functions.items():
            refuse_unknown("LambdaCallback()", [name], HOOKS)
            if function is not None and not callable(function):
                raise InvalidTypeError(name, "a function", repr(function))
            if function is not None:
                setattr(self, name, function)
