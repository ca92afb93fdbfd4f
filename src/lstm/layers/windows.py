"""Windows: the steps that each output of a pooling or a depthwise convolution reads."""

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from lstm import checks
from lstm.backends.contract import Array, Cache
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.layers.base import Arrays, Gradients, Layer, LayerOptions, Run
from lstm.layers.masks import Mask, of_steps
from lstm.layers.masks import spread as spread_mask
from lstm.layers.symbolic import Shape

PADDINGS = ("valid", "same", "causal")


class Windows(Layer):
    """(B, T, C) -> (B, T', size, C): the steps of each window; what is no step is `filling`.

    Args:
        size: steps of a window.
        strides: steps from one window to the next.
        padding: "valid", "same" or "causal", as for Conv1D.
        filling: what stands for padding.
        dilation_rate: distance of the steps in a window.

    Example:
        >>> import lstm
        >>> lstm.layers.Windows(2)(lstm.Input((5, 3))).shape
        (None, 4, 2, 3)
    """

    def __init__(
        self,
        size: int,
        strides: int = 1,
        padding: str = "valid",
        filling: float = 0.0,
        dilation_rate: int = 1,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.size = checks.positive_int("size", size)
        self.strides = checks.positive_int("strides", strides)
        self.padding = checks.one_of("padding", padding, PADDINGS)
        self.filling = checks.number("filling", filling)
        self.dilation_rate = checks.positive_int("dilation_rate", dilation_rate)

    @property
    def _reach(self) -> int:
        """Number of steps from the first to the last of a window."""
        return self.dilation_rate * (self.size - 1)

    def _before(self, steps: int) -> tuple[int, int]:
        """Return how many steps the first window begins before the first, and how many there are.

        Raises:
            InvalidShapeError: no window fits.
        """
        if self.padding == "valid":
            if steps <= self._reach:
                raise InvalidShapeError(
                    f"input of {self.name}", f"at least {self._reach + 1} time steps", steps
                )
            return 0, (steps - self._reach - 1) // self.strides + 1
        windows = -(-steps // self.strides)
        if self.padding == "causal":
            return self._reach, windows
        return max(0, (windows - 1) * self.strides + self._reach + 1 - steps) // 2, windows

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        if len(shapes[0]) != 3:
            raise InvalidShapeError(f"input of {self.name}", "axes (B, T, C)", shapes[0])
        batch, steps, channels = shapes[0]
        windows = None if steps is None else self._before(steps)[1]
        return ((batch, windows, self.size, channels),)

    def _places(self, steps: int) -> np.ndarray:
        """Return the steps (T', size) of the windows; `steps` stands for none."""
        before, windows = self._before(steps)
        first = np.arange(windows)[:, None] * self.strides - before
        places = first + np.arange(self.size) * self.dilation_rate
        return np.where((places < 0) | (places >= steps), steps, places)

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        ops, x = run.ops, inputs[0]
        B, T, C = x.shape
        real, keep = of_steps(self.name, mask), None
        if real is not None:
            self._check(real)
            whole = spread_mask(real, tuple(x.shape)).astype(run.backend.dtype, order="C")
            keep = ops.array(whole)
            x = ops.elementwise_forward("keep", x, keep, 0.0)
            if self.filling:
                x = ops.add([x, ops.array((1 - whole) * whole.dtype.type(self.filling))])
        places = self._places(T)
        edge = ops.zeros((B, 1, C), run.backend.dtype)
        if self.filling:
            ops.fill(edge, self.filling)
        y = ops.take(ops.concatenate([x, edge], 1), places.reshape(-1), 1)
        return (ops.reshape(y, (B, *places.shape, C)),), (places, T, keep)

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        ops, (places, T, keep) = run.ops, cache
        dy: Any = gradients[0]
        dy = ops.reshape(dy, (dy.shape[0], places.size, dy.shape[3]))
        dx = ops.take_backward(dy, places.reshape(-1), 1, T + 1)
        dx = ops.split(dx, [T, 1], 1)[0]
        return (dx if keep is None else ops.multiply(dx, keep),)

    def _check(self, mask: Mask) -> None:
        """Refuse padding at which windows would differ from those of each sequence alone."""
        begins = mask[:, 1:] & ~mask[:, :-1]
        if self.strides > 1 and begins.any():
            raise InvalidValueError(
                f"strides of {self.name}",
                '1, with padding in front of sequences, or padding="post" in pad_sequences',
                self.strides,
            )
        if self.padding == "same" and self.strides > 1 and self._reach:
            raise InvalidValueError(
                f"padding of {self.name}", '"valid" with strides and padded sequences', "same"
            )

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        real = of_steps(self.name, mask)
        if real is None:
            return None
        if self.padding != "valid":
            return real[:, :: self.strides]
        padded: Mask = np.concatenate([real, np.zeros((len(real), 1), bool)], 1)
        windows: Mask = np.all(padded[:, self._places(real.shape[1])], 2)
        return windows

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        if self.size == 1 and self.strides == 1:
            return ()
        raise InvalidValueError(self.name, "windows of one step, to work chunk by chunk", self.size)
