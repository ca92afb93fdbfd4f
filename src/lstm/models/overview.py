"""Overview: what users ask of a model: its tensors, its layers, a table of them."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

from lstm import checks
from lstm.configured import members
from lstm.errors import (
    InvalidTypeError,
    InvalidValueError,
    NoSuchAttributeError,
    NotReadyError,
)
from lstm.interface import computed
from lstm.layers.base import Layer
from lstm.layers.symbolic import SymbolicTensor
from lstm.models.graph import Graph
from lstm.models.output_specs import output_names
from lstm.models.structure import GraphLayer
from lstm.models.summary import Table, closing_lines, rows
from lstm.terminal import encodable, visible_name


class Overview(GraphLayer):
    """A graph with the tensors, layers and texts that users ask it for."""

    @computed
    def inputs(self) -> list[SymbolicTensor]:
        """The input tensors."""
        return list(self._traced_for("inputs").inputs)

    @computed
    def outputs(self) -> list[SymbolicTensor]:
        """The output tensors."""
        return list(self._traced_for("outputs").outputs)

    @computed
    def input_names(self) -> list[str]:
        """The names of the inputs: their keys in a dict of data, or those of their layers."""
        outline = self.outline
        return [outline.name_of(tensor.node) for tensor in self.inputs]

    @computed
    def output_names(self) -> list[str]:
        """The names of the outputs, for losses and targets in a dict: those of their layers."""
        return output_names(self._traced_for("output_names"))

    @computed
    def input(self) -> SymbolicTensor | list[SymbolicTensor]:
        """The input tensor; a list of them if there are several.

        Example:
            >>> import lstm
            >>> model = lstm.Sequential([lstm.Input((5, 2)), lstm.layers.LSTM(8, name="code")])
            >>> lstm.Model(model.input, model.get_layer("code").output).count_params()
            352
        """
        inputs: list[SymbolicTensor] = self.inputs
        return inputs[0] if len(inputs) == 1 else inputs

    @computed
    def output(self) -> Any:
        """The output tensor, or the list or dict of them that the model was made with."""
        return self.arranged(self.outputs)

    @computed
    def input_shape(self) -> Any:
        """The shape of the input, batch first; a list of shapes for several inputs."""
        shapes = [tensor.shape for tensor in self.inputs]
        return shapes[0] if len(shapes) == 1 else shapes

    @computed
    def output_shape(self) -> Any:
        """The shape of the output, batch first; a list or dict of shapes for several outputs."""
        return self.arranged([tensor.shape for tensor in self.outputs])

    def _traced_for(self, wanted: str) -> Graph:
        """Return the graph.

        Raises:
            NoSuchAttributeError: the shape of the data is not known yet.
        """
        try:
            return self._ready()
        except NotReadyError as error:
            raise NoSuchAttributeError(f"{wanted}: {error}") from None

    @property
    def layers(self) -> list[Layer]:
        """The layers of the model; a layer within another, such as a Bidirectional, is its part.

        In a functional model, they are in the order of Keras: those farthest from the outputs
        first, with an `InputLayer` for each input; in a Sequential, as they were added, without
        that of the input; in your own class, as it keeps them in attributes.
        """
        if self._functional:
            return list(self.outline.layers)
        return list(dict.fromkeys(members(list(vars(self).values()), Layer)))

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return one of `layers`, or a layer within one of them.

        Args:
            name: its name; "bidirectional/forward_lstm" is a layer within another.
            index: its place in `layers`, instead of the name.

        Raises:
            InvalidValueError: there is no such layer; the message names the closest.
        """
        if (name is None) == (index is None):
            got = "neither" if name is None else "both"
            raise InvalidTypeError("get_layer", "a name or an index", got)
        if name is None:
            place = checks.integer("index", index)
            if not -len(self.layers) <= place < len(self.layers):
                expected = f"the place of one of {len(self.layers)} layers"
                raise InvalidValueError("index", expected, place)
            return self.layers[place]
        name_of = self.outline.layer_name if self._functional else lambda layer: layer.name
        known = {name_of(layer): layer for layer in self.layers}
        if self._graph is not None:
            known |= {k: layer for k, layer in self._graph.layers.items() if k not in known}
        return known[checks.one_of("name", name, known)]

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Print the layers with output shapes and numbers of parameters, and the backend.

        Args:
            line_length: number of characters in a line; by default as many as are needed.
            positions: where the columns end, as shares of the line or as numbers of characters.
            print_fn: gets the text, in one call, instead of `print`.
            expand_nested: also show the layers within layers.
            show_trainable: also show which layers learn.
            layer_range: names of the first and the last layer to show.
        """
        table = Table(line_length, positions, show_trainable, layer_range)
        expanded = checks.boolean("expand_nested", expand_nested)
        of_layers = rows(self.outline, expanded=expanded)
        lines = [type(self).__name__, *table.lines(of_layers)]
        lines += closing_lines(self.program, self.backend, self._fused)
        lines = [visible_name(line) for line in lines]  # The names may come from a file.
        if print_fn is not None:
            print_fn("\n".join(lines))
        else:
            print(encodable("\n".join(lines), sys.stdout))

    @property
    def _fused(self) -> str:
        """Return what training computes together with the loss, if anything."""
        return ""
