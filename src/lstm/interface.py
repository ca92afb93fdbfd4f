"""Interface: checks the names that users write: of arguments, and of methods of their own classes.

An argument that does not exist is refused under the name of the called function, with the one that
was meant. (Python blames the base class that it was passed on to, or reports another missing
argument first.) A method that would never be called, because only other libraries call it, is
refused when its class is made. A warning points at the user's line that caused it.
"""

import sys
import warnings
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import fields
from difflib import get_close_matches
from functools import wraps
from inspect import CO_VARARGS, CO_VARKEYWORDS, Parameter, Signature, signature, unwrap
from types import FrameType, FunctionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    TypeVar,
    Unpack,
    cast,
    get_args,
    get_origin,
)

from lstm.errors import InvalidTypeError, LSTMWarning, NoSuchAttributeError

Function = TypeVar("Function", bound=Callable[..., Any])

_SYNONYMS = {
    "alpha": "rho",
    "bias": "use_bias",
    "embedding_dim": "output_dim",
    "eps": "epsilon",
    "hidden_size": "units",
    "init": "kernel_initializer",
    "inner_activation": "recurrent_activation",
    "inner_init": "recurrent_initializer",
    "input_dim": "input_shape",
    "input_length": "input_shape",
    "nb_epoch": "epochs",
    "num_embeddings": "input_dim",
    "out_features": "units",
    "output_dim": "units",
    "p": "rate",
    "padding_idx": "mask_zero",
}
"""Names of arguments in Keras (also in old versions) and in PyTorch, and their names here."""


_ELSEWHERE = {
    "decay": "optimizers.schedules.InverseTimeDecay(rate, 1, decay) is such a learning_rate",
    "dtype": "lstm.use(dtype=...) chooses it for all layers",
    "implementation": "leave it out: the kernels choose",
    "jit_compile": "leave it out: the kernels are compiled",
    "run_eagerly": "leave it out: there is one way to run",
    "unroll": "leave it out: the kernels do not need it",
    "weights": "set_weights sets them",
}
"""Arguments of Keras that have no counterpart, and the alternatives."""


_EITHER = (True, False, 0, 1, None)
_NONE = (False, 0, None)
_OPTIMIZERS = (
    *("SGD", "RMSprop", "Adam", "AdamW", "Adagrad", "Adadelta", "Adamax", "Nadam", "Ftrl", "Lion"),
    "OptimizerState",
)
_RECURRENT = ("LSTM", "GRU", "SimpleRNN", "LSTMCell", "GRUCell", "SimpleRNNCell")
_CROSS_ENTROPIES = (
    *("CategoricalCrossentropy", "SparseCategoricalCrossentropy", "BinaryCrossentropy"),
    *("categorical_crossentropy", "sparse_categorical_crossentropy", "binary_crossentropy"),
    *("CategoricalFocalCrossentropy", "categorical_focal_crossentropy"),
    *("BinaryFocalCrossentropy", "binary_focal_crossentropy"),
)
_ALONG_TIME = (
    *("Conv1D", "Conv1DTranspose", "DepthwiseConv1D", "SeparableConv1D"),
    *("Flatten", "ZeroPadding1D"),
)

