"""Weight: a named array that a layer learns."""

from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from lstm.backends import Backend
from lstm.backends.contract import Array
from lstm.configured import new_version


class Owner(Protocol):
    """The owner of the buffers of a model's weights."""

    @property
    def backend(self) -> Backend:
        """The backend of the buffers."""


@dataclass(eq=False)
class Weight:
    """A named array that a layer learns.

    `value` and `gradient` are NumPy arrays at first; once a model owns the weight, they are views
    of the model's flat buffers, on its backend. `version` is another number after each attribute
    that is set; the numbers in an array may change without it.
    """

    name: str
    value: Array
    trainable: bool
    gradient: Array | None = None
    owner: Owner | None = None

    version: ClassVar[int] = 0

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        new_version(self)

    def to_numpy(self) -> NDArray[Any]:
        """Return the values as a NumPy array, perhaps without a copy."""
        to_numpy = np.asarray if self.owner is None else self.owner.backend.ops.to_numpy
        return to_numpy(self.value)

    @property
    def size(self) -> int:
        """Number of entries."""
        return prod(self.value.shape)
