"""Files, copies and pickles of models.

Copies and pickles also keep what a file does not: the class, the backend, an optimizer, a loss or
metrics of any class, carried states, the state of the random numbers, and the history.
"""

from collections.abc import Mapping
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import Any, Self

from numpy.typing import NDArray

from lstm import backends, checks, seeding, storage
from lstm.backends import Backend
from lstm.container import json_values, pack
from lstm.errors import (
    InvalidTypeError,
    InvalidValueError,
    LSTMError,
    ModelFileError,
    NotDefinedError,
)
from lstm.interface import of_library, warn
from lstm.layers.copying import blueprint, built, take_weights, weights_of
from lstm.layers.inner import inner_layers
from lstm.layers.naming import joined
from lstm.layers.quantization import take_int8
from lstm.models.compiled import Compilable
from lstm.models.configs import zeros
from lstm.models.serialization import (
    graph_config,
    graph_from_config,
    input_from_config,
    named_by,
)


class Copied(Compilable):
    """A model that can be saved, copied and pickled."""

    session: dict[str, Any]
    """The objects that a file does not keep; may be set."""

    def save(
        self,
        filepath: str | PathLike[str],
        overwrite: bool = True,
        include_optimizer: bool = True,
    ) -> None:
        """Write the model to one `.safetensors` file, in one step.

        Args:
            filepath: the file.
            overwrite: replace it if it exists.
            include_optimizer: also keep the arguments of `compile` and the optimizer's state, so
                that training can continue from the file; an optimizer, a loss or metrics of your
                own class are not kept.

        Raises:
            ModelFileError: the file cannot be written, or exists and is not to be replaced; an
                existing file stays unchanged.
            InvalidValueError: a weight is NaN or infinite.
        """
        checks.boolean("include_optimizer", include_optimizer)
        file = _target(filepath, overwrite)
        tensors, header = self.contents(include_optimizer)
        storage.write(file, tensors, {"kind": "model", **header})

    def save_weights(self, filepath: str | PathLike[str], overwrite: bool = True) -> None:
        """Write the weights alone to one `.safetensors` file, in one step, for `load_weights`.

        Args:
            filepath: the file.
            overwrite: replace it if it exists.

        Raises:
            ModelFileError: the file cannot be written, or exists and is not to be replaced.
            InvalidTypeError: the model is quantized: `save` keeps int8 weights.
            InvalidValueError: a weight is NaN or infinite.
        """
        file = _target(filepath, overwrite)
        self._ready()
        tensors = dict(self._replaceable("weights that save_weights can write, before quantize()"))
        for name, values in tensors.items():
            checks.finite(name, values)
        storage.write(file, tensors, {"kind": "weights", "order": [*tensors]})

    def load_weights(self, filepath: str | PathLike[str], skip_mismatch: bool = False) -> None:
        """Replace the weights by those in a file from `save_weights` or `save`, in their order.

        Args:
            filepath: the file; the names of layers in it do not matter.
            skip_mismatch: take only those weights that have the same name and the same shape in the
                model and in the file; a warning names the others.

        Raises:
            ModelFileError: the file is missing or damaged, or has other weights than the model;
                nothing is changed.
            InvalidTypeError: the model is quantized.
        """
        skipping = checks.boolean("skip_mismatch", skip_mismatch)
        self._ready()
        own = self._replaceable("float32 weights to replace: load them before quantize()")
        path = checks.path("filepath", filepath)
        with storage.reading(path, ("weights", "model", "language model")) as (tensors, header):
            found = self._weights_in(path, tensors, header)
        new = _by_name(path, own, found) if skipping else _in_order(path, own, found)
        self.set_weights([new[name] for name in own])

    def _weights_in(
        self, path: str, tensors: Mapping[str, NDArray[Any]], header: Mapping[str, Any]
    ) -> dict[str, NDArray[Any]]:
        """Return the weights in a file by name, in the order of the model in it."""
        if header["kind"] == "weights":
            return {name: tensors[name] for name in header["order"]}
        if "int8" in header:
            raise ModelFileError(path, "holds int8 weights: lstm.load_model reads it")
        layers = header["order"] if "order" in header else [*header["graph"]["layers"]]
        whole = graph_from_config(header["graph"], self._own_classes(), tensors, given=False)
        of_graph = whole.layers
        return {
            joined(name, key): weight.to_numpy()
            for name in layers
            for key, weight in of_graph[name].own_weights.items()
        }

    def _own_classes(self) -> dict[str, Any]:
        """Return what its layers are made of that is not of this library, by name."""
        outer, layers = self.graph.outer, [*self.graph.layers.values()]
        kinds = named_by([*layers, *outer, *inner_layers(layers)])
        return {kind.__name__: kind for kind in kinds if not of_library(kind)}

    def _replaceable(self, expected: str) -> dict[str, NDArray[Any]]:
        """Return all weights by name, in their order.

        Raises:
            InvalidTypeError: one is int8.
        """
        for name, weight in self.named_weights.items():
            if weight.is_int8:
                raise InvalidTypeError(name, expected, "int8 weights")
        return {name: weight.to_numpy() for name, weight in self.named_weights.items()}

    def contents(self, include_optimizer: bool) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return what a file holds of it: arrays by name, and JSON values."""
        raise NotDefinedError(self, "contents(include_optimizer)")

    @classmethod
    def from_contents(
        cls,
        tensors: Mapping[str, NDArray[Any]],
        header: Mapping[str, Any],
        custom_objects: Mapping[str, Any] | None = None,
    ) -> Self:
        """Return the model described by these arrays and values from `contents`."""
        raise NotDefinedError(cls, "from_contents(tensors, header)")

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what rebuilds it.

        Raises:
            InvalidTypeError: a class that calls layers does not keep a constructor's argument.
            InvalidValueError: a weight is not finite, or a layer cannot be rebuilt.
        """
        with suppress(LSTMError):  # The shape depends on the data, or the model is incomplete.
            self.build()
        plan = None if self.copied_whole else blueprint(self, {})
        custom = dict[str, Any]()
        if not self.traced:
            content: Any = weights_of(self)
        else:
            tensors, header = self.contents(include_optimizer=False)
            content = bytes(pack(tensors, {"kind": "model", **header}))
            custom = self._own_classes()
        return _again, (type(self), self.traced, plan, content, custom, self.backend, self.session)