_WITHOUT_MEANING: Mapping[str, tuple[Collection[str], Collection[object] | None]] = {
    "aggregation": (("add_weight",), None),
    "auto_scale_loss": (("compile",), _EITHER),
    "autocast": (("__init__", "add_weight"), _EITHER),
    "axis": (_CROSS_ENTROPIES, (-1,)),
    "batch_size": (("TensorBoard",), None),
    "data_format": (_ALONG_TIME, ("channels_last", None)),
    "decay": (_OPTIMIZERS, (0, None)),
    "dpi": (("plot_model",), None),
    "dtype": (("__init__",), (None,)),
    "embeddings_freq": (("TensorBoard",), _NONE),
    "embeddings_metadata": (("TensorBoard",), _NONE),
    "groups": (("Conv1D",), (1,)),
    "ignore_class": (_CROSS_ENTROPIES, (None,)),
    "implementation": (_RECURRENT, (0, 1, 2)),
    "jit_compile": (("compile",), ("auto", *_EITHER)),
    "layer_range": (("plot_model",), _NONE),
    "mask": (("Lambda",), _NONE),
    "max_queue_size": (("fit", "evaluate", "predict"), None),
    "optional": (("Input",), _NONE),
    "output_shape": (("Lambda",), None),
    "period": (("ModelCheckpoint",), (1,)),
    "profile_batch": (("TensorBoard",), _NONE),
    "ragged": (("Input",), _EITHER),
    "run_eagerly": (("compile",), _EITHER),
    "sample_weight_mode": (("compile",), ("temporal", None)),
    "seed": (_RECURRENT, None),
    "sparse": (("Input",), _NONE),
    "splines": (("plot_model",), None),
    "target_tensors": (("compile",), _NONE),
    "tensor": (("Input",), _NONE),
    "time_major": (_RECURRENT, (False, 0)),
    "unroll": ((*_RECURRENT, "RNN"), _EITHER),
    "use_cudnn": (("LSTM", "GRU"), ("auto", *_EITHER)),
    "use_multiprocessing": (("fit", "evaluate", "predict"), _EITHER),
    "weights": (("__init__",), _NONE),
    "workers": (("fit", "evaluate", "predict"), None),
    "write_grads": (("TensorBoard",), _NONE),
    "write_graph": (("TensorBoard",), _EITHER),
    "write_images": (("TensorBoard",), _NONE),
    "write_steps_per_second": (("TensorBoard",), _NONE),
}
"""Arguments of Keras that say how to compute, not what: where they are taken (`__init__` of any
class, some classes, functions), and which values would change no result; None for all of them."""

_CHOSEN: dict[str, Callable[[], object]] = {}
"""For one of these arguments, what returns the value that holds anyway."""


_ALSO = {
    **{"lr": "learning_rate", "path": "filepath", "custom_layers": "custom_objects"},
    "alpha": "negative_slope",
}
"""Other names of arguments that are taken where only the second exists."""


_DESCRIPTIONS = frozenset(
    [
        *("arguments", "get_config", "from_config", "call", "compute_output_shape"),
        *("compute_dtype", "dtype", "output_shape", "variable_dtype"),
    ]
)
"""What describes an object, and has no part in what it computes."""


class Interface:
    """Base of the classes that users make or derive from.

    Only methods of the library are wrapped: a user's class stays as it is written, and the
    arguments that its constructor passes on are checked where they arrive.
    """

    never_called: ClassVar[Mapping[str, str]] = {}
    """Methods that Keras calls and this library does not, and what to write instead: those that
    change what is computed or saved."""

    absent_attributes: ClassVar[Mapping[str, str]] = {}
    """Attributes that objects of Keras have and these do not, and what to use instead."""

    if not TYPE_CHECKING:  # A type checker knows the attributes.

        def __getattr__(self, name: str) -> Any:
            """Say what there is instead of an attribute; otherwise raise again what was raised."""
            if name not in type(self).absent_attributes:
                return object.__getattribute__(self, name)
            instead = type(self).absent_attributes[name]
            raise NoSuchAttributeError(f"{type(self).__name__} has no {name}: {instead}")

    @classmethod
    def translated(cls, given: dict[str, Any], known: Collection[str]) -> dict[str, Any]:
        """Return arguments of a constructor, with those of earlier versions of Keras under today's
        names.

        Args:
            given: the arguments.
            known: those that the constructor has.
        """
        return given

    @classmethod
    def takes(cls, argument: str) -> bool:
        """Whether its constructor takes one of the arguments that it could hand on."""
        return True

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, instead in cls.never_called.items():
            # A user's mixin may define it, too.
            kind = next((kind for kind in cls.__mro__ if name in vars(kind)), cls)
            if name in vars(kind) and not of_library(kind):
                raise InvalidTypeError(
                    f"{cls.__name__}.{name}", instead, "a method that nothing here calls"
                )
        for name, member in list(vars(cls).items()) if of_library(cls) else ():
            function = getattr(member, "__func__", member)
            if isinstance(function, FunctionType) and _is_checked(name, function):
                checked = _spelled(function, cls)
                setattr(cls, name, checked if function is member else type(member)(checked))


class _Unset:
    """Placeholder on a class for an attribute that its constructor sets on each instance."""

    def __get__(self, instance: object, owner: type) -> Any:
        if instance is None:
            return self
        raise InvalidTypeError(
            f"{owner.__name__}.__init__", "super().__init__() in it, before anything else", "none"
        )


