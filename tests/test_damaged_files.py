"""Files that are damaged, of other programs, or whose headers make no sense are refused."""

import copy
import hashlib
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import lstm
from lstm import storage
from lstm.container import INT8_FORMAT
from lstm.errors import InvalidValueError, ModelFileError
from lstm.layers import LSTM, Dense, Embedding, TiedDense

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(6, 5, 1)), RNG.normal(size=(6, 1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


class TestDamage:
    @pytest.fixture
    def file(self, path: Path) -> bytes:
        """A model file as small as can be, with weights, optimizer and all."""
        model = lstm.Sequential([lstm.Input((None, 1)), LSTM(1), Dense(1)])
        model.compile("adam", "mse")
        model.fit(X, Y, verbose=0)
        model.save(path)
        return path.read_bytes()

    def test_every_truncation_is_noticed(self, path: Path, file: bytes) -> None:
        for length in reversed(range(len(file))):
            os.truncate(path, length)
            with pytest.raises(ModelFileError):
                lstm.load_model(path)

    def test_a_flipped_bit_in_any_byte_is_noticed(self, path: Path, file: bytes) -> None:
        rng = np.random.default_rng(0)
        with path.open("r+b", buffering=0) as damaged:
            for place, byte in enumerate(file):
                for bit in rng.choice(8, 2, replace=False):
                    damaged.seek(place)
                    damaged.write(bytes([byte ^ 1 << int(bit)]))
                    with pytest.raises(ModelFileError):
                        lstm.load_model(path)
                damaged.seek(place)
                damaged.write(bytes([byte]))
        assert path.read_bytes() == file

    def test_something_added_is_noticed(self, path: Path, file: bytes) -> None:
        for more in (b"\0", b"x" * 100, file):
            path.write_bytes(file + more)
            with pytest.raises(ModelFileError, match="damaged"):
                lstm.load_model(path)

    def test_the_file_itself_is_fine(self, path: Path, file: bytes) -> None:
        path.write_bytes(file)
        assert lstm.load_model(path).count_params() == 14

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"To be, or not to be",
            b"\0" * 64,
            b"\xff" * 64,
            safetensors.numpy.save({"a": np.zeros(3)}),
            safetensors.numpy.save({"a": np.zeros(3)}, {"format": "pt"}),
            safetensors.numpy.save({}, {"lstm": "{}"}),
            safetensors.numpy.save({}, {"lstm": "no json", "sha256": ""}),
        ],
        ids=["empty", "text", "zeros", "ones", "foreign", "torch", "unsigned", "no json"],
    )
    def test_other_files(self, path: Path, content: bytes) -> None:
        path.write_bytes(content)
        for load in (lstm.load_model, lstm.State.load):
            with pytest.raises(ModelFileError, match=str(path)):
                load(path)
        assert path.read_bytes() == content

    def test_pickles_are_never_run(self, path: Path) -> None:
        class Trap:
            def __reduce__(self) -> Any:
                return Path.touch, (path.with_name("sprung"),)

        path.write_bytes(pickle.dumps(Trap()))
        with pytest.raises(ModelFileError):
            lstm.load_model(path)
        np.save(path, np.array([Trap()], dtype=object), allow_pickle=True)
        with pytest.raises(ModelFileError):
            lstm.load_model(f"{path}.npy")
        assert not path.with_name("sprung").exists()

    def test_missing_files_and_folders(self, tmp_path: Path) -> None:
        with pytest.raises(ModelFileError, match="there is no such file"):
            lstm.load_model(tmp_path / "missing")
        with pytest.raises(ModelFileError, match="is a folder"):
            lstm.load_model(tmp_path)

    def test_a_later_format_asks_for_an_update(self, path: Path) -> None:
        storage.write(path, {}, {"kind": "model", "format": INT8_FORMAT + 1})
        message = "was written by a later version of lstm-kit; update to read it"
        with pytest.raises(ModelFileError, match=message):
            lstm.load_model(path)


class TestHeaders:
    """A header that makes no sense, in a file whose checksum is right."""

    def makers(self) -> list[tuple[Any, Callable[[Path], Any]]]:
        x = lstm.Input((None,))
        y = Dense(5, activation="softmax")(LSTM(2, return_sequences=True)(Embedding(5, 2)(x)))
        model = lstm.Model(x, y)
        model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
        embedding = Embedding(5, 2)
        return [
            (model, lstm.load_model),
            (lstm.Model(x, TiedDense(embedding)(embedding(x))), lstm.load_model),
            (lstm.LanguageModel.train("abcd " * 50, hidden=2, epochs=1), lstm.LanguageModel.load),
            (lstm.LSTMNetwork(1, 2, 3), lstm.LSTMNetwork.load),
            (model.initial_state(2), lstm.State.load),
        ]

    def places(self, value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        """Where in a header there is something."""
        parts = dict(enumerate(value)) if isinstance(value, list) else value
        for key, part in parts.items() if isinstance(parts, dict) else ():
            yield (*path, key)
            yield from self.places(part, (*path, key))

    def changed(self, header: Any, place: tuple[Any, ...], value: Any) -> Any:
        """The header with another value in one place; without what is there for `...`."""
        header = inner = copy.deepcopy(header)
        for key in place[:-1]:
            inner = inner[key]
        if value is ...:
            del inner[place[-1]]
        else:
            inner[place[-1]] = value
        return header

    def test_give_an_error_of_the_file_or_a_model(self, path: Path) -> None:
        other = path.with_name("changed.safetensors")
        errors = []
        for made, load in self.makers():
            made.save(path)
            with storage.reading(path, storage.READERS) as (tensors, header):
                pass
            for place in self.places(header):
                for value in (..., [], -1):
                    storage.write(other, tensors, self.changed(header, place, value))
                    try:
                        load(other)
                    except (ModelFileError, InvalidValueError) as error:
                        errors.append((place[-1], error))
        assert len(errors) > 300
        for key, error in errors:
            # A class that is not known may be one of the user's.
            unknown = key == "class" and getattr(error, "argument", "") == "custom_objects"
            assert unknown or str(error).startswith(f"{other}: ")

    @pytest.mark.parametrize("text", ["", "[]", "3", "{}", '"x"', "[" * 100_000])
    def test_that_are_none(self, path: Path, text: str) -> None:
        metadata = {"lstm": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}
        path.write_bytes(safetensors.numpy.save({}, metadata))
        with pytest.raises(ModelFileError, match="has a header that makes no sense"):
            lstm.load_model(path)

    def test_of_another_kind_say_what_reads_them(self, path: Path) -> None:
        lstm.LSTMNetwork(1, 2, 3).save(path)
        message = r"holds a network, not a model or a language model: lstm\.LSTMNetwork\.load reads"
        with pytest.raises(ModelFileError, match=message):
            lstm.load_model(path)
