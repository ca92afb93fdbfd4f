"""Described: models as files and configs describe them, and what is made of these."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Self, cast

from numpy.typing import NDArray

from lstm import checks, seeding
from lstm.backends import backend
from lstm.container import INT8_FORMAT, json_values
from lstm.errors import InvalidValueError
from lstm.interface import library_constructs, of_library, warn
from lstm.layers.quantization import scale_names, take_int8, tensors_of
from lstm.layers.symbolic import Call, SymbolicTensor
from lstm.models.compiled import compile_again, compiled_contents
from lstm.models.configs import (
    Building,
    entry_of,
    functional_config,
    reading_config,
    zeros,
)
from lstm.models.copying import Copied, take_contents
from lstm.models.order import ordered
from lstm.models.serialization import (
    check_classes,
    check_readable,
    graph_config,
    graph_from_config,
    input_from_config,
)
from lstm.models.structure import GraphLayer

Values = NDArray[Any]


class Described(Copied):
    """A model that files and configs describe: its graph, and its layers as users made them."""

    model_kinds: ClassVar[dict[str, type["Described"]]] = {}
    """The classes of models of this library, by name."""

    _structure_read: dict[str, Any] | None = None
    """What the file says that it was read from, if the classes were not known."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if of_library(cls):
            Described.model_kinds[cls.__name__] = cls

    # ---- files

    def _structure(self) -> dict[str, Any] | None:
        """Return the class and the layers as a file holds them.

        None if the graph alone says as much, or if an argument cannot be written; then a file is
        read as a functional model of the layers within these.
        """
        if self.copied_whole and not any(isinstance(c, Call) for c in self.outline.calls):
            return self._structure_read
        try:
            return cast(dict[str, Any], json_values("structure", entry_of(self)))
        except Exception:  # The classes may be users', and the graph is enough to read a file.
            return None

    def contents(self, include_optimizer: bool) -> tuple[dict[str, Values], dict[str, Any]]:
        """Return the arrays and the JSON values that a file of this model holds.

        Raises:
            InvalidValueError: a weight is not finite, or a layer cannot be rebuilt from them.
        """
        graph = self.graph
        scales = scale_names(graph.weights)
        tensors = tensors_of(graph.weights, scales)
        for name, values in tensors.items():
            # A file with such weights could not be read, and might replace a good one.
            checks.finite(name, values)
        config = graph_config(graph)
        floats = {name: x for name, x in tensors.items() if name not in scales.values()}
        check_readable(config, graph.layers, floats)
        name_of = {layer: name for name, layer in graph.layers.items()}
        header: dict[str, Any] = {
            "graph": config,
            "order": [name_of[layer] for layer in self.outline.primitives],
            **self._arrangement(),
        }
        structure = self._structure()
        if structure is not None:
            header["structure"] = structure
        if scales:
            header |= {"format": INT8_FORMAT, "int8": scales}
        if include_optimizer and self._compiled is not None:
            compiled = compiled_contents(graph, self.backend, self._compiled, self._specs)
            if compiled is not None:
                slots, header["compile"] = compiled
                tensors |= slots
        return tensors, header

    @classmethod
    def from_contents(
        cls,
        tensors: Mapping[str, Values],
        header: Mapping[str, Any],
        custom_objects: Mapping[str, Any] | None = None,
        *,
        compiled: bool = True,
    ) -> Self:
        """Return the model described by these arrays and values from `contents`.

        It has the class and the layers that were saved, if these are known. Otherwise it is a
        functional model of the layers within them, which computes the same.
        """
        custom = custom_objects or {}
        graph = graph_from_config(header["graph"], custom, tensors, given=True)
        for name, weight in graph.weights.items():
            checks.finite(name, weight.to_numpy())
        model = cls._as_made(tensors, header, custom) if "structure" in header else None
        if model is None:
            take_int8(graph.layers, tensors, header.get("int8", {}), backend())
            with seeding.untouched():
                model = cls(graph.inputs, _arranged(graph.outputs, header))
            order = header.get("order", [*graph.layers])
            model.outline.primitives = ordered(graph.layers, order)
            model._structure_read = header.get("structure")
        if "compile" in header and compiled:
            compile_again(model, tensors, header["compile"], custom)
        return model

    @classmethod
    def _as_made(
        cls,
        tensors: Mapping[str, Values],
        header: Mapping[str, Any],
        custom: Mapping[str, Any],
    ) -> Self | None:
        """Return the model with the class and the layers that were saved; None if it cannot be."""
        # A layer may have weights that no output needs, such as those of one direction.
        limit = 1000 + 2 * sum(array.size for array in tensors.values())
        structure = header["structure"]
        building = Building(custom, cls.model_kinds, zeros(limit))
        try:
            kind = building.kind(structure)
            kind = cls if issubclass(cls, kind) else kind
            with seeding.untouched():
                made: Self = kind.rebuilt(structure["config"], building)
                made.trace_again([input_from_config(x) for x in header["graph"]["inputs"]])
        except Exception as error:  # The classes may be users', and the graph is there.
            missing = isinstance(error, InvalidValueError) and error.argument == "custom_objects"
            if custom and not missing:
                warn(f"the model is made of the layers in its graph, because of {error!r:.300}")
            return None
        return made if take_contents(made, tensors, header) else None

    # ---- configs

    def get_config(self) -> dict[str, Any]:
        """Return what the model is made of, as JSON values: layers, and the calls between them.

        Of your own class, these are the arguments of its constructor.

        Raises:
            InvalidTypeError: a file cannot hold an argument of a layer or of a call.
        """
        if not self._functional or not library_constructs(type(self)):
            return super().get_config()
        described = functional_config(self.outline)
        own = {"name": self.name, "trainable": self.trainable}
        return {**own, **described, **self._arrangement()}

    def _arrangement(self) -> dict[str, Any]:
        """Return whether outputs are a list, or a dict with which keys, as JSON values."""
        names = self.graph.output_names
        several = {"several_outputs": self._several_outputs}
        return several if names is None else {**several, "output_names": names}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """Return a model of the layers and calls that `get_config` described, with new weights.

        Args:
            config: the description.
            custom_objects: classes of your own layers, by name.

        Raises:
            InvalidValueError: `config` is no such description, or describes a layer of a class that
                is not known.

        Example:
            >>> import lstm
            >>> x = lstm.Input((None, 2), name="x")
            >>> model = lstm.Model(x, lstm.layers.LSTM(8)(x))
            >>> lstm.Model.from_config(model.get_config()).count_params()
            352
        """
        with reading_config("config"):
            return cls.rebuilt(config, Building(check_classes(custom_objects), cls.model_kinds))

    @classmethod
    def rebuilt(cls, config: Mapping[str, Any], building: Building) -> Self:
        """Return the model that a config describes."""
        if not library_constructs(cls):
            return cls.made_with(config)
        inputs, outputs = building.functional(config)
        model = cls(inputs, _arranged(outputs, config), config["name"])
        if not checks.boolean("trainable", config["trainable"]):
            model.trainable = False
        return model

    def to_json(self, **options: Any) -> str:
        """Return its class and its config as JSON, for `lstm.models.model_from_json`.

        Args:
            options: those of `json.dumps`, such as `indent`.

        Raises:
            InvalidTypeError: a file cannot hold an argument of a layer or of a call.
        """
        return json.dumps(entry_of(self), **options)

    # ---- copying

    @property
    def copied_whole(self) -> bool:
        """Whether the graph is the whole model: it was not made by a user's class."""
        kind = type(self)
        return self._functional and library_constructs(kind) and kind.call is GraphLayer.call

    def arguments(self) -> dict[str, Any]:
        found = super().arguments()
        del found["trainable"]  # Not an argument of a model.
        return found

    @property
    def session(self) -> dict[str, Any]:
        """The objects that a file does not keep; may be set."""
        return {
            "name": self.name,
            "trainable": self.trainable,
            "compiled": self._compiled,
            "specs": self._specs,
            "steps_per_execution": self._steps_per_execution,
            "carried_state": self.carried_state,
            "random_state": self.random_state,
            "history": self.history,
        }

    @session.setter
    def session(self, session: Mapping[str, Any]) -> None:
        self.name, self._trainable = session["name"], session["trainable"]
        self._compiled, self._trainer = session["compiled"], None
        self._specs, self._joint = session["specs"], None
        self._steps_per_execution = session["steps_per_execution"]
        self._carried.continue_from(session["carried_state"], self.backend)
        self.random_state = session["random_state"]
        self.history = session["history"]


def _arranged(outputs: list[SymbolicTensor], described: Mapping[str, Any]) -> Any:
    """Return outputs as a file or a config says that they are returned."""
    several = checks.one_of("several_outputs", described["several_outputs"], (True, False))
    names = described.get("output_names")
    if names is None:
        return outputs if several else outputs[0]
    given = checks.sequence("output_names", names, "a list of names")
    keys = [checks.string("output_names", name) for name in given]
    if len({*keys}) != len(outputs):
        raise InvalidValueError("output_names", f"{len(outputs)} different names", names)
    return dict(zip(keys, outputs, strict=True))
