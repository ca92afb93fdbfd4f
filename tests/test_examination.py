"""Everything asked at once, and the table of states."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from language_cases import TEXT, small
from lstm import LanguageModel, inspection
from lstm.errors import InvalidShapeError, InvalidTypeError, InvalidValueError, ModelFileError
from lstm.inspection import PROPERTIES, examine, read, readings, write_table


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return small()


def test_it_is_what_each_function_says(model: LanguageModel) -> None:
    found = examine(model, TEXT, characters=800, seed=3)
    reading = read(model, TEXT, characters=800)
    assert found.reading.pieces == reading.pieces
    assert found.nats == pytest.approx(reading.surprise[1:].mean())
    assert found.bits == pytest.approx(found.nats / np.log(2))
    assert found.units == inspection.best_units(inspection.find_units(reading, seed=3))
    memory, context = (
        inspection.memory(model, TEXT, seed=3),
        inspection.context(model, TEXT, seed=3),
    )
    assert found.memory is not None
    assert found.context is not None
    assert_array_equal(found.memory.change, memory.change)
    assert_array_equal(found.context.nats, context.nats)
    shut = inspection.saturation([reading.layers])["lstm"]["f"].low
    assert_array_equal(found.saturation["lstm"]["f"].low, shut)


def test_the_best_unit_of_each_property(model: LanguageModel) -> None:
    scores = inspection.find_units(read(model, TEXT))
    best = inspection.best_units(scores)
    assert len({unit.property for unit in best}) == len(best)
    for unit in best:
        assert unit.sigmas == max(s.sigmas for s in scores if s.property == unit.property)


def test_it_tells_what_it_does(model: LanguageModel) -> None:
    told: list[str] = []
    examine(model, TEXT, characters=100, progress=told.append)
    assert told[0] == "reading the text, 100 %"
    assert len(told) == len(set(told)) == 5


@pytest.mark.parametrize(("text", "known"), [("th", False), ("the", True), ("aaaa", False)])
def test_what_cannot_be_measured_is_none(model: LanguageModel, text: str, known: bool) -> None:
    found = examine(model, text)
    assert (found.memory is not None) == known
    assert found.units == ()
    assert len(found.position.nats) == len(text) - 1


def test_what_is_refused(model: LanguageModel) -> None:
    with pytest.raises(InvalidTypeError, match="model: expected a LanguageModel, got Sequential"):
        examine(model.model, TEXT)  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match="corpus: expected a text that is not empty"):
        examine(model, "")
    with pytest.raises(InvalidValueError, match=r"corpus: expected at least 2 tokens, .* got t"):
        examine(model, "t")
    with pytest.raises(InvalidValueError, match="characters: expected at least 2 tokens"):
        examine(model, TEXT, characters=1)
    with pytest.raises(InvalidShapeError, match=r"property wrong: expected .* one for each"):
        examine(model, TEXT, properties={"wrong": lambda text: np.zeros(3)})
    with pytest.raises(InvalidValueError, match="characters"):
        examine(model, TEXT, characters=0)


class TestTable:
    def test_a_long_text_in_parts(self, model: LanguageModel, tmp_path: Path) -> None:
        text = TEXT[:1100]
        parts = list(readings(model, text))
        assert len(parts) > 1
        assert write_table(tmp_path / "a.csv", iter(parts), layer="lstm", unit=3) == 1100
        assert write_table(tmp_path / "b.csv", [read(model, text)], unit=3) == 1100
        assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv").read_text()
        with (tmp_path / "a.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [int(row["step"]) for row in rows] == list(range(1100))
        assert "".join(row["token"] for row in rows) == text

    def test_a_failure_leaves_the_file_as_it_was(
        self, model: LanguageModel, tmp_path: Path
    ) -> None:
        (tmp_path / "a.csv").write_text("before")

        def broken() -> object:
            yield read(model, TEXT, characters=10)
            raise RuntimeError("the power went")

        with pytest.raises(RuntimeError):
            write_table(tmp_path / "a.csv", broken())  # type: ignore[arg-type]
        assert (tmp_path / "a.csv").read_text() == "before"
        with pytest.raises(ModelFileError):
            write_table(tmp_path / "none" / "a.csv", [])

    @pytest.mark.parametrize(
        ("options", "argument"),
        [({"unit": 24}, "unit"), ({"unit": -1}, "unit"), ({"layer": "x"}, "layer")],
    )
    def test_units_and_layers_that_are_not_there_are_refused(
        self, model: LanguageModel, tmp_path: Path, options: dict[str, Any], argument: str
    ) -> None:
        parts = [read(model, "the", top=1)]
        with pytest.raises(InvalidValueError, match=argument):
            write_table(tmp_path / "a.csv", parts, **options)
        assert not list(tmp_path.iterdir())


def test_every_property_gives_a_value_for_each_character() -> None:
    for text in ("", "a", NASTY):
        for name, function in PROPERTIES.items():
            assert np.shape(function(text)) == (len(text),), name


NASTY = ' \n\t"“(]) \x00: A.b\n\n  x'
