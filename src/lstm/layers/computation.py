"""Computation: what a layer computes: shapes, a forward and a backward pass, masks, a state."""

from collections.abc import Sequence

from lstm.backends.contract import Array, Cache
from lstm.errors import InvalidValueError, NotDefinedError
from lstm.interface import set_by_constructor
from lstm.layers.abilities import Abilities
from lstm.layers.masks import Mask, union
from lstm.layers.rules import Shape
from lstm.layers.run import Arrays, Gradients, Run


class Computation(Abilities):
    """Base of layers: the methods that each defines for itself."""

    name: str = set_by_constructor()

    keeps_mask = False
    """Whether output step t belongs to input step t, so that a mask passes through."""

    memoryless = False
    """Whether output step t depends only on input step t: nothing is carried between chunks."""

    @property
    def composite(self) -> bool:
        """Whether it computes by calling other layers, not by `forward` and `backward`."""
        return False

    def build(self, *shapes: Shape) -> None:
        """Create the weights for inputs of these shapes; called once."""

    def output_shapes(self, *shapes: Shape) -> tuple[Shape, ...]:
        """Return the shapes of the outputs for inputs of these shapes.

        Raises:
            InvalidShapeError: the layer cannot accept such inputs.
        """
        undefined = type(self).forward is Computation.forward
        raise NotDefinedError(self, "call(inputs)" if undefined else "output_shapes(*shapes)")

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        """Return a tuple of the outputs, and what `backward` needs.

        Args:
            run: the current pass.
            inputs: arrays of the backend.
            mask: bool (B, T), or with more of the first axes of the inputs: False marks padding.
                None without padding.
        """
        raise NotDefinedError(self, "forward(run, *inputs, mask)")

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        """Return a tuple of the gradients of the inputs; add those of the weights to their buffers.

        Args:
            run: the current pass.
            cache: what `forward` returned for it.
            gradients: one for each output; at least one is not None.
            need: for each input, whether its gradient is needed; if not, it may be None.
        """
        raise NotDefinedError(self, "backward(run, cache, *gradients, need)")

    def joined_mask(self, run: Run, inputs: Arrays, masks: Sequence[Mask | None]) -> Mask | None:
        """Return the single mask for reading the inputs, each of which may have one.

        Raises:
            InvalidValueError: the layer cannot read inputs with these masks.
        """
        if len(masks) == 1:
            return masks[0]
        shapes = [tuple(x.shape) for x in inputs]
        return union(self.name, shapes, masks, ragged=run.ragged)

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        """Return the mask of the first output; with `keeps_mask`, it is the mask of the input.

        Raises:
            InvalidValueError: there is padding, and the layer does not say where in the output.
        """
        if mask is None or self.keeps_mask:
            return mask
        raise InvalidValueError(
            f"{type(self).__name__}",
            "keeps_mask = True, or an output_mask(run, inputs, mask) that says which steps of its "
            "output are real (None: it has no steps), to read padded sequences",
            "neither",
        )

    def mask_after(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        """Like `output_mask`; a mask (B,) of whole examples stays unchanged."""
        return mask if mask is not None and mask.ndim == 1 else self.output_mask(run, inputs, mask)

    def state_shapes(self, *shapes: Shape) -> tuple[tuple[int, ...], ...]:
        """Return the shapes, without the batch axis, of the state between chunks of a sequence.

        In `forward`, `run.state()` is the state after the last chunk, or None, and
        `run.leave_state(state)` keeps the state for the next chunk.

        Args:
            shapes: the shapes of the inputs.

        Raises:
            InvalidValueError: the layer cannot work chunk by chunk, or does not say whether it can.
        """
        if self.memoryless:
            return ()
        raise InvalidValueError(
            self.name,
            f"in class {type(self).__name__}, to work chunk by chunk, `memoryless = True` if each "
            "output step depends only on its own input step, or `def state_shapes(self, *shapes)`",
            "neither",
        )
