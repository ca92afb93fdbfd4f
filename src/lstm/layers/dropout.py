"""Dropout: forget a random part of the input while training."""

from collections.abc import Sequence
from typing import Unpack

from lstm import checks
from lstm.backends.contract import Array, Cache
from lstm.errors import InvalidShapeError
from lstm.interface import promises
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.masks import Mask
from lstm.layers.rules import known_last_axis
from lstm.layers.symbolic import Shape


def feature_mask(run: Run, sequences: int, features: int, rate: float) -> Array | None:
    """Return the factors of the features of each sequence, the same at every step.

    Args:
        run: the pass; only training drops anything.
        sequences: B.
        features: C.
        rate: share of the features to drop.

    Returns:
        (B, C), 0 for dropped features and 1 / (1 - rate) for others; None if nothing is dropped.
    """
    if not run.training or rate == 0:
        return None
    return run.ops.dropout_mask((sequences, features), run.key(), rate, run.backend.dtype)


class Dropout(Layer):
    """In training, set each entry to 0 with probability `rate`, and scale up the others.

    Args:
        rate: in [0, 1).
        noise_shape: along axes of which the size here is 1, the same entries are dropped; None or
            the size of the input elsewhere. By default each entry by itself.
        seed: accepted for compatibility; the model's generator draws.

    Source:
        Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
        2014.

    Example:
        >>> import lstm
        >>> lstm.layers.Dropout(0.2)(lstm.Input((None, 3))).shape
        (None, None, 3)
    """

    keeps_mask = True
    memoryless = True
    only_trains = True
    heeds_training = True

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.rate = checks.number("rate", rate, 0, 1, open_high=True)
        self.noise_shape = None if noise_shape is None else checks.sizes("noise_shape", noise_shape)
        self.seed = None if seed is None else checks.integer("seed", seed)

    @property
    def rowwise(self) -> bool:
        return self.noise_shape is None and promises(type(self), "rowwise", "forward", "backward")

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        return (shapes[0],)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        if not run.training or self.rate == 0:
            return (inputs[0],), None
        key = run.key()
        if self.noise_shape is None:
            return (run.ops.dropout(inputs[0], key, self.rate),), key
        shape = tuple(inputs[0].shape)
        if len(self.noise_shape) != len(shape):
            raise InvalidShapeError(
                f"noise_shape of {self.name}", f"{len(shape)} sizes", self.noise_shape
            )
        sizes = [
            n if size is None else size for size, n in zip(self.noise_shape, shape, strict=True)
        ]
        few = run.ops.dropout_mask(sizes, key, self.rate, run.backend.dtype)
        factor = run.ops.broadcast(few, shape)
        return (run.ops.multiply(inputs[0], factor),), factor

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        if cache is None:
            return gradients
        if self.noise_shape is None:
            return (run.ops.dropout(gradients[0], cache, self.rate),)
        return (run.ops.multiply(gradients[0], cache),)


class SpatialDropout1D(Layer):
    """Dropout of whole features of a sequence, (B, T, C): a feature is dropped at all steps.

    Neighbouring steps are often nearly equal, so `Dropout` removes little that cannot be read one
    step later. Each sequence of a batch loses different features, each with probability `rate`; the
    others are scaled up. Also known as variational or locked dropout.

    Args:
        rate: in [0, 1).
        seed: accepted for compatibility; the model's generator draws.

    Source:
        Tompson et al., "Efficient object localization using convolutional networks", 2015; on
        sequences Gal & Ghahramani, "A theoretically grounded application of dropout in recurrent
        neural networks", 2016.

    Example:
        >>> import lstm
        >>> lstm.layers.SpatialDropout1D(0.2)(lstm.Input((None, 3))).shape
        (None, None, 3)
    """

    keeps_mask = True
    memoryless = True
    only_trains = True
    heeds_training = True

    def __init__(
        self, rate: float, seed: int | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**options)
        self.rate = checks.number("rate", rate, 0, 1, open_high=True)
        self.seed = None if seed is None else checks.integer("seed", seed)

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        known_last_axis(self, shapes[0], "B T C")
        return (shapes[0],)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        (x,) = inputs
        dropped = feature_mask(run, x.shape[0], x.shape[2], self.rate)
        return (x if dropped is None else run.ops.scale_features(x, dropped),), dropped

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        if cache is None:
            return gradients
        return (run.ops.scale_features(gradients[0], cache),)
