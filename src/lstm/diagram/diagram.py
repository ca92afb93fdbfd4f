"""Diagram: a model as a picture of boxes, one for each call of a layer."""

from contextlib import suppress
from dataclasses import dataclass
from os import PathLike

from lstm import checks, storage
from lstm.diagram.layout import Box, Line, place
from lstm.diagram.svg import MARGIN, ROW, Card, Frame, Shape, curve, document
from lstm.errors import InvalidTypeError, InvalidValueError, NotReadyError
from lstm.interface import spelled
from lstm.layers import Bidirectional, InputLayer, Layer
from lstm.layers.recurrence import Recurrent
from lstm.models import Model
from lstm.models.outline import Outline, Place
from lstm.models.summary import shapes_of

_COLORS = {"input": "#e3e8eb", "recurrent": "#d3e4fb", "weights": "#dcefdc", "other": "#f5ecd7"}
"""The colors of titles: of inputs, recurrent layers, other layers with weights, and the rest."""


@dataclass(frozen=True)
class Diagram:
    """A picture of a model; Jupyter shows it.

    Attributes:
        svg: the picture as SVG.
    """

    svg: str

    def __repr__(self) -> str:
        return f"Diagram({len(self.svg):,} characters of SVG)"

    def _repr_svg_(self) -> str:
        return self.svg


@spelled
def plot_model(
    model: Model,
    to_file: str | PathLike[str] | None = "model.svg",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
) -> Diagram:
    """Draw a model: a box for each call of a layer, and what flows between them.

    Nothing else needs to be installed. A layer that is called again has another box, which says so.

    Args:
        model: a model; of one without a declared shape, after it has seen data.
        to_file: an `.svg` file to write; None for none.
        show_shapes: show the shapes that each layer takes and returns.
        show_dtype: show the dtype of what is computed.
        show_layer_names: show the names of layers, not only their classes.
        rankdir: where it leads: "TB" from top to bottom, "LR" from left to right, "BT", "RL".
        expand_nested: also show the layers of models within the model.
        show_layer_activations: show the activations.
        show_trainable: show which layers learn.

    Returns:
        The picture, with its SVG as `svg`.

    Raises:
        InvalidValueError: `to_file` is not the name of an `.svg` file, or `rankdir` is unknown.
        NotReadyError: the shape of the data is not known yet.
        ModelFileError: the file cannot be written.

    Example:
        >>> import lstm
        >>> model = lstm.Sequential([lstm.Input((None, 2)), lstm.layers.LSTM(8)])
        >>> picture = lstm.utils.plot_model(model, to_file=None, show_shapes=True)
        >>> "(None, 8)" in picture.svg
        True
    """
    if not isinstance(model, Model):
        raise InvalidTypeError("model", "a Model", type(model).__name__)
    if to_file is not None and not (to_file := checks.path("to_file", to_file)).endswith(".svg"):
        expected = "the name of an .svg file, such as model.svg, which every browser shows"
        raise InvalidValueError("to_file", expected, to_file)
    view = View(
        checks.boolean("show_shapes", show_shapes),
        str(model.backend.dtype) if checks.boolean("show_dtype", show_dtype) else None,
        checks.boolean("show_layer_names", show_layer_names),
        checks.one_of("rankdir", rankdir, ("TB", "LR", "BT", "RL")),
        checks.boolean("expand_nested", expand_nested),
        checks.boolean("show_layer_activations", show_layer_activations),
        checks.boolean("show_trainable", show_trainable),
    )
    whole = view.frame(model.outline, "")
    elements = [*whole.paths, *(part for shape in whole.inside for part in shape.drawn())]
    title = f"{type(model).__name__} {model.name}"
    diagram = Diagram(document(title, whole.width, whole.height, elements))
    if to_file is not None:
        storage.write_bytes(to_file, diagram.svg.encode())
    return diagram


@dataclass(frozen=True)
class View:
    """What a diagram shows: the options of `plot_model`."""

    shapes: bool
    dtype: str | None
    names: bool
    direction: str
    expanded: bool
    activations: bool
    trainable: bool

    def frame(self, outline: Outline, title: str) -> Frame:
        """Return the layers of a model in a frame, which has room for a title if there is one."""
        across = self.direction in ("LR", "RL")
        seen = set[Layer]()
        shapes: dict[Place, Shape] = {}
        for call in outline.calls:
            shapes[call] = self._shape(outline, call, again=outline.layer_of(call) in seen)
            seen.add(outline.layer_of(call))
        boxes = {
            call: Box(*((s.height, s.width) if across else (s.width, s.height)))
            for call, s in shapes.items()
        }
        lines = [
            Line(boxes[source], boxes[call]) for call in shapes for source in outline.sources[call]
        ]
        length = place(list(boxes.values()), lines)
        size = length[::-1] if across else length
        top, side = (ROW + MARGIN, MARGIN) if title else (0.0, 0.0)

        def at(x: float, y: float) -> tuple[float, float]:
            x, y = (y, x) if across else (x, y)
            x = size[0] - x if self.direction == "RL" else x
            y = size[1] - y if self.direction == "BT" else y
            return x + side, y + top

        for call, shape in shapes.items():
            x, y = at(boxes[call].x, boxes[call].y)
            shape.x, shape.y = round(x - shape.width / 2, 1), round(y - shape.height / 2, 1)
        paths = [curve([at(*point) for point in line.points], across=across) for line in lines]
        width = max(size[0], len(title) * 8.0) + 2 * side
        height = size[1] + top + side
        return Frame(width, height, title=title, inside=list(shapes.values()), paths=paths)

    def _shape(self, outline: Outline, call: Place, *, again: bool) -> Shape:
        layer = outline.layer_of(call)
        kind = type(layer).__name__
        title = f"{outline.layer_name(layer)} ({kind})" if self.names else kind
        if self.expanded and isinstance(layer, Model):
            with suppress(NotReadyError):  # A class of a user that was only called within this one.
                return self.frame(layer.outline, title)
        rows = [("again", "the same layer")] if again else []
        activation = getattr(layer, "activation", None)
        if self.activations and activation is not None:
            rows.append(("activation", str(activation)))
        if self.shapes:
            if call.layer is not None:
                rows.append(("input", shapes_of(call.inputs)))
            rows.append(("output", shapes_of(call.outputs)))
        if self.dtype is not None:
            rows.append(("dtype", self.dtype))
        if self.trainable and layer.weights:
            rows.append(("trainable", str(bool(layer.trainable_weights))))
        return Card(title=title, rows=rows, color=_color(layer))


def _color(layer: Layer) -> str:
    if isinstance(layer, InputLayer):
        return _COLORS["input"]
    if isinstance(layer, Recurrent | Bidirectional):
        return _COLORS["recurrent"]
    return _COLORS["weights" if layer.weights else "other"]
