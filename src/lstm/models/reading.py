"""Reading: how the data that a user passes becomes batches of a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm import checks
from lstm.errors import InvalidValueError
from lstm.layers.symbolic import SymbolicTensor
from lstm.models.batches import ArrayBatches, Check, Examples, examples, parts
from lstm.models.streams import Source, StreamBatches, is_stream

Batches = ArrayBatches | StreamBatches


@dataclass(frozen=True)
class Reading:
    """How data is read.

    Args:
        inputs: those of the model.
        dtype: what it computes in.
        check: refuses a batch that it cannot use.
        batch_size: examples in a batch, where the data does not come in batches.
        carry: state is carried from batch to batch.
        chunk_length: steps of the chunks of a sequence, with `carry`; None for whole sequences.
    """

    inputs: Sequence[SymbolicTensor]
    dtype: str
    check: Check
    batch_size: int
    carry: bool = False
    chunk_length: int | None = None

    def to_train_on(
        self, data: Source | Examples, steps: int | None, rng: np.random.Generator | None
    ) -> Batches:
        """The batches of epochs of that many steps, or of a pass each; shuffled by `rng`."""
        if isinstance(data, Source):
            return self._stream(data.shuffled(rng), "steps_per_epoch", steps)
        return ArrayBatches(
            data, self.batch_size, self.check, rng, self.carry, self.chunk_length, steps
        )

    def to_judge(
        self, x: Any, y: Any, sample_weight: Any, argument: str, steps: int | None
    ) -> Batches:
        """Batches to evaluate on, at most `steps`, which errors call `argument`."""
        if is_stream(x):
            return self._stream(Source("x", x), argument, steps, anew=True)
        data = x if isinstance(x, Examples) else self.examples(x, y, sample_weight)
        if steps is not None:
            data = data.first(checks.positive_int(argument, steps) * self.batch_size)
        return ArrayBatches(
            data, self.batch_size, self.check, carry=self.carry, chunk_length=self.chunk_length
        )

    def to_validate(self, data: Any, steps: int | None, *, epochs: int) -> Batches:
        """Batches to validate on after each of some epochs.

        Raises:
            InvalidValueError: the data can be gone over only once.
        """
        if is_stream(data) or isinstance(data, Examples):
            once = is_stream(data) and not Source("validation_data", data).again
            if once and steps is None and epochs > 1:
                raise InvalidValueError(
                    "validation_steps", "a number of batches, with a generator", steps
                )
            return self.to_judge(data, None, None, "validation_steps", steps)
        return self.to_judge(*parts("validation_data", data), "validation_steps", steps)

    def examples(self, x: Any, y: Any, sample_weight: Any = None) -> Examples:
        """Examples from arrays and lists."""
        return examples(x, y, sample_weight, self.inputs, self.dtype)

    def _stream(
        self, source: Source, argument: str, steps: int | None, *, anew: bool = False
    ) -> StreamBatches:
        limit = None if steps is None else checks.positive_int(argument, steps)
        return StreamBatches(source, self.inputs, self.dtype, limit, self.check, anew=anew)
