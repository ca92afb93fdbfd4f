"""`load_model(custom_objects=...)` is blamed for what is wrong with it, not the file."""

from pathlib import Path
from typing import Any

import pytest

import lstm
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.layers import GRU, Dense, Embedding, Input, Layer
from lstm.text import CharVocabulary


class Scale(Layer):
    """Stands for the class that was saved."""

    memoryless = True
    keeps_mask = True

    def __init__(self, factor: float, **options: Any) -> None:
        super().__init__(**options)
        self.factor = factor

    def build(self, *shapes: Any) -> None:
        self.add_weight("w", shapes[0][-1:], "ones")

    def output_shapes(self, *shapes: Any) -> Any:
        return shapes

    def forward(self, run: Any, *inputs: Any, mask: Any) -> Any:
        return (run.ops.add([inputs[0], inputs[0]]),), None


class Otherwise(Scale):
    """Takes another argument."""

    def __init__(self, rate: float) -> None:
        super().__init__(rate)


class Renamed(Scale):
    """Has another weight."""

    def build(self, *shapes: Any) -> None:
        self.add_weight("v", shapes[0][-1:])


class Failing(Scale):
    """Has an error of its own."""

    def build(self, *shapes: Any) -> None:
        raise RuntimeError("no luck")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "model.safetensors"
    lstm.Sequential([Input((3,)), Dense(2), Scale(2.0)]).save(file)
    return file


@pytest.mark.parametrize(
    "custom_objects",
    [[Scale], Scale, "Scale", {"Scale": Scale(2.0)}, {Scale: Scale}, {"Scale": int}, [], 0],
)
def test_what_is_no_dict_of_classes_is_refused_before_the_file_is_read(custom_objects: Any) -> None:
    message = r"^custom_objects: expected a dict of layer classes by name, such as .*, got "
    with pytest.raises(InvalidTypeError, match=message):
        lstm.load_model("there_is_no_such_file", custom_objects)
    with pytest.raises(InvalidTypeError, match=message):
        lstm.LanguageModel.load("there_is_no_such_file", custom_objects=custom_objects)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (Otherwise, "unexpected keyword argument 'factor'"),
        (Renamed, "scale/v: expected an array, got none"),
        (Failing, "no luck"),
        (Dense, "factor"),
    ],
)
def test_a_class_that_is_not_the_one_that_was_saved(kind: Any, why: str, path: Path) -> None:
    with pytest.raises(InvalidTypeError) as error:
        lstm.load_model(path, {"Scale": kind})
    message = str(error.value)
    assert message.startswith(
        "custom_objects: expected the class 'Scale' that was saved, made with"
    )
    assert "factor=2.0" in message
    assert f"{kind.__name__} (" in message
    assert why in message
    assert lstm.load_model(path, {"Scale": Scale}).count_params() == 10


def test_a_language_model_with_layers_of_ones_own(tmp_path: Path) -> None:
    vocabulary = CharVocabulary.from_text("abc\n")
    layers = [Embedding(4, 3), GRU(5, return_sequences=True), Scale(2.0), Dense(4)]
    made = lstm.LanguageModel.create(vocabulary, model=lstm.Sequential(layers))
    made.save(tmp_path / "model")
    loaded = lstm.LanguageModel.load(tmp_path / "model", custom_objects={"Scale": Scale})
    assert loaded.generate("ab", 20, seed=0) == made.generate("ab", 20, seed=0)
    for classes in (None, {}):
        with pytest.raises(InvalidValueError, match=r"^custom_objects: expected the class 'Scale'"):
            lstm.LanguageModel.load(tmp_path / "model", custom_objects=classes)
    with pytest.raises(InvalidTypeError, match=r"^custom_objects: .* that was saved, made with"):
        lstm.LanguageModel.load(tmp_path / "model", custom_objects={"Scale": Renamed})


def test_an_error_of_the_file_stays_one(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(lstm.errors.ModelFileError, match=r"is damaged"):
        lstm.load_model(path, {"Scale": Scale})
