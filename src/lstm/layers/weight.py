"""Weight: a named array that a layer learns."""

from dataclasses import dataclass
from math import prod

from lstm.backends.contract import Array


@dataclass(eq=False)
class Weight:
    """A named array that a layer learns.

    `value` and `gradient` are NumPy arrays at first; once a model owns the weight they are views of
    that model's flat buffers, on its backend.
    """

    name: str
    value: Array
    trainable: bool
    gradient: Array | None = None
    owner: object = None

    @property
    def size(self) -> int:
        """Number of entries."""
        return prod(self.value.shape)
