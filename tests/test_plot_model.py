"""Models as pictures: what is in them, and where."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lstm
from lstm.diagram import Diagram
from lstm.diagram.layout import Box, Line, place
from lstm.errors import InvalidTypeError, InvalidValueError, NotReadyError
from lstm.layers import LSTM, Bidirectional, Concatenate, Dense, Input
from lstm.utils import plot_model

SVG = "{http://www.w3.org/2000/svg}"


def branched() -> lstm.Model:
    x, y = Input((None, 2)), Input((3,), name="other")
    shared = Dense(2, activation="tanh", name="shared")
    inner = lstm.Sequential([Bidirectional(LSTM(4)), Dense(3)], name="inner")
    return lstm.Model([x, y], Concatenate()([inner(x), shared(y), shared(Dense(3)(y))]))


def texts(picture: Diagram) -> list[str]:
    root = ElementTree.fromstring(picture.svg)
    return [element.text or "" for element in root.iter(f"{SVG}text")]


class TestContents:
    def test_are_classes(self) -> None:
        found = texts(plot_model(branched(), to_file=None))
        layers = ["InputLayer"] * 2 + ["Dense"] * 3 + ["Sequential", "Concatenate"]
        assert sorted(found) == sorted([*layers, "again", "the same layer"])

    def test_are_names_shapes_and_more_on_request(self) -> None:
        model = branched()
        model.get_layer("shared").trainable = False
        found = texts(
            plot_model(
                model,
                to_file=None,
                show_shapes=True,
                show_dtype=True,
                show_layer_names=True,
                show_layer_activations=True,
                show_trainable=True,
            )
        )
        for text in ("other (InputLayer)", "shared (Dense)", "inner (Sequential)", "tanh"):
            assert text in found
        for text in ("(None, None, 2)", "(None, 3), (None, 2), (None, 2)", "float32", "False"):
            assert text in found

    def test_are_layers_within_models_on_request(self) -> None:
        model = branched()
        short, long = (
            texts(plot_model(model, to_file=None, expand_nested=expand)) for expand in (False, True)
        )
        assert "Bidirectional" not in short
        assert "Bidirectional" in long
        assert "Sequential" in long

    def test_cannot_end_the_picture(self) -> None:
        model = lstm.Sequential([Input((2,)), Dense(1, name='<b>"&\x1b')])
        found = texts(plot_model(model, to_file=None, show_layer_names=True))
        assert any(text.startswith('<b>"&') for text in found)
        assert "\x1b" not in "".join(found)


class TestFiles:
    def test_hold_the_picture_that_is_returned(self, tmp_path: Path) -> None:
        path = tmp_path / "model.svg"
        picture = plot_model(branched(), to_file=path, dpi=96, rankdir="LR")
        assert path.read_text("utf-8") == picture.svg == picture._repr_svg_()
        assert repr(picture).startswith("Diagram(")

    def test_have_a_name_where_none_is_given(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        plot_model(branched())
        assert (tmp_path / "model.svg").exists()

    @pytest.mark.parametrize("name", ["model.png", "model", "model.pdf"])
    def test_of_other_kinds_are_refused(self, name: str, tmp_path: Path) -> None:
        expected = r"to_file: expected the name of an \.svg file, such as model\.svg"
        with pytest.raises(InvalidValueError, match=expected):
            plot_model(branched(), to_file=tmp_path / name)
        assert not list(tmp_path.iterdir())


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="rankdir: expected one of 'TB'"):
        plot_model(branched(), to_file=None, rankdir="up")
    with pytest.raises(InvalidTypeError, match="model: expected a Model, got LSTM"):
        plot_model(LSTM(3), to_file=None)  # type: ignore[arg-type]
    with pytest.raises(NotReadyError):
        plot_model(lstm.Sequential([LSTM(3)]), to_file=None)


@pytest.mark.parametrize("direction", ["TB", "BT", "LR", "RL"])
def test_arrows_lead_in_the_direction_that_is_wanted(direction: str) -> None:
    picture = plot_model(branched(), to_file=None, rankdir=direction)
    for path in re.findall(r'<path d="M(\S+) (\S+?)C.* (\S+) (\S+)" fill="none"', picture.svg):
        x, y, to_x, to_y = map(float, path)
        ahead = to_y - y if direction in ("TB", "BT") else to_x - x
        assert ahead > 0 if direction in ("TB", "LR") else ahead < 0
    root = ElementTree.fromstring(picture.svg)
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    for card in root.iter(f"{SVG}rect"):
        if card.get("x"):
            x, y, w, h = (float(card.get(key, 0)) for key in ("x", "y", "width", "height"))
            assert 0 <= x <= x + w <= width
            assert 0 <= y <= y + h <= height


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Box], list[Line]]:
    size = st.tuples(st.integers(20, 300), st.integers(20, 90))
    boxes = [Box(*sizes) for sizes in draw(st.lists(size, min_size=1, max_size=12))]
    pairs = [(a, b) for b in range(len(boxes)) for a in range(b)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return boxes, [Line(boxes[a], boxes[b]) for a, b in chosen]


@given(graphs())
def test_boxes_of_any_graph_stand_apart(graph: tuple[list[Box], list[Line]]) -> None:
    boxes, lines = graph
    width, height = place(boxes, lines)
    for k, one in enumerate(boxes):
        assert one.width / 2 - 1e-6 <= one.x <= width - one.width / 2 + 1e-6
        assert one.height / 2 - 1e-6 <= one.y <= height - one.height / 2 + 1e-6
        for other in boxes[:k]:
            beside = abs(one.x - other.x) >= (one.width + other.width) / 2 - 1e-6
            below = abs(one.y - other.y) >= (one.height + other.height) / 2 - 1e-6
            assert beside or below
    for line in lines:
        ys = [y for _, y in line.points]
        assert ys == sorted(ys)
        assert line.points[0][1] == line.start.y + line.start.height / 2
        assert line.points[-1][1] == line.end.y - line.end.height / 2
