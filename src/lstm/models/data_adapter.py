"""Data adapter: decides whether a user's data is arrays or a stream of batches."""

from typing import Any

from lstm.errors import InvalidValueError
from lstm.iteration import check_not_function, is_stream
from lstm.models.batches import ArrayBatches, Batching, Examples, examples, parts
from lstm.models.streams import Source, StreamBatches

Batches = ArrayBatches | StreamBatches


class Given:
    """Data from a user that no model has read yet.

    Args:
        x, y, sample_weight: arrays and lists of sequences; or only x, as batches with everything.
        others: arguments that make no sense with batches, by name; None if not given.

    Attributes:
        arrays: x, y and sample_weight as they are.
        source: the source of the batches, if x consists of batches.

    Raises:
        InvalidValueError: x consists of batches, and there is another argument.
    """

    def __init__(self, x: Any, y: Any = None, sample_weight: Any = None, **others: Any) -> None:
        check_not_function("x", x)
        self.arrays = x, y, sample_weight
        self.source = Source("x", x) if is_stream(x) else None
        if self.source is not None:
            for argument, value in {"y": y, "sample_weight": sample_weight, **others}.items():
                if value is not None:
                    raise InvalidValueError(argument, "nothing, because x gives batches", "a value")

    @property
    def sample(self) -> Any:
        """Return some x, which determines the shape of the data."""
        if self.source is None:
            return self.arrays[0]
        return parts("batch of x", self.source.first())[0]

    def read(self, batching: Batching) -> Examples | Source:
        """Return the data as the model reads it."""
        if self.source is not None:
            return self.source
        return examples(*self.arrays, batching.inputs, batching.dtype)


def validation_batches(data: Any, batching: Batching, steps: int | None, *, epochs: int) -> Batches:
    """Return the batches to validate on after each of some epochs.

    Args:
        data: (x, y) or (x, y, sample_weight), batches of these, or examples.
        batching: how the model reads it.
        steps: number of batches; None for all.
        epochs: number of epochs.

    Raises:
        InvalidValueError: the data can be read only once.
    """
    if not isinstance(data, Examples):
        given = Given(data) if is_stream(data) else Given(*parts("validation_data", data))
        data = given.read(batching)
    if isinstance(data, Source) and not data.again and steps is None and epochs > 1:
        raise InvalidValueError("validation_steps", "a number of batches, with a generator", steps)
    return data.for_evaluation(batching, "validation_steps", steps)
