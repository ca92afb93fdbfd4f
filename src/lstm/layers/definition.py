"""Definition: what a layer is made with: its arguments, its weights and the layers inside it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import signature
from itertools import count
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lstm import checks
from lstm.backends import backend as choose_backend
from lstm.backends.contract import Array
from lstm.configured import members
from lstm.constraints import Constraint
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.initializers import Initializer
from lstm.interface import set_by_constructor
from lstm.layers.computation import Computation
from lstm.layers.drawing import drawn
from lstm.layers.naming import Names, joined
from lstm.layers.options import LayerOptions
from lstm.layers.penalties import Regularizer
from lstm.layers.rules import Shape, promised, refuse_weight
from lstm.layers.weight import Weight

Source = Callable[[str, Sequence[int]], NDArray[Any]]
"""Returns the first values of a weight for its name and shape."""

_serials = count(1)


class Definition(Computation):
    """A layer without its place in a graph; `Layer` adds calls.

    Args:
        name: base of the names of its weights.
        trainable: False freezes its weights.
    """

    own_weights: dict[str, Weight] = set_by_constructor()
    call_weights: list["Definition"] = set_by_constructor()
    """The Variables that `add_weight` made, of a layer with `call`."""
    _trainable: bool = set_by_constructor()
    _built: bool = set_by_constructor()
    state: ClassVar[tuple[str, ...]] = (
        *("own_weights", "call_weights", "weight_source", "was_called", "first_call", "serial"),
        *("_trainable", "_built"),
    )

    never_called: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("load_assets", "load_own_variables", "save_assets", "save_own_variables"),
        "arguments of the constructor, by get_config, and weights of add_weight: files keep these",
    )

    of_every_layer: ClassVar[tuple[str, ...]] = ("name", "trainable", "input_shape")
    """Arguments that every layer of a kind has."""

    checked: ClassVar[Mapping[str, Any]] = {"name": checks.name}  # Nothing else follows from it.

    fixed_arguments: ClassVar[tuple[str, ...]] = ()
    """Arguments that determine weights or shapes: they cannot change once the layer was called."""

    activity_regularizer: Regularizer | None = None
    weight_options: ClassVar[tuple[str, ...]] = ("activity_regularizer",)
    """The arguments for regularizers and constraints."""
    passed_on: ClassVar[tuple[str, ...]] = ("batch_input_shape",)
    """Arguments that no attribute keeps, because another argument has their effect."""

    input_shape: tuple[int | None, ...] | None = None
    """The declared shape of the data without the batch axis, if any."""

    weight_source: Source | None = None
    """Returns existing weights for "layer/weight" and a shape."""
    was_called = False
    """Whether its `call` has already made nodes."""

    serial = 0
    """A number that grows from layer to layer, in the order in which they are made."""

    first_call: Any = None
    """Its first call, a Node or a Call, that no composite layer around it made."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        common = LayerOptions.__annotations__
        own = (name for name in cls._names if name not in (*common, *cls.passed_on))
        cls._names = (*own, *cls.weight_options, *cls.of_every_layer)
        unused = {*cls.passed_on} | common.keys() - {*cls._names}
        cls._attributes = tuple(k for k in cls._attributes if k not in unused)

    @classmethod
    def takes(cls, argument: str) -> bool:
        # Regularizers and constraints are arguments of the layers with such weights.
        options = LayerOptions.__annotations__.keys() - {*cls.passed_on, *cls.of_every_layer}
        return argument in cls.weight_options or argument not in options

    def __init__(self, name: str, trainable: bool = True) -> None:
        self.name = checks.name("name", name)
        self.serial = next(_serials)
        self.own_weights = {}
        self.call_weights = []
        self.trainable = trainable
        self._built = False

    # ---- arguments

    @property
    def called(self) -> str:
        return self.name

    def arguments(self) -> dict[str, Any]:
        found = super().arguments()
        found.pop("input_shape", None)  # The file of a model holds its effect on the model.
        unused = {name for name in self.weight_options if found[name] is None}
        return {name: value for name, value in found.items() if name not in unused}

    @classmethod
    def made_with(cls, arguments: Mapping[str, Any]) -> Self:
        taken = signature(cls).parameters.values()
        if any(p.kind is p.VAR_KEYWORD for p in taken):
            return cls(**arguments)
        # A constructor need not pass on the arguments that every layer accepts.
        options = {"name", "trainable"} & arguments.keys() - {p.name for p in taken}
        layer = cls(**{key: value for key, value in arguments.items() if key not in options})
        for key in options:
            setattr(layer, key, arguments[key])
        return layer

    def _with(self, name: str, value: Any) -> Self:
        arguments = {**self.arguments(), "input_shape": self.input_shape, name: value}
        changed, old = type(self).made_with(arguments), vars(self)[name]
        settled = any(members(old, Definition)) or (name in self.fixed_arguments and self.built)
        if settled and vars(changed)[name] != old:
            expected = f"{old!r}, with which the layer was made"
            raise InvalidValueError(f"{name} of {self.name}", expected, repr(value))
        return changed

    @property
    def copied_whole(self) -> bool:
        """Whether it is copied as a whole, not rebuilt by its constructor."""
        return False

    def twin(self, **changed: Any) -> Self:
        """Return a layer that shares the weights of this one, with some attributes changed."""
        twin = object.__new__(type(self))
        vars(twin).update(vars(self) | changed)
        return twin

    # ---- building

    def outputs_for(self, shapes: Sequence[Shape]) -> tuple[Shape, ...]:
        """Return the shapes of the outputs; build the layer on the first call."""
        if not self._built:
            if not self.own_weights:  # Else the user has built it.
                self.build(*shapes)
            self._built = True
            for weight in self.own_weights.values():
                weight.path = f"{self.name}/{weight.name}"
        return promised(self, self.output_shapes(*shapes))

    @property
    def built(self) -> bool:
        """Whether the weights exist, or can be made on demand."""
        return self._built or bool(self.own_weights)

    @built.setter
    def built(self, value: bool) -> None:
        self._built = checks.boolean("built", value)

    # ---- weights

    @property
    def named_weights(self) -> dict[str, Weight]:
        """All existing weights by name, with those of inner layers such as
        "forward_lstm/kernel"."""
        found, names = dict(self.own_weights), Names()
        for part in self.all_parts()[1:]:
            if part.own_weights:
                name = names.unique(part.name)
                found |= {joined(name, key): weight for key, weight in part.own_weights.items()}
        return found

    @property
    def trainable(self) -> bool:
        """Whether the weights learn, including those of inner layers.

        A change takes effect when the model is compiled.
        """
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = checks.boolean("trainable", value)
        for layer in self.all_parts():
            layer._trainable = value
            for weight in layer.own_weights.values():
                weight.trainable = value and not weight.fixed

    def all_parts(self) -> list["Definition"]:
        """Return this layer, the layers inside it, and the layers inside those, each once.

        Every layer comes before its own parts: in the order of Keras' weights.
        """
        found: dict[Definition, None] = {}
        waiting: list[Definition] = [self]
        while waiting:
            layer = waiting.pop()
            if layer not in found:
                found[layer] = None
                waiting += reversed(list(layer._parts()))
        return list(found)

    def _parts(self) -> Iterator["Definition"]:
        """Yield the layers inside this one: those in its attributes, except tied ones."""
        for name, value in vars(self).items():
            yield from members(value, Definition) if name not in type(self).tied else ()

    def own_weight(
        self,
        name: str,
        shape: tuple[int, ...],
        initializer: Initializer,
        *,
        fixed: bool = False,
        regularizer: Regularizer | None = None,
        constraint: Constraint | None = None,
    ) -> Weight:
        """Create a weight that `forward` and `backward` use; raises as `add_weight`."""
        if name and "/" in checks.name("name", name):
            raise InvalidValueError("name", "a name without `/`", repr(name))
        if name in self.own_weights:
            raise InvalidValueError("name", f"an unused name in {self.name}", repr(name))
        if self._built:
            raise InvalidTypeError(
                f"{name} of {self.name}",
                "a weight that `build` makes: the model knows only these",
                "one that comes later",
            )
        there = {key: weight.value for key, weight in self.own_weights.items()}
        values = self._initial(name, shape, initializer.beside(there))
        return self.keep_weight(name, values, fixed, regularizer, constraint)

    def keep_weight(
        self,
        name: str,
        values: Array,
        fixed: bool,
        regularizer: Regularizer | None = None,
        constraint: Constraint | None = None,
    ) -> Weight:
        """Keep values as a weight, with its regularizer and its constraint."""
        weight = Weight(name, values, self.trainable and not fixed, fixed=fixed)
        self.limit(weight)
        weight.regularizer = regularizer or weight.regularizer
        weight.constraint = constraint or weight.constraint
        if weight.regularizer is not None:
            weight.regularizer.traced(weight.shape)  # Its mistakes are told now.
        self.own_weights[name] = weight
        return weight

    def limit(self, weight: Weight) -> None:
        """Give a weight the regularizer and the constraint that the layer has for its name."""
        part = weight.name.removesuffix("_kernel")  # Of recurrent_kernel, too.
        weight.regularizer = vars(self).get(f"{part}_regularizer")
        weight.constraint = vars(self).get(f"{part}_constraint")

    def _initial(self, name: str, shape: tuple[int, ...], initializer: Initializer) -> Array:
        """Return the initial values of a weight, in the dtype of the backend."""
        dtype = choose_backend().dtype
        if self.weight_source is not None:
            with np.errstate(over="ignore"):  # Loading a model checks that its numbers are finite.
                return np.asarray(self.weight_source(joined(self.name, name), shape), dtype)
        return drawn(self.name, name, shape, initializer).astype(dtype)

    def value(self, name: str) -> Array:
        """Return the current value of a weight.

        Raises:
            InvalidValueError: the layer has no such weight.
        """
        try:
            return self.own_weights[name].value
        except KeyError:
            refuse_weight(self.name, self.own_weights, name)

    def gradient(self, name: str) -> Array | None:
        """Return the buffer of a weight's gradient, None if not needed; raises like `value`."""
        try:
            return self.own_weights[name].gradient
        except KeyError:
            refuse_weight(self.name, self.own_weights, name)

    @property
    def learns(self) -> bool:
        """Whether the layer uses a weight whose gradient is needed."""
        if any(weight.gradient is not None for weight in self.own_weights.values()):
            return True
        return any(layer.learns for layer in self.tied_to.values())
