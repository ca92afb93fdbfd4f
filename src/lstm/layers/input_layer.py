"""InputLayer: what stands for an Input in the layers of a model."""

from collections.abc import Sequence
from typing import Any, Unpack

from lstm import checks
from lstm.errors import InvalidTypeError
from lstm.layers.base import Layer, LayerOptions
from lstm.layers.symbolic import SymbolicTensor, input_tensor


class InputLayer(Layer):
    """The start of a model, as a layer: `Input(shape)` is the output of such a layer.

    It may be the first of a Sequential, and is what `model.layers` holds for an Input.

    Args:
        shape: sizes without the batch axis; None for any size.
        batch_size: accepted for compatibility; every batch size works.
        dtype: accepted for compatibility.
        batch_shape: the shape with the batch axis, instead of `shape`.
        name: key of this input if data is a dict.

    Example:
        >>> import lstm
        >>> model = lstm.Sequential([lstm.layers.InputLayer((None, 2)), lstm.layers.LSTM(8)])
        >>> model.output_shape
        (None, 8)
    """

    keeps_mask = memoryless = True
    state = (*Layer.state, "tensor")

    def __init__(
        self,
        shape: Sequence[int | None] | None = None,
        batch_size: int | None = None,
        dtype: str | None = None,
        batch_shape: Sequence[int | None] | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        name = options.get("name")
        options["name"] = "input_layer" if name is None else name
        super().__init__(**options)
        if shape is None and batch_shape is None:
            shape = self.input_shape  # The name of earlier versions of Keras.
        if (shape is None) == (batch_shape is None):
            got = "neither" if shape is None else "both"
            raise InvalidTypeError("shape", "shape or batch_shape, one of them", got)
        if batch_shape is not None:
            shape = checks.sizes("batch_shape", batch_shape)[1:]
        self.shape = checks.sizes("shape", shape)
        self.batch_size = (
            None if batch_size is None else checks.positive_int("batch_size", batch_size)
        )
        self.dtype, self.batch_shape = dtype, (None, *self.shape)
        self.tensor: SymbolicTensor = input_tensor(self.batch_shape, name)
        self._stand_for(self.tensor)

    def _stand_for(self, tensor: SymbolicTensor) -> None:
        self.tensor, tensor.node.place = tensor, self
        vars(self)["first_call"] = tensor.node

    def arguments(self) -> dict[str, Any]:
        return {"batch_shape": list(self.batch_shape), "name": self.tensor.node.name}

    def __repr__(self) -> str:
        return f"InputLayer(shape={self.shape}, name={self.name!r})"


def place_of(tensor: SymbolicTensor) -> InputLayer:
    """Return the InputLayer of an input tensor, made now if it has none."""
    if tensor.node.place is None:
        layer = InputLayer(tensor.shape[1:], name=tensor.node.name)
        layer._stand_for(tensor)
    place = tensor.node.place
    assert isinstance(place, InputLayer)
    return place