def set_by_constructor() -> Any:
    """Return the placeholder on a class for an attribute that the constructor must set."""
    return _Unset()


class computed:  # noqa: N801
    """An attribute that is computed, unless a user's class keeps something under its name.

    So a class may still have a layer that it calls `self.output`.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function
        self.__doc__ = function.__doc__

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else self._function(instance)


def of_library(kind: type) -> bool:
    """Whether a class belongs to this library, not to a user."""
    return kind.__module__.startswith("lstm.")


def library_constructs(kind: type) -> bool:
    """Whether the constructor of a class is one of the library: it takes the same arguments."""
    return of_library(next(base for base in kind.__mro__ if "__init__" in vars(base)))


def overridden(kind: type) -> frozenset[str]:
    """Return the public names of its library base classes that a user's class redefines.

    Attributes that a base class sets in its constructor count, too: a property may replace one.
    """
    library = [base for base in kind.__mro__ if of_library(base)]
    known = {name for base in library for name in (*vars(base), *vars(base).get("_attributes", ()))}
    own = {name for base in kind.__mro__ if not of_library(base) for name in vars(base)}
    return frozenset(name for name in known & own if not name.startswith("_"))


def overrides_computation(kind: type) -> bool:
    """Return whether a user's class redefines more of the library than its description.

    What is traced, `call`, is computed by the library.
    """
    return not overridden(kind) <= _DESCRIPTIONS


def promises(kind: type, shortcut: str, *methods: str) -> bool:
    """Whether a shortcut still returns the same as some methods of a class.

    A class that defines a shortcut promises this for its own methods. A derived class that
    redefines one of the methods, but not the shortcut, computes something else.
    """

    def place(name: str) -> int:
        return next(k for k, base in enumerate(kind.__mro__) if name in vars(base))

    return all(place(shortcut) <= place(method) for method in methods)


def chosen_elsewhere(argument: str, chosen: Callable[[], object]) -> None:
    """Take an argument of Keras that would change no result also where it is what `chosen` returns.

    Args:
        argument: its name.
        chosen: returns the value that holds at the time of the call.
    """
    _CHOSEN[argument] = chosen


def spelled(function: Function) -> Function:
    """Return a function that refuses unknown arguments, and names the closest known one."""
    return cast(Function, _spelled(cast(FunctionType, function), None))


def warn(message: str, category: type[LSTMWarning] = LSTMWarning) -> None:
    """Warn the user, at the place in the user's program that called the library."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and _in_library(frame):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _in_library(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__")  # Code that is run as a string may have none.
    return isinstance(name, str) and name.partition(".")[0] == "lstm"


def refuse_unknown(callee: str, given: Collection[str], known: Collection[str]) -> None:
    """Check that `callee` has all arguments that are passed by name.

    Raises:
        InvalidTypeError: one of them is not in `known`.
    """
    for name in given:
        if name not in known:
            hint = _hint(name, known)
            choices = (
                f"one of the arguments {', '.join(known)}" if known else "no arguments by name"
            )
            raise InvalidTypeError(callee, choices + (f" ({hint})" if hint else ""), repr(name))


def _hint(name: str, known: Collection[str]) -> str:
    """Return which argument was probably meant, if one is close."""
    meant = _SYNONYMS.get(name)
    if meant not in known:
        if name in _ELSEWHERE:
            return _ELSEWHERE[name]
        in_lower_case = {other.lower(): other for other in known}
        close = get_close_matches(name.lower(), in_lower_case, n=1)
        meant = in_lower_case[close[0]] if close else None
    return f"did you mean {meant!r}?" if meant else ""


def _spelled(function: FunctionType, owner: type | None) -> Callable[..., Any]:
    known = frozenset(_arguments(function)[0])

    @wraps(function)
    def checked(*args: Any, **given: Any) -> Any:
        if not given.keys() <= known:
            given = _with_meaning(function, args, given, known)
        if not given.keys() <= known:
            callee, names = _called(function, owner, args)
            refuse_unknown(callee, given, names)
        return function(*args, **given)

    if owner is not None and function.__name__ == "__init__":
        vars(checked)["__signature__"] = _whole_signature(function, owner)
    return checked


