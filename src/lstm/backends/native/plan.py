"""Plan: a recorded pass of the native backend, which runs in one call."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm.backends.contract import InstructionList
from lstm.backends.native.derived import Derivation

Array = NDArray[Any]


@dataclass(frozen=True)
class Plan:
    """A recorded pass: see the contract."""

    _compiled: Any
    _shapes: list[tuple[int, ...]]
    listed: InstructionList
    _derivation: Derivation
    _masks: list[bool]

    @property
    def arena_bytes(self) -> int:
        return self.listed.arena_bytes

    @property
    def derives(self) -> bool:
        return self._derivation.depends

    def derive(
        self, data: Sequence[Array], times: int = 1
    ) -> tuple[list[Array], list[Array | None]] | None:
        if not self.derives:
            return [], [None for _ in self._masks]
        if times == 1:
            found = self._derivation.run(data)
        else:
            runs = []
            for parts in zip(*(np.split(x, times) for x in data), strict=True):
                runs.append(self._derivation.run(parts))
                if runs[-1] is None:
                    return None
            found = [np.concatenate(parts) for parts in zip(*runs, strict=True)]
        if found is None:
            return None
        count = len(found) - sum(self._masks)
        masks = iter(found[count:])
        return found[:count], [next(masks) if known else None for known in self._masks]

    def run(
        self,
        inputs: Sequence[Array],
        numbers: Sequence[float] = (),
        outputs: Sequence[Array] = (),
        times: int = 1,
        changed: bool = True,
    ) -> tuple[list[Array], list[list[float]]] | None:
        written = [*outputs]
        for shape in self._shapes[len(outputs) :]:
            written.append(np.empty((times * shape[0], *shape[1:]) if times > 1 else shape, "f"))
        returned = self._compiled.run([*inputs, *written], numbers, times, changed)
        return None if returned is None else (written, returned)
