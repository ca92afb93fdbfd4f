"""Recurrent: the base of all recurrent layers, with states, sequences, direction and dropout."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, TypedDict, Unpack

import numpy as np

from lstm import checks, initializers
from lstm.backends.contract import Array, Cache, RecurrentSpec, RecurrentWeights
from lstm.errors import InvalidValueError, NotDefinedError
from lstm.initializers import Initializer
from lstm.interface import promises
from lstm.layers.activation_names import ActivationSpec, in_cell
from lstm.layers.arguments import first_by_position, listed_states
from lstm.layers.base import Arrays, Gradients, LayerOptions, Run
from lstm.layers.dropout import feature_mask
from lstm.layers.masks import Mask, of_steps, to_zero
from lstm.layers.options import options_of
from lstm.layers.rules import known_last_axis
from lstm.layers.stateful import Stateful
from lstm.layers.symbolic import Shape, Tensors, has_operands


class Sequences(TypedDict, total=False):
    """The names of the first argument of a call."""

    inputs: Any
    sequences: Any


class RecurrentOptions(LayerOptions, total=False):
    """The keyword arguments that every recurrent layer accepts."""

    dropout: float
    recurrent_dropout: float
    return_sequences: bool
    return_state: bool
    go_backwards: bool
    stateful: bool
    zero_output_for_mask: bool


spec_of = cache(RecurrentSpec)
"""Returns a specification; cached, because layers ask for it at every step."""


class Recurrent(Stateful):
    """A layer that reads a sequence step by step: (B, T, D) -> (B, units) or (B, T, units).

    A subclass says in `spec` what it computes. The constructor's arguments are explained there.
    """

    never_called: ClassVar[Mapping[str, str]] = {
        **Stateful.never_called,
        "get_initial_state": "state_shapes, of a layer with forward; states start as zeros",
    }
    decisive = ("dropout",)
    reads_steps = True
    heeds_training = True
    int8_axes: ClassVar[Mapping[str, int]] = {"kernel": 1, "recurrent_kernel": 1}
    weight_options = options_of("kernel", "recurrent", "bias")
    fixed_arguments: ClassVar[tuple[str, ...]] = (
        *("units", "use_bias"),
        *("return_sequences", "return_state"),
    )

    def __init__(
        self,
        units: int,
        *,
        activation: ActivationSpec,
        use_bias: bool,
        kernel_initializer: str | Initializer | dict[str, Any],
        recurrent_initializer: str | Initializer | dict[str, Any],
        bias_initializer: str | Initializer | dict[str, Any],
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        zero_output_for_mask: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.units = checks.positive_int("units", units)
        self.activation = in_cell("activation", activation)
        self.use_bias = checks.boolean("use_bias", use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer, "kernel_initializer")
        self.recurrent_initializer = initializers.get(
            recurrent_initializer, "recurrent_initializer"
        )
        self.bias_initializer = initializers.get(bias_initializer, "bias_initializer")
        self.dropout = checks.number("dropout", dropout, 0, 1, open_high=True)
        self.recurrent_dropout = checks.number(
            "recurrent_dropout", recurrent_dropout, 0, 1, open_high=True
        )
        self.return_sequences = checks.boolean("return_sequences", return_sequences)
        self.return_state = checks.boolean("return_state", return_state)
        self.go_backwards = checks.boolean("go_backwards", go_backwards)
        self.stateful = checks.boolean("stateful", stateful)
        self.zero_output_for_mask = checks.boolean("zero_output_for_mask", zero_output_for_mask)
        if self.stateful and self.go_backwards:
            raise InvalidValueError("stateful", "False with go_backwards=True", True)

    # ---- what a subclass defines

    @property
    def spec(self) -> RecurrentSpec:
        """The specification of the computation."""
        raise NotDefinedError(self, "spec")

    def initial_bias(self) -> Initializer:
        """The initializer of the bias."""
        return self.bias_initializer

    # ---- what follows from this

    @property
    def columns(self) -> int:
        """Number of columns of the kernels."""
        return self.spec.layout.blocks * self.units

    @property
    def states(self) -> tuple[str, ...]:
        """The names of the states that it carries from step to step, the output first."""
        return self.spec.layout.states

    def __call__(
        self,
        *given: Any,
        initial_state: Any = None,
        training: object = None,
        mask: object = None,
        **inputs: Unpack[Sequences],
    ) -> Tensors:
        """Apply the layer to a sequence, from `initial_state` if it is given.

        Args:
            given: the sequence, and perhaps the states; or by name, `sequences` or `inputs`.
            initial_state: a list of the states, or the state if there is only one.
        """
        states = listed_states(initial_state, self._states())
        given, _ = first_by_position(type(self).__name__, ("inputs", "sequences"), given, inputs)
        several = len(given) == 1 and isinstance(given[0], list | tuple)
        flat = list(given[0]) if several and has_operands(given[0]) else list(given)
        return super().__call__(*flat, *states, training=training, mask=mask)

    def _states(self) -> str:
        names = {"h": "hidden", "c": "cell"}
        return " and ".join(f"a {names[state]} state" for state in self.states)

    def build(self, *shapes: Shape) -> None:
        size = known_last_axis(self, shapes[0], "B T D")
        columns, layout = self.columns, self.spec.layout
        width = layout.widths(self.units)[0]
        self.add_weight("kernel", (size, columns), self.kernel_initializer)
        self.add_weight("recurrent_kernel", (width, columns), self.recurrent_initializer)
        if self.use_bias:
            shape = (columns,) if layout.biases == 1 else (layout.biases, columns)
            self.add_weight("bias", shape, self.initial_bias())

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        if len(shapes) not in (1, 1 + len(self.states)):
            raise InvalidValueError("initial_state", self._states(), f"{len(shapes) - 1} tensors")
        known_last_axis(self, shapes[0], "B T D")
        checks.shape(
            f"input of {self.name}", shapes[0][-1:], self.own_weights["kernel"].value.shape[:1]
        )
        widths, (batch, steps, _) = self.spec.layout.widths(self.units), shapes[0]
        for state, width in zip(shapes[1:], widths, strict=False):
            checks.shape("initial_state", state, (batch, width))
        y = (batch, steps, widths[0]) if self.return_sequences else (batch, widths[0])
        return (y, *[(batch, width) for width in widths * self.return_state])

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        x, *given = inputs
        dropped = feature_mask(run, x.shape[0], x.shape[2], self.dropout)
        if dropped is not None:
            x = run.ops.scale_features(x, dropped)
        outputs, cache = self.forward_with(self.value("kernel"), run, x, *given, mask=mask)
        return outputs, (dropped, cache)

    def forward_with(
        self, kernel: Array, run: Run, *inputs: Array, mask: Array | None
    ) -> tuple[Arrays, Cache]:
        """Run `forward` with this kernel; if the input is tokens (B, T), it is a table (V, ...).

        There is no dropout of the input, because tokens have no features to drop.
        """
        x, *given = inputs
        mask = of_steps(self.name, mask)
        spec, r = self.spec, self.value("recurrent_kernel")
        first = given or run.state() or (None,) * len(spec.layout.states)
        recurrent_mask = feature_mask(run, x.shape[0], r.shape[0], self.recurrent_dropout)
        steps = None if mask is None else run.ops.array(mask)
        y, last, cache = run.ops.recurrent_forward(
            spec, x, self.weights_for(kernel), first, steps, recurrent_mask, run.keep_cache
        )
        run.leave_state(last)
        zero = mask if self.zero_output_for_mask and self.return_sequences else None
        if zero is not None:
            y = to_zero(run.backend, y, zero)
        if not self.return_sequences:
            y = last[0]
        elif self.go_backwards:
            y = run.ops.flip(y, 1)
        return (y, *last * self.return_state), (zero, cache)

    @property
    def reads_table(self) -> bool:
        kept = promises(type(self), "forward_with", "forward", "backward", "backward_with")
        return kept and self.dropout == 0

    def weights_for(self, kernel: Array) -> RecurrentWeights:
        """Return its weights, with this kernel."""
        bias = self.value("bias") if self.use_bias else None
        return RecurrentWeights(kernel, self.value("recurrent_kernel"), bias)

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        dropped, cache = cache
        dx, *rest = self.backward_with(self.gradient("kernel"), run, cache, *gradients, need=need)
        if dropped is not None and dx is not None:
            dx = run.ops.scale_features(dx, dropped)
        return (dx, *rest)[: len(need)]  # Without initial_state, the state is not an input.

    def backward_with(
        self,
        dkernel: Array | None,
        run: Run,
        cache: Cache,
        *gradients: Array | None,
        need: Sequence[bool],
    ) -> Gradients:
        """Run `backward`, and add the gradient of the kernel to this buffer."""
        zero, cache = cache
        dy, *dstate = gradients if self.return_state else (gradients[0], *[None] * len(self.states))
        if not self.return_sequences:
            dh_n = dstate[0]
            dstate[0] = dy if dh_n is None else dh_n if dy is None else run.ops.add([dy, dh_n])
            dy = None
        elif self.go_backwards and dy is not None:
            dy = run.ops.flip(dy, 1)
        if zero is not None and dy is not None:
            dy = to_zero(run.backend, dy, zero)
        dbias = self.gradient("bias") if self.use_bias else None
        gradients = RecurrentWeights(dkernel, self.gradient("recurrent_kernel"), dbias)
        dx, dfirst = run.ops.recurrent_backward(dy, dstate, cache, gradients, need[0])
        return dx, *dfirst

    def joined_mask(self, run: Run, inputs: Arrays, masks: Sequence[Mask | None]) -> Mask | None:
        """Return the mask of the sequence; the other masks belong to the initial state."""
        return masks[0]

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        mask = of_steps(self.name, mask)
        if mask is None:
            return None
        if not self.return_sequences:
            return np.any(mask, 1)
        return np.flip(mask, 1) if self.go_backwards else mask

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        if self.go_backwards:
            raise InvalidValueError(
                self.name,
                "layers that read forwards, to work chunk by chunk",
                "go_backwards=True",
            )
        if len(shapes) > 1:
            raise InvalidValueError(
                self.name,
                "no initial_state, from which every chunk would start, to work chunk by chunk",
                "one",
            )
        return tuple((width,) for width in self.spec.layout.widths(self.units))
