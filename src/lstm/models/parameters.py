"""Parameters: one flat buffer for all weights of a model, and one for their gradients."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends import Backend
from lstm.backends.contract import Array
from lstm.layers.weight import Weight


class Parameters:
    """The weights of a model as named views of one flat buffer; int8 ones are not part of it.

    An optimizer step, a norm or an exchange between machines is then one call over one array.
    Trainable weights come first, so an optimizer works on the start of the buffer.

    Attributes:
        values: (P,), all weights; read-only.
        learned: (trainable,), the trainable weights, the start of `values`: for optimizers.
        gradients: (trainable,), the gradients of the trainable ones.
        ends: where in them each weight ends.
        trainable: number of trainable parameters.
        changes: another number after each change of `values`.
        backend: the backend of the buffers.
    """

    def __init__(self, weights: Mapping[str, Weight], backend: Backend) -> None:
        self.backend = backend
        self._paths = {weight: name for name, weight in weights.items()}
        floats = [weight for weight in weights.values() if not weight.is_int8]
        ordered = sorted(floats, key=lambda weight: not weight.trainable)
        ends = [*accumulate((weight.size for weight in ordered), initial=0)]
        self._places = list(zip(ordered, ends, ends[1:], strict=False))
        self._learned = frozenset(weight for weight in ordered if weight.trainable)
        self._fixed = [weight for weight in ordered if weight.fixed]
        self.ends = np.array(ends[1 : len(self._learned) + 1], np.int64)
        self.trainable = sum(weight.size for weight in self._learned)
        self._views: dict[Weight, Array] = {}  # What can be written to.
        self._buffer: Array = backend.ops.zeros((ends[-1],), backend.dtype)
        self.values: Array = backend.ops.read_only(self._buffer)
        self.learned: Array = backend.ops.part(self._buffer, 0, self.trainable)
        self.gradients: Array = backend.ops.zeros((self.trainable,), backend.dtype)
        self.changes = 0
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
            values = ops.reshape(ops.part(self._buffer, start, stop), shape)
            weight.value = ops.read_only(values)
            weight.gradient = None
            changes = weight.fixed or weight.constraint is not None
            weight.running = values if changes else None
            if weight in self._learned:
                weight.gradient = ops.reshape(ops.part(self.gradients, start, stop), shape)
            weight.owner, weight.path = self, self._paths[weight]
            self._views[weight] = values
            self.assign(weight, old)

    def assign(self, weight: Weight, values: NDArray[Any]) -> None:
        """Replace the numbers of a weight that is here."""
        with self.changing():
            self.backend.ops.assign(self._views[weight], values)

    def take(self, weight: Weight, flat: Array) -> None:
        """Replace the numbers of a weight that learns by those of an array like `learned`."""
        start, stop = next(place for known, *place in self._places if known is weight)
        ops = self.backend.ops
        values = ops.to_numpy(ops.part(flat, start, stop))
        self.assign(weight, values.reshape(tuple(weight.value.shape)))

    def statistics(self) -> list[tuple[Weight, NDArray[Any]]]:
        """Return copies of the statistics that training keeps in weights that never learn."""
        return [(weight, np.array(weight.to_numpy())) for weight in self._fixed]

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Change `learned` or `values` in the `with` block, even if it ends in the middle."""
        try:
            yield
        finally:
            self.changes += 1

    def zero_gradients(self) -> None:
        """Set all gradients to 0."""
        self.backend.ops.fill(self.gradients, 0.0)
