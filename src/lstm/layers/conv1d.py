"""Conv1D: a window that slides over time."""

from collections.abc import Sequence
from functools import reduce
from operator import and_
from typing import Any, Unpack

import numpy as np

from lstm import checks, initializers
from lstm.backends.contract import ActivationName, Array, Cache
from lstm.errors import InvalidShapeError, InvalidValueError
from lstm.initializers import Initializer
from lstm.layers import activation_names
from lstm.layers.activated import Activated
from lstm.layers.activation_names import ActivationSpec
from lstm.layers.base import Arrays, Gradients, LayerOptions, Run
from lstm.layers.masks import Mask, of_steps, to_zero
from lstm.layers.options import options_of
from lstm.layers.rules import known_last_axis
from lstm.layers.slicing import steps_of
from lstm.layers.symbolic import Shape


class Conv1D(Activated):
    """Convolution over time: (B, T, C) -> (B, T', filters).

    Args:
        filters: number of outputs at each step.
        kernel_size: number of steps K that an output sees.
        strides: steps between two outputs.
        padding: "valid" (no padding), "same" (T' = ⌈T / strides⌉, zeros on both sides) or "causal"
            (zeros before the start, so that no output sees the future).
        dilation_rate: steps between two elements of the kernel.
        activation: one of `lstm.activations.ACTIVATIONS`, or None.
        use_bias: whether to add a bias.
        kernel_initializer: initial values of the kernel (K, C, filters).
        bias_initializer: initial values of the bias (filters).

    Example:
        >>> import lstm
        >>> lstm.layers.Conv1D(8, 3, padding="causal")(lstm.Input((None, 2))).shape
        (None, None, 8)
    """

    weight_options = options_of("kernel", "bias")
    fixed_arguments = (
        *("filters", "kernel_size", "use_bias"),
        *("strides", "padding", "dilation_rate"),
    )

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        dilation_rate: int | Sequence[int] = 1,
        activation: ActivationSpec = None,
        use_bias: bool = True,
        kernel_initializer: str | Initializer | dict[str, Any] = "glorot_uniform",
        bias_initializer: str | Initializer | dict[str, Any] = "zeros",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.filters = checks.positive_int("filters", filters)
        self.kernel_size = checks.positive_int("kernel_size", checks.single(kernel_size))
        self.strides = checks.positive_int("strides", checks.single(strides))
        self.padding = checks.one_of("padding", padding, ("valid", "same", "causal"))
        self.dilation_rate = checks.positive_int("dilation_rate", checks.single(dilation_rate))
        self.activation = activation_names.get("activation", activation)
        self.use_bias = checks.boolean("use_bias", use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer, "kernel_initializer")
        self.bias_initializer = initializers.get(bias_initializer, "bias_initializer")

    @property
    def _reach(self) -> int:
        """Number of steps from the first to the last input that an output sees."""
        return self.dilation_rate * (self.kernel_size - 1)

    def _zeros(self, steps: int) -> tuple[int, int]:
        """Return the number of zeros before and after a sequence of this many steps."""
        if self.padding == "causal":
            return self._reach, 0
        if self.padding == "valid":
            return 0, 0
        outputs = -(-steps // self.strides)
        total = max(0, (outputs - 1) * self.strides + self._reach + 1 - steps)
        return total // 2, total - total // 2

    def build(self, *shapes: Shape) -> None:
        channels = known_last_axis(self, shapes[0], "B T C")
        self.add_weight(
            "kernel", (self.kernel_size, channels, self.filters), self.kernel_initializer
        )
        if self.use_bias:
            self.add_weight("bias", (self.filters,), self.bias_initializer)

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        batch, steps, _ = shapes[0]
        checks.shape(
            f"input of {self.name}",
            shapes[0][-1:],
            self.own_weights["kernel"].value.shape[1:2],
        )
        if steps is None:
            return ((batch, None, self.filters),)
        length = steps + sum(self._zeros(steps)) - self._reach
        if length < 1:
            raise InvalidShapeError(
                f"input of {self.name}", f"at least {self._reach + 1} time steps", steps
            )
        return ((batch, -(-length // self.strides), self.filters),)

    def forward_as(
        self, activation: ActivationName, run: Run, *inputs: Array, mask: Mask | None
    ) -> tuple[Arrays, Cache]:
        x, ops = inputs[0], run.ops
        B, T, C = x.shape
        before, after = self._zeros(T)
        state = run.state()
        mask = of_steps(self.name, mask)
        if mask is not None:
            self._check_mask(mask, ragged=run.ragged)
            if self._reach:  # Padding must not leak into the windows of real steps.
                x = to_zero(run.backend, x, mask)
        if self._reach and run.node in run.carried:
            past = state[0] if state else ops.zeros((B, self._reach, C), run.backend.dtype)
            x, before = ops.concatenate([past, x], 1), 0
            run.leave_state((self._last(run, x, mask),))
        if T + before + after + (x.shape[1] - T) <= self._reach:
            raise InvalidShapeError(
                f"input of {self.name}", f"at least {self._reach + 1} time steps", T
            )
        y, cache = ops.conv1d_forward(
            x,
            self.value("kernel"),
            self.value("bias") if self.use_bias else None,
            self.strides,
            self.dilation_rate,
            (before, after),
            activation,
        )
        return (y,), (cache, mask, x.shape[1] - T)

    def _check_mask(self, mask: Mask, *, ragged: bool) -> None:
        """Refuse padded sequences whose outputs would differ from those of each sequence alone.

        Raises:
            InvalidShapeError: a sequence has too few steps for an output.
            InvalidValueError: the outputs would depend on where the padding is.
        """
        begins = mask[:, 1:] & ~mask[:, :-1]
        if self.strides > 1 and begins.any():
            raise InvalidValueError(
                f"strides of {self.name}",
                '1, with padding in front of sequences, or padding="post" in pad_sequences',
                self.strides,
            )
        if not self._reach:
            return
        if (mask[:, 0] + begins.sum(1) > 1).any():
            raise InvalidValueError(
                f"input of {self.name}",
                "sequences with padding only before and after them",
                "one with padding between its steps",
            )
        if self.padding == "same" and self.strides > 1:
            raise InvalidValueError(
                f"padding of {self.name}",
                '"valid" or "causal" with strides and padded sequences',
                repr(self.padding),
            )
        if ragged and self.padding == "valid" and (mask.sum(1) <= self._reach).any():
            raise InvalidShapeError(
                f"input of {self.name}",
                f"at least {self._reach + 1} time steps",
                mask.sum(1).min(),
            )

    def _last(self, run: Run, x: Array, mask: Mask | None) -> Array:
        """Return the last steps of each sequence that later outputs will see."""
        ops, T = run.ops, x.shape[1]
        if mask is None:
            return ops.split(x, [T - self._reach, self._reach], 1)[1]
        steps = np.arange(1, T - self._reach + 1)
        ends = (mask * steps).max(1, initial=0)
        return steps_of(ops, x, ends[:, None] + np.arange(self._reach))

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        inner, mask, past = cache
        dw = self.gradient("kernel")
        db = self.gradient("bias") if self.use_bias else None
        dx = run.ops.conv1d_backward(gradients[0], inner, dw, db, need[0])
        if dx is not None and past:
            dx = run.ops.split(dx, [past, dx.shape[1] - past], 1)[1]
        if dx is not None and mask is not None and self._reach:
            dx = to_zero(run.backend, dx, mask)
        return (dx,)

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        steps = of_steps(self.name, mask)
        if steps is None:
            return None
        if self.padding != "valid":
            return steps[:, :: self.strides]
        # An output is real if its whole window is.
        first = np.arange(0, steps.shape[1] - self._reach, self.strides)
        windows = (steps[:, first + k * self.dilation_rate] for k in range(self.kernel_size))
        return reduce(and_, windows)

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        if self._reach == 0 and self.strides == 1:
            return ()
        if self.padding != "causal" or self.strides != 1:
            raise InvalidValueError(
                self.name,
                'kernel_size=1, or padding="causal" and strides=1, to work chunk by chunk',
                f"kernel_size={self.kernel_size}, padding={self.padding!r}, strides={self.strides}",
            )
        return ((self._reach, self.own_weights["kernel"].value.shape[1]),)
