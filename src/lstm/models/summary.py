"""The table that `summary()` prints."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lstm import checks
from lstm.backends import Backend
from lstm.errors import InvalidValueError
from lstm.interface import overrides_computation
from lstm.layers.definition import Definition
from lstm.layers.symbolic import Call, Node, Shape, SymbolicTensor
from lstm.models.outline import Outline
from lstm.models.program import Program
from lstm.models.quantization import quantized_lines

_GAP = 2
"""Characters between two columns."""


@dataclass
class Row:
    """A call of a layer: what its line shows."""

    name: str
    kind: str
    shapes: str
    count: str
    trainable: str


def rows(outline: Outline, *, expanded: bool) -> list[Row]:
    """Return a row for each call of a layer, in the order in which they are computed.

    Args:
        outline: the layers of the model and their calls.
        expanded: whether to show the calls within composite layers instead of those of these.
    """
    graph = outline.graph
    inputs = [
        Row(outline.name_of(tensor.node), "InputLayer", shapes_of([tensor]), "0", "-")
        for tensor in graph.inputs
    ]
    parts: dict[Call | Node, set[Definition]] = {}
    for node in graph.nodes:
        parts.setdefault(node if expanded else outline.call_of(node), set()).add(node.path[-1])
    calls = graph.nodes if expanded else [call for call in outline.calls if call in parts]
    seen = set[Definition]()
    found = []
    for call in calls:
        assert call.layer is not None
        name = outline.name_of(call)
        found.append(_row(name, call, parts[call], again=call.layer in seen))
        seen.add(call.layer)
    return inputs + found


def _row(name: str, call: Call | Node, parts: set[Definition], *, again: bool) -> Row:
    weights = [weight for layer in parts for weight in layer.own_weights.values()]
    size = sum(weight.size for weight in weights)
    count = "shared" if again and size else f"{size:,}"
    learns = "-" if not weights else "Y" if any(weight.trainable for weight in weights) else "N"
    return Row(name, type(call.layer).__name__, shapes_of(call.outputs), count, learns)


@dataclass
class Table:
    """The form of the table: the arguments of `summary`.

    Args:
        line_length: number of characters in a line; None for as many as are needed.
        positions: where the columns end, as shares of the line or as numbers of characters.
        show_trainable: whether there is a column for what learns.
        layer_range: names of the first and the last layer to show.
    """

    line_length: int | None = None
    positions: Sequence[float] | None = None
    show_trainable: bool = False
    layer_range: Sequence[str] | None = None

    def __post_init__(self) -> None:
        checks.boolean("show_trainable", self.show_trainable)
        if self.line_length is not None:
            checks.int_at_least("line_length", self.line_length, 20)
        if self.positions is not None:
            ends = checks.sequence("positions", self.positions, "where each column ends")
            self.positions = [checks.number("positions", end, 0, open_low=True) for end in ends]

    def lines(self, found: Sequence[Row]) -> list[str]:
        """Return the lines of the table, with rules around them."""
        head = ["Layer (class)", "Output shape", "Parameters"]
        shown = self._shown(found)
        cells = [[f"{row.name} ({row.kind})", row.shapes, row.count] for row in shown]
        if self.show_trainable:
            head.append("Trainable")
            cells = [[*line, row.trainable] for line, row in zip(cells, shown, strict=True)]
        widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
        if self.line_length is not None or self.positions is not None:
            widths = self._widths(widths)
        lines = [_line(line, widths) for line in (head, *cells)]
        rule = "─" * (sum(widths) + _GAP * (len(widths) - 1))
        return [rule, lines[0], rule, *lines[1:], rule]

    def _shown(self, found: Sequence[Row]) -> Sequence[Row]:
        """Return the rows from the first to the last layer that was asked for."""
        if self.layer_range is None:
            return found
        ends = checks.sequence("layer_range", self.layer_range, "the names of two layers")
        if len(ends) != 2:
            raise InvalidValueError("layer_range", "the names of two layers", len(ends))
        names = [row.name for row in found]
        first, last = (names.index(checks.one_of("layer_range", name, names)) for name in ends)
        return found[min(first, last) : max(first, last) + 1]

    def _widths(self, needed: Sequence[int]) -> list[int]:
        """Return the widths of the columns for a given length of lines, or for given places."""
        gaps = _GAP * (len(needed) - 1)
        length = sum(needed) + gaps if self.line_length is None else self.line_length
        if self.positions is None:
            firsts = [round(width * (length - gaps) / sum(needed)) for width in needed[:-1]]
            return [*firsts, length - gaps - sum(firsts)]
        if len(self.positions) != len(needed):
            expected = f"{len(needed)} places, one for each column"
            raise InvalidValueError("positions", expected, len(self.positions))
        shares = max(self.positions) <= 1
        ends = [round(end * length) if shares else round(end) for end in self.positions]
        starts = [0, *(end + _GAP for end in ends[:-1])]
        return [max(1, end - start) for start, end in zip(starts, ends, strict=True)]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return the cells side by side, cut to the widths; numbers, in column 2, end below another."""
    placed = []
    for k, (text, width) in enumerate(zip(cells, widths, strict=True)):
        cut = text if len(text) <= width else text[: width - 1] + "…"
        placed.append(f"{cut:>{width}}" if k == 2 else f"{cut:<{width}}")
    return (" " * _GAP).join(placed).rstrip()


def closing_lines(program: Program, backend: Backend, fused: str) -> list[str]:
    """Return the lines below the table: totals, the backend, what is computed together.

    Args:
        program: the program of the model.
        backend: the backend of the model.
        fused: what is computed together with the loss, if anything.
    """
    graph = program.graph
    weights = graph.weights.values()
    total = sum(weight.size for weight in weights)
    frozen = sum(weight.size for weight in weights if not weight.trainable)
    size = sum(weight.nbytes for weight in weights)
    end = [f"{total:,} parameters ({_bytes(size)})" + (f", {frozen:,} frozen" if frozen else "")]
    end.append(f"Backend: {backend}")
    end += quantized_lines(graph)
    name_of = {layer: name for name, layer in graph.layers.items()}
    end += [
        f"Tied: kernel of {name} to {name_of[owner]}"
        for layer, name in name_of.items()
        for owner in layer.tied_to.values()
    ]
    end += [f"Fused: {part}" for step in program.steps for part in step.fused]
    if fused:
        end.append(f"Fused in training: {fused}, into the loss")
    if backend.ops.recording([], fixed=True) is not None:
        own = [
            *(f"{name} is" for layer, name in name_of.items() if _is_own(layer)),
            *(f"{one.called} calls" for one in graph.regularizers if any(map(_is_own, one.layers))),
        ]
        end += [
            f"No plan: {x} a layer of your own, so passes are computed step by step" for x in own
        ]
    return end


def _is_own(layer: Definition) -> bool:
    return overrides_computation(type(layer))


def shapes_of(tensors: Iterable[SymbolicTensor]) -> str:
    """Return how shapes are shown, such as "(None, 3)"."""
    return ", ".join(_shape(tensor.shape) for tensor in tensors)


def _shape(shape: Shape) -> str:
    return "(" + ", ".join("None" if size is None else str(size) for size in shape) + ")"


def _bytes(size: int) -> str:
    return f"{size / 1024:.1f} KiB" if size < 1 << 20 else f"{size / (1 << 20):.1f} MiB"
