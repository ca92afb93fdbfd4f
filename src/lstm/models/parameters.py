"""Parameters: one flat buffer for all weights of a model, and one for their gradients."""

from collections.abc import Mapping
from itertools import accumulate

from lstm.backends import Backend
from lstm.backends.contract import Array
from lstm.layers.weight import Weight


class Parameters:
    """The weights of a model as named views of one flat buffer; int8 ones are not part of it.

    An optimizer step, a norm or an exchange between machines is then one call over one array.
    Trainable weights come first, so an optimizer works on the start of the buffer.

    Attributes:
        values: (P,), all weights.
        learned: (trainable,), the trainable weights: a view of the start of `values`.
        gradients: (trainable,), the gradients of the trainable ones.
        trainable: number of trainable parameters.
        backend: the backend of the buffers.
    """

    def __init__(self, weights: Mapping[str, Weight], backend: Backend) -> None:
        self.backend = backend
        floats = [weight for weight in weights.values() if not weight.is_int8]
        ordered = sorted(floats, key=lambda weight: not weight.trainable)
        ends = [*accumulate((weight.size for weight in ordered), initial=0)]
        self._places = list(zip(ordered, ends, ends[1:], strict=False))
        self._learned = frozenset(weight for weight in ordered if weight.trainable)
        self.trainable = sum(weight.size for weight in self._learned)
        self.values: Array = backend.ops.zeros((ends[-1],), backend.dtype)
        self.learned: Array = backend.ops.part(self.values, 0, self.trainable)
        self.gradients: Array = backend.ops.zeros((self.trainable,), backend.dtype)
        self.bind()

    def bind(self) -> None:
        """Make every weight a view of the buffers.

        A layer may belong to several models, such as the encoder of a translator: the model that
        trains moves the weights to its own buffer, with their current values.
        """
        ops = self.backend.ops
        for weight, start, stop in self._places:
            if weight.owner is self or weight.is_int8:
                continue
            shape = tuple(weight.value.shape)
            old = weight.to_numpy()
            weight.value = ops.reshape(ops.part(self.values, start, stop), shape)
            ops.assign(weight.value, old)
            weight.gradient = None
            if weight in self._learned:
                weight.gradient = ops.reshape(ops.part(self.gradients, start, stop), shape)
            weight.owner = self

    def zero_gradients(self) -> None:
        """Set all gradients to 0."""
        self.backend.ops.fill(self.gradients, 0.0)
