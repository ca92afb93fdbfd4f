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

from lstm import backends, checks, saving, seeding
from lstm.backends import Backend
from lstm.container import json_values, pack
from lstm.errors import (
    InvalidTypeError,
    InvalidValueError,
    LSTMError,
    ModelFileError,
    NotDefinedError,
)
from lstm.layers import PRIMITIVES, Layer
from lstm.layers.copying import blueprint, built, take_weights, weights_of
from lstm.layers.quantization import take_int8
from lstm.models.compiled import Compilable
from lstm.models.serialization import graph_config, input_from_config


class Copied(Compilable):
    """A model that can be saved, copied and pickled."""

    session: dict[str, Any]
    """The objects that a file does not keep; may be set."""

    def save(self, path: str | PathLike[str], include_optimizer: bool = True) -> None:
        """Write the model to one `.safetensors` file, in one step.

        Args:
            path: the file; replaced if it exists.
            include_optimizer: also keep the arguments of `compile` and the optimizer's state, so
                that training can continue from the file; an optimizer, a loss or metrics of your
                own class are not kept.

        Raises:
            ModelFileError: the file cannot be written; an existing file stays unchanged.
            InvalidValueError: a weight is NaN or infinite.
        """
        checks.boolean("include_optimizer", include_optimizer)
        file = saving.own_format("path", path)
        tensors, header = self.contents(include_optimizer)
        saving.write(file, tensors, {"kind": "model", **header})

    def save_weights(self, path: str | PathLike[str], overwrite: bool = True) -> None:
        """Write the weights alone to one `.safetensors` file, in one step, for `load_weights`.

        Args:
            path: the file.
            overwrite: replace it if it exists.

        Raises:
            ModelFileError: the file cannot be written, or exists and is not to be replaced.
            InvalidTypeError: the model is quantized: `save` keeps int8 weights.
            InvalidValueError: a weight is NaN or infinite.
        """
        file = saving.own_format("path", path)
        self._ready()
        if not checks.boolean("overwrite", overwrite) and Path(file).exists():
            raise ModelFileError(file, "exists, and overwrite is False")
        tensors = dict(self._replaceable("weights that save_weights can write, before quantize()"))
        for name, values in tensors.items():
            checks.finite(name, values)
        saving.write(file, tensors, {"kind": "weights", "order": [*tensors]})

    def load_weights(self, path: str | PathLike[str], skip_mismatch: bool = False) -> None:
        """Replace the weights by those in a file from `save_weights`, in their order.

        Args:
            path: the file; the names of layers in it do not matter.
            skip_mismatch: keep the weights for which the file has another shape, or none, at the
                same place of the order.

        Raises:
            ModelFileError: the file is missing or damaged, or has other weights than the model;
                nothing is changed.
            InvalidTypeError: the model is quantized.
        """
        skipping = checks.boolean("skip_mismatch", skip_mismatch)
        self._ready()
        own = self._replaceable("float32 weights to replace: load them before quantize()")
        with saving.reading(checks.path("path", path), ("weights",)) as (tensors, header):
            found = [(name, tensors[name]) for name in header["order"]]
        if len(found) != len(own) and not skipping:
            count = f"{len(found)} weights, but the model has {len(own)}"
            raise ModelFileError(path, f"holds {count}: {', '.join(own)}")
        new = [*own.values()]
        for k, ((name, old), (saved_as, values)) in enumerate(
            zip(own.items(), found, strict=False)
        ):
            if values.shape == old.shape:
                new[k] = values
            elif not skipping:
                shapes = f"{saved_as} {values.shape} where the model has {name} {old.shape}"
                raise ModelFileError(path, f"holds {shapes}")
        self.set_weights(new)

    def _replaceable(self, expected: str) -> dict[str, NDArray[Any]]:
        """Return all weights by name, in their order.

        Raises:
            InvalidTypeError: one is int8.
        """
        for name, weight in self.weights.items():
            if weight.is_int8:
                raise InvalidTypeError(name, expected, "int8 weights")
        return {name: weight.to_numpy() for name, weight in self.weights.items()}

    def contents(self, include_optimizer: bool) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return what a file holds of it: arrays by name, and JSON values."""
        raise NotDefinedError(self, "contents(include_optimizer)")

    @classmethod
    def from_contents(
        cls,
        tensors: Mapping[str, NDArray[Any]],
        header: Mapping[str, Any],
        custom_layers: Mapping[str, type[Layer]] | None = None,
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
        custom = dict[str, type[Layer]]()
        if not self.traced:
            content = weights_of(self)
        else:
            tensors, header = self.contents(include_optimizer=False)
            content = bytes(pack(tensors, {"kind": "model", **header}))
            kinds = map(type, self.graph.layers.values())
            custom = {kind.__name__: kind for kind in kinds if kind not in PRIMITIVES.values()}
        return _again, (type(self), self.traced, plan, content, custom, self.backend, self.session)


def _again(
    kind: type[Copied],
    traced: bool,
    plan: Any,
    content: bytes,
    custom: dict[str, type[Layer]],
    backend: Backend,
    session: dict[str, Any],
) -> Copied:
    with backends.using(*backend.chosen):
        if not traced:
            with seeding.untouched():
                model: Copied = built(plan, {})
            take_weights(model, content)
        elif plan is None:
            with saving.unpacking(content, ("model",)) as contents:
                model = kind.from_contents(*contents, custom)
        else:
            with saving.unpacking(content, ("model",)) as contents:
                tensors, header = contents
            model = _made_again(plan, tensors, header)
    model.session = session
    return model


def _made_again(plan: Any, tensors: Mapping[str, NDArray[Any]], header: Any) -> Copied:
    """Return the model from the constructor of its class, with the weights of the original."""
    described = header["graph"]
    with seeding.untouched():
        model: Copied = built(plan, {})
        model.trace_again([input_from_config(entry) for entry in described["inputs"]])
    layers = model.graph.layers
    for name in layers.keys() & described["layers"].keys():
        layers[name].trainable = described["layers"][name]["config"]["trainable"]
    if json_values("graph", graph_config(model.graph)) != described:
        raise InvalidValueError(
            model.name,
            f"a {type(model).__name__} that its constructor can rebuild, to copy it (or save it: "
            "load_model returns a Model that computes the same)",
            "one that was changed later",
        )
    model.set_weights([tensors[name] for name in model.weights])
    take_int8(layers, tensors, header.get("int8", {}), model.backend)
    return model