def _target(filepath: str | PathLike[str], overwrite: bool) -> str:
    """Return the file to write to.

    Raises:
        ModelFileError: it exists, and is not to be replaced.
    """
    file = storage.own_format("filepath", filepath)
    if not checks.boolean("overwrite", overwrite) and Path(file).exists():
        raise ModelFileError(file, "exists, and overwrite is False")
    return file


Weights = dict[str, NDArray[Any]]


def _in_order(path: str, own: Weights, found: Weights) -> Weights:
    """Return the weights of a file for those of a model, one for each.

    Raises:
        ModelFileError: there are others, or they have other shapes.
    """
    if len(found) != len(own):
        count = f"{len(found)} weights, but the model has {len(own)}"
        raise ModelFileError(path, f"holds {count}: {', '.join(own)}")
    for (name, old), (saved_as, values) in zip(own.items(), found.items(), strict=True):
        if values.shape != old.shape:
            shapes = f"{saved_as} {values.shape} where the model has {name} {old.shape}"
            raise ModelFileError(path, f"holds {shapes}")
    return dict(zip(own, found.values(), strict=True))


def _by_name(path: str, own: Weights, found: Weights) -> Weights:
    """Return the weights of a model, those with the name and the shape of one in the file replaced.

    A warning names the others.
    """
    fitting = {k for k, values in found.items() if k in own and own[k].shape == values.shape}
    kept = [_kept(name, found.get(name), old) for name, old in own.items() if name not in fitting]
    unused = [name for name in found if name not in own]
    if kept:
        warn(f"{path}: the model keeps its own {', '.join(kept)}")
    if unused:
        warn(f"{path}: the model has no {', '.join(unused)}")
    return own | {name: found[name] for name in fitting}


def _kept(name: str, saved: NDArray[Any] | None, own: NDArray[Any]) -> str:
    """Return a weight of a model, and why a file has none for it."""
    there = "there is none" if saved is None else f"{saved.shape} in the file"
    return f"{name} {own.shape} ({there})"


def _again(
    kind: type[Copied],
    traced: bool,
    plan: Any,
    content: Any,
    custom: dict[str, Any],
    backend: Backend,
    session: dict[str, Any],
) -> Copied:
    with backends.using(*backend.chosen):
        if not traced:
            with seeding.untouched():
                model: Copied = built(plan, {})
            take_weights(model, content)
        elif plan is None:
            with storage.unpacking(content, ("model",)) as contents:
                model = kind.from_contents(*contents, custom)
        else:
            with storage.unpacking(content, ("model",)) as contents:
                tensors, header = contents
            model = _made_again(plan, tensors, header)
    model.session = session
    return model


def _made_again(plan: Any, tensors: Mapping[str, NDArray[Any]], header: Any) -> Copied:
    """Return the model from the constructor of its class, with the weights of the original."""
    with seeding.untouched():
        model: Copied = built(plan, {}, zeros())
        model.trace_again([input_from_config(entry) for entry in header["graph"]["inputs"]])
    if not take_contents(model, tensors, header):
        raise InvalidValueError(
            model.name,
            f"a {type(model).__name__} that its constructor can rebuild, to copy it (or save it: "
            "load_model returns a Model that computes the same)",
            "one that was changed later",
        )
    return model


def take_contents(
    model: Copied, tensors: Mapping[str, NDArray[Any]], header: Mapping[str, Any]
) -> bool:
    """Give a model that was made again what a file holds of the original.

    Returns:
        Whether it is described as the original was; if not, it has not got the weights.
    """
    for part in model.all_parts():
        part.weight_source = None
    described, layers = header["graph"], model.graph.layers
    for name in layers.keys() & described["layers"].keys():
        layers[name].trainable = described["layers"][name]["config"]["trainable"]
    if json_values("graph", graph_config(model.graph)) != described:
        return False
    model.set_weights([tensors[name] for name in model.named_weights])
    take_int8(layers, tensors, header.get("int8", {}), model.backend)
    return True
