"""How a layer made of layers becomes nodes: its `call` runs once, on symbolic tensors."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import signature
from typing import TYPE_CHECKING, Any

from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.layers.symbolic import SymbolicTensor

if TYPE_CHECKING:
    from lstm.layers.base import Layer


def composed(layer: "Layer", inputs: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """The outputs of the `call` of a layer, which is built if this is its first call."""
    if not layer._built:
        with building(layer):
            layer.build(*map(_shapes, inputs))
    if not layer.trainable:
        layer.trainable = False  # Of the inner layers too, which are known only now.
    training = options.get("training")
    if "training" in signature(layer.call).parameters:
        told = TRAINING if training is None else training
        return layer.call(*inputs, **{**options, "training": told})
    no_choice(training)
    return layer.call(*inputs, **{k: v for k, v in options.items() if k != "training"})


@contextmanager
def building(layer: "Layer") -> Iterator[None]:
    """Count a layer as built from now on, unless that fails."""
    layer.built = True
    try:
        yield
    except BaseException:  # Ctrl-C, too.
        layer.built = False
        raise


class Training:
    """What `call` gets as `training`: it runs once, before anyone knows whether that is so."""

    def __bool__(self) -> bool:
        raise InvalidTypeError(
            "training",
            "to be handed on to a layer, such as Dropout(0.5)(x, training=training): `call` runs "
            "only once, for training and prediction alike",
            "a branch on it",
        )


TRAINING = Training()


def no_choice(training: object) -> None:
    """Refuse to decide in a call whether a layer trains: that depends on who runs the model."""
    if training is not None and not isinstance(training, Training):
        raise InvalidValueError(
            "training", "None: only fit and train_on_batch train", repr(training)
        )


def _shapes(tensors: Any) -> Any:
    """The shape of a tensor, or those of several, as `build` takes them."""
    if isinstance(tensors, list | tuple):
        return [_shapes(tensor) for tensor in tensors]
    return tensors.shape if isinstance(tensors, SymbolicTensor) else None