def _with_meaning(
    function: FunctionType, args: tuple[Any, ...], given: dict[str, Any], known: Collection[str]
) -> dict[str, Any]:
    """Return the arguments under their names here, without those that would change no result."""
    made = type(args[0]).__mro__ if function.__name__ == "__init__" else ()
    if made:
        given = type(args[0]).translated(given, known)
    callee = {function.__name__, *(kind.__name__ for kind in made)}
    given = {
        _ALSO[name] if name not in known and _ALSO.get(name) in {*known} - {*given} else name: value
        for name, value in given.items()
    }

    def means_nothing(name: str, value: Any) -> bool:
        callees, values = _WITHOUT_MEANING.get(name, ((), ()))
        if name in known or callee.isdisjoint(callees):
            return False
        if values is None or not isinstance(value, Hashable):
            return values is None
        return value in values or (name in _CHOSEN and value == _CHOSEN[name]())

    return {name: value for name, value in given.items() if not means_nothing(name, value)}


def _whole_signature(function: FunctionType, owner: type) -> Signature:
    """Return the signature of a constructor, including arguments that it passes on by name."""
    own = signature(function)
    *named, last = own.parameters.values()
    if get_origin(last.annotation) is not Unpack:
        return own
    *bases, _ = owner.__mro__[1:]  # The last is `object`.
    constructors = (vars(kind).get("__init__") for kind in reversed(bases))
    taken = (signature(constructor).parameters for constructor in constructors if constructor)
    known = {name: argument for arguments in taken for name, argument in arguments.items()}
    handed_on = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=known[name].default, annotation=kind)
        for name, kind in get_args(last.annotation)[0].__annotations__.items()
        if owner.takes(name)  # type: ignore[attr-defined]
    ]
    return own.replace(parameters=[*named, *handed_on])


def _is_checked(name: str, function: FunctionType) -> bool:
    """Whether the arguments of a method are known, and some are optional."""
    defaults = function.__defaults__ or function.__kwdefaults__
    optional = defaults or function.__code__.co_flags & CO_VARKEYWORDS or name == "__init__"
    public = name in ("__init__", "__call__") or not name.startswith("_")
    return bool(public and optional) and not _arguments(function)[1]


def _arguments(function: FunctionType) -> tuple[list[str], bool]:
    """Return the arguments that a function accepts by name, and whether it accepts others, too.

    The arguments that it passes on are known if it declares them: `**options: Unpack[Keys]`, a
    TypedDict, or `**options: Annotated[Any, Options]`, dataclasses that it instantiates.
    """
    code = function.__code__
    count = code.co_argcount + code.co_kwonlyargcount
    named = code.co_varnames[code.co_posonlyargcount : count]
    names = [name for name in named if name not in ("self", "cls")]
    if not code.co_flags & CO_VARKEYWORDS:
        return names, False
    others = code.co_varnames[count + bool(code.co_flags & CO_VARARGS)]
    annotation = function.__annotations__.get(others)
    if get_origin(annotation) is Unpack:
        return names + list(get_args(annotation)[0].__annotations__), False
    if get_origin(annotation) is Annotated:
        kinds = get_args(annotation)[1:]
        return names + [field.name for kind in kinds for field in fields(kind)], False
    return names, True


def _called(
    function: FunctionType, owner: type | None, args: tuple[Any, ...]
) -> tuple[str, list[str]]:
    """Return the called function as users write it, and the arguments that it accepts."""
    names, name = _arguments(function)[0], function.__name__
    if owner is None:
        return f"{name}()", names
    receiver = args[0] if args else owner
    kind = receiver if isinstance(receiver, type) else type(receiver)
    if name != "__init__":
        called = (kind if issubclass(kind, owner) else owner).__name__
        return (f"call of {called}" if name == "__call__" else f"{called}.{name}()"), names
    handed_on: list[str] = []
    for base in kind.__mro__:
        if base is owner:
            taken = filter(kind.takes, [*handed_on, *names])  # type: ignore[attr-defined]
            return f"{kind.__name__}()", list(dict.fromkeys(taken))
        if "__init__" in vars(base):
            own, others = _arguments(unwrap(vars(base)["__init__"]))
            handed_on += own
            if not others:
                break
    return f"{owner.__name__}.__init__()", names
