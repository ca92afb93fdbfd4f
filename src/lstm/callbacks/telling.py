"""CallbackList: callbacks that receive the same events."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from difflib import get_close_matches
from typing import Any, TypeVar

from numpy.typing import NDArray

from lstm import checks
from lstm.callbacks.base import HOOKS, Callback, Contents, Logs, Tensors, Trainable
from lstm.container import under
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.interface import promises

Kind = TypeVar("Kind", bound=Callback)

_SAME = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


class CallbackList:
    """Callbacks that receive the same events. Only those that listen are called.

    Args:
        callbacks: the callbacks, in order of calls.
        model: the model that they see.
        params: the parameters that they receive first.

    Attributes:
        last_logs: the logs for `on_train_end`.

    Raises:
        InvalidTypeError: one of them is not a `Callback`.
        InvalidValueError: one has a method that looks like a misspelled hook.
    """

    def __init__(
        self, callbacks: Sequence[Callback], model: Trainable, params: Mapping[str, Any]
    ) -> None:
        for callback in callbacks:
            if not isinstance(callback, Callback):
                raise InvalidTypeError("callbacks", "Callbacks", type(callback).__name__)
            _check_hooks(callback)
        self._callbacks = list(callbacks)
        self.last_logs: Logs = {}
        for callback in callbacks:
            callback.set_model(model)
            callback.set_params(dict(params))
        found = {hook: [_listener(callback, hook) for callback in callbacks] for hook in HOOKS}
        self._listeners = {hook: [f for f in some if f is not None] for hook, some in found.items()}

    @property
    def every_batch(self) -> bool:
        """Whether a callback has to hear of every batch of training."""
        return any(
            not _is_content(callback) and _listener(callback, hook) is not None
            for callback in self._callbacks
            for hook in _SAME
        )

    def listen(self, hook: str) -> bool:
        """Whether a callback listens to this event."""
        return bool(self._listeners[hook])

    def tell(self, hook: str, *news: Any) -> None:
        """Call all callbacks that listen."""
        for listener in self._listeners[hook]:
            listener(*news)

    def only(self, kind: type[Kind]) -> Kind | None:
        """Return the one of a kind, if there is one.

        Raises:
            InvalidValueError: there are several.
        """
        found = [callback for callback in self._callbacks if isinstance(callback, kind)]
        if len(found) > 1:
            raise InvalidValueError("callbacks", f"one {kind.__name__}", len(found))
        return found[0] if found else None

    @property
    def remembering(self) -> list[Callback]:
        """Return the callbacks that remember something during training."""
        return [one for one in self._callbacks if type(one).contents is not Callback.contents]

    def contents(self) -> Contents:
        """Return what all of them remember."""
        tensors: dict[str, NDArray[Any]] = {}
        headers = []
        for k, callback in enumerate(self.remembering):
            match callback.contents():
                case (Mapping() as arrays, Mapping() as header):
                    pass
                case other:
                    argument = f"contents of {type(callback).__name__}"
                    expected = "(arrays by name, JSON values by name)"
                    raise InvalidTypeError(argument, expected, checks.summary(other))
            tensors |= {f"{k}/{name}": array for name, array in arrays.items()}
            headers.append(header)
        return tensors, {"callbacks": headers}

    def restore(self, tensors: Tensors, header: Mapping[str, Any]) -> None:
        """Restore the result of `contents` to callbacks of the same classes."""
        headers = header["callbacks"]
        for k, (callback, values) in enumerate(zip(self.remembering, headers, strict=True)):
            callback.restore(under(f"{k}/", tensors), values)

    @contextmanager
    def training(self) -> Iterator[None]:
        """Training in the `with` block: closes files and resets the terminal even after Ctrl-C."""
        begun: list[Callback] = []
        try:
            for callback in self._callbacks:
                callback.on_train_begin({})
                begun.append(callback)
            yield
        finally:
            with ExitStack() as ends:
                for callback in reversed(begun):
                    ends.callback(self._end, callback)

    def _end(self, callback: Callback) -> None:
        callback.on_train_end(self.last_logs)


def _listener(callback: Callback, hook: str) -> Callable[..., Any] | None:
    """Return what to call at an event; None if the callback does not listen to it."""
    for name in (hook, _SAME.get(hook, hook)):
        method = getattr(callback, name)
        if getattr(method, "__func__", None) is not getattr(Callback, name):
            return method
    return None


def _is_content(callback: Callback) -> bool:
    """Whether the last of several batches is enough, as the class says that defines the hooks."""
    hooks = (*_SAME, *_SAME.values())
    own = any(hook in vars(callback) for hook in hooks)
    return not callback.every_batch and promises(type(callback), "every_batch", *hooks) and not own


def _check_hooks(callback: Callback) -> None:
    """Refuse methods that look like hooks but would never be called."""
    for name in dir(callback):
        if name.startswith("on_") and name not in HOOKS:
            meant = get_close_matches(name, HOOKS, n=1, cutoff=0.8)
            if meant:
                raise InvalidValueError(
                    f"method of {type(callback).__name__}", f"{meant[0]}, which is called", name
                )
