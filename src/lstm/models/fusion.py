"""What a pass through a graph computes: a step for each node, or one for two that are fused."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from lstm.backends.contract import Array, Cache
from lstm.layers.base import Arrays, Gradients, Layer, Run
from lstm.layers.conv1d import Conv1D
from lstm.layers.dense import Activation, Dense
from lstm.layers.embedding import Embedding
from lstm.layers.gru import GRU
from lstm.layers.lstm import LSTM
from lstm.layers.masks import Mask
from lstm.layers.recurrent import Recurrent
from lstm.layers.simple_rnn import SimpleRNN
from lstm.layers.symbolic import SymbolicTensor
from lstm.layers.tied_dense import TiedDense


@dataclass(frozen=True)
class Step:
    """A layer that takes tensors to tensors.

    Attributes:
        name: that of the node whose outputs these are.
        fused: the name of a node below that is part of this step, or None.
    """

    layer: Layer
    name: str
    inputs: tuple[SymbolicTensor, ...]
    outputs: tuple[SymbolicTensor, ...]
    fused: str | None = None


class EmbeddedRecurrent(Layer):
    """An Embedding and the recurrent layer that reads it, as one: tokens (B, T) -> its outputs.

    The table P = E·W (V, 4H of an LSTM) holds what the kernel makes of every token, and x·W is its
    rows: exact but for rounding, and less work as soon as the batch has more tokens than the
    vocabulary. A batch of fewer is embedded first, and every batch if the layer drops inputs after
    all.
    """

    def __init__(self, embedding: Embedding, recurrent: Recurrent) -> None:
        super().__init__(recurrent.name)
        self.embedding = embedding
        self.recurrent = recurrent
        self.own_weights = {**embedding.own_weights, **recurrent.own_weights}

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        x, *state = inputs
        mask = self.embedding.mask_after(run, (x,), mask)
        if prod(x.shape) < self.embedding.input_dim or self.recurrent.dropout:
            (x,), seen = self.embedding.forward(run, x, mask=None)
            outputs, cache = self.recurrent.forward(run, x, *state, mask=mask)
            return outputs, (None, seen, cache)
        tokens = self.embedding.tokens(run, x)
        vectors, seen = self.embedding.table(run)
        table, product = run.ops.linear_forward(  # (L9)
            vectors, self.value("kernel"), None, "linear"
        )
        outputs, cache = self.recurrent.forward_with(table, run, tokens, *state, mask=mask)
        return outputs, (product, seen, cache)

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        product, seen, inner = cache
        ops, dE, dW = run.ops, self.gradient("embeddings"), self.gradient("kernel")
        if product is None:
            need = (dE is not None, *need[1:])
            dx, *rest = self.recurrent.backward(run, inner, *gradients, need=need)
            self.embedding.backward(run, seen, dx, need=(False,))
            return None, *rest
        learns = dE is not None or dW is not None
        shape = self.embedding.input_dim, self.recurrent.columns
        dtable = ops.zeros(shape, run.backend.dtype) if learns else None
        _, *rest = self.recurrent.backward_with(dtable, run, inner, *gradients, need=(False,))
        if learns:
            rows = ops.linear_backward(dtable, product, dW, None, dE is not None)  # (B13)
            self.embedding.backward(run, seen, rows, need=(False,))
        return None, *rest

    def joined_mask(self, run: Run, inputs: Arrays, masks: Sequence[Mask | None]) -> Mask | None:
        return self.recurrent.joined_mask(run, inputs, masks)

    def mask_after(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        mask = self.embedding.mask_after(run, inputs[:1], mask)
        return self.recurrent.mask_after(run, inputs, mask)


class ActivatedLinear(Layer):
    """A linear Dense or Conv1D and the Activation above it, as one.

    What either is set to after the model was made holds, too.
    """

    def __init__(self, linear: Dense | Conv1D, above: Activation) -> None:
        super().__init__(linear.name)
        self.linear = linear
        self.above = above
        self.own_weights = linear.own_weights

    def forward(self, run: Run, *inputs: Array, mask: Mask | None) -> tuple[Arrays, Cache]:
        if self.linear.activation != "linear":
            (z,), inner = self.linear.forward(run, *inputs, mask=mask)
            y, outer = self.above.forward(run, z, mask=mask)
            return y, (None, inner, outer)
        layer = self.linear.twin(activation=self.above.activation)
        y, inner = layer.forward(run, *inputs, mask=mask)
        return y, (layer, inner, None)

    def backward(
        self, run: Run, cache: Cache, *gradients: Array | None, need: Sequence[bool]
    ) -> Gradients:
        layer, inner, outer = cache
        if layer is None:
            layer = self.linear
            gradients = self.above.backward(run, outer, *gradients, need=(True,))
        done: Gradients = layer.backward(run, inner, *gradients, need=need)
        return done

    def output_mask(self, run: Run, inputs: Arrays, mask: Mask | None) -> Mask | None:
        return self.linear.output_mask(run, inputs, mask)

    @property
    def learns(self) -> bool:
        return self.linear.learns


def fuse(steps: Sequence[Step], outputs: Sequence[SymbolicTensor]) -> list[Step]:
    """The steps with those fused that give the same together, in less time.

    An Embedding that only recurrent layers read, and none that drops inputs, becomes part of these;
    an Activation that alone reads a linear Dense or Conv1D becomes that layer's own.

    Args:
        steps: those of a graph.
        outputs: the tensors that are wanted.
    """
    steps = _activated(steps, _readers(steps, outputs))
    return _embedded(steps, _readers(steps, outputs))


Readers = dict[SymbolicTensor, list[Step | None]]
"""The steps that read a tensor, and None if it is wanted as an output."""


def _readers(steps: Sequence[Step], outputs: Sequence[SymbolicTensor]) -> Readers:
    readers: Readers = {tensor: [None] for tensor in outputs}
    for step in steps:
        for tensor in step.inputs:
            readers.setdefault(tensor, []).append(step)
    return readers


def _activated(steps: Sequence[Step], readers: Readers) -> list[Step]:
    """The steps with every Activation in the linear layer below it."""
    linear = {
        step.outputs[0]: step
        for step in steps
        if isinstance(step.layer, Dense | Conv1D)
        and type(step.layer) in (Dense, TiedDense, Conv1D)  # what a subclass computes is not known
        and step.layer.activation == "linear"
        and [type(r.layer) if r else None for r in readers.get(step.outputs[0], [])] == [Activation]
    }
    return _joined(steps, linear, ActivatedLinear)


def _embedded(steps: Sequence[Step], readers: Readers) -> list[Step]:
    """The steps with every Embedding in the recurrent layers above, if only they read it whole."""

    def folds(embedding: Step) -> bool:
        (vectors,) = embedding.outputs
        return all(
            step is not None
            and isinstance(step.layer, Recurrent)
            and type(step.layer) in (LSTM, GRU, SimpleRNN)
            and step.inputs[0] is vectors
            and step.layer.dropout == 0
            for step in readers.get(vectors, [])
        )

    embeddings = {
        step.outputs[0]: step for step in steps if type(step.layer) is Embedding and folds(step)
    }
    return _joined(steps, embeddings, EmbeddedRecurrent)


def _joined(
    steps: Sequence[Step],
    below: Mapping[SymbolicTensor, Step],
    join: Callable[[Any, Any], Layer],
) -> list[Step]:
    """The steps without those in `below`, by output, which become part of their readers."""
    joined = []
    for step in steps:
        lower = below.get(step.inputs[0])
        if lower is not None:
            inputs = lower.inputs + step.inputs[1:]
            layer = join(lower.layer, step.layer)
            joined.append(Step(layer, step.name, inputs, step.outputs, lower.name))
        elif step.outputs[0] not in below:
            joined.append(step)
    return joined
