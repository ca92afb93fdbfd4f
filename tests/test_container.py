"""The bytes of files: laid out as safetensors say, and the same for the same content."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import safe_open

import lstm
from lstm import storage
from lstm.container import DTYPES, FORMAT, pack
from lstm.errors import InvalidTypeError, InvalidValueError, ModelFileError


def test_equal_things_give_equal_bytes_in_any_process(tmp_path: Path) -> None:
    """Files of every kind; those of a training say how long it took."""
    script = Path(__file__).parent / "golden" / "make_files.py"
    digests = []
    for seed in ("0", "1"):
        folder = tmp_path / seed
        environment = os.environ | {"PYTHONHASHSEED": seed, "LSTM_NUM_THREADS": "1"}
        subprocess.run([sys.executable, script, folder], env=environment, check=True)
        files = sorted(folder.glob("*.safetensors"))
        assert len(files) == 15
        digests.append({f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in files})
    del (
        digests[0]["expected.safetensors"],
        digests[1]["expected.safetensors"],
    )  # Of another library.
    assert digests[0] == digests[1]


def test_what_is_read_gives_the_same_bytes_when_it_is_written(tmp_path: Path) -> None:
    model = lstm.Sequential([lstm.Input((None, 2)), lstm.layers.LSTM(3), lstm.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(np.ones((4, 3, 2)), np.ones((4, 1)), verbose=0)
    model.save(tmp_path / "first")
    lstm.load_model(tmp_path / "first").save(tmp_path / "second")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_the_layout_byte_by_byte() -> None:
    tensors = {"b": np.array([[3, -1]], np.int8), "ä": np.array(2.0, "<f8"), "a": np.ones(1, "<f4")}
    text = f'{{"format": {FORMAT}, "kind": "test"}}'
    digest = hashlib.sha256(
        text.encode()
        + b"\na <f4 (1,)\n\x00\x00\x80\x3f"
        + b"\nb |i1 (1, 2)\n\x03\xff"
        + "\nä <f8 ()\n".encode()
        + b"\x00\x00\x00\x00\x00\x00\x00\x40"
    ).hexdigest()
    table = (
        f'{{"__metadata__":{{"lstm":{json.dumps(text)},"sha256":"{digest}"}},'
        '"ä":{"dtype":"F64","shape":[],"data_offsets":[0,8]},'
        '"a":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},'
        '"b":{"dtype":"I8","shape":[1,2],"data_offsets":[12,14]}}'
    ).encode()
    table += b" " * (-len(table) % 8)
    numbers = b"\x00\x00\x00\x00\x00\x00\x00\x40" + b"\x00\x00\x80\x3f" + b"\x03\xff"
    assert pack(tensors, {"kind": "test"}) == len(table).to_bytes(8, "little") + table + numbers


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 5), (2, 3)])
def test_arrays_come_back(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    values = np.asarray(np.random.default_rng(0).normal(0, 50, shape)).astype(dtype)
    others = {
        "as it is": values,
        "other end first": values.astype(np.dtype(dtype).newbyteorder(">")),
        "columns first": np.asarray(values, order="F"),
        "one byte": np.zeros(1, bool),
    }
    path = tmp_path / "file"
    storage.write(path, others, {"kind": "test"})
    with storage.reading(path, ("test",)) as (tensors, _):
        for name in ("as it is", "other end first", "columns first"):
            assert tensors[name].dtype == np.dtype(dtype)
            np.testing.assert_array_equal(tensors[name], values)
            assert tensors[name].shape == shape
    # Any other reader of the format finds the same.
    np.testing.assert_array_equal(safetensors.numpy.load_file(path)["as it is"], values)


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (np.array(["x"]), "<U1"),
        (np.array([None]), "object"),
        (np.ones(2, complex), "complex128"),
        (np.array(["2020"], "M8[Y]"), r"datetime64\[Y\]"),
        (np.zeros(1, [("a", "f4")]), r"\[\('a', '<f4'\)\]"),
    ],
)
def test_what_is_no_number_is_refused(tmp_path: Path, array: NDArray[Any], dtype: str) -> None:
    state = lstm.State({"cell": (array,)})
    with pytest.raises(InvalidTypeError, match=f"cell/0: expected an array of numbers.*{dtype}"):
        state.save(tmp_path / "state")
    assert not list(tmp_path.iterdir())


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (float("nan"), "b of a: expected a finite number, got nan"),
        (np.float32("inf"), "b of a: expected a finite number, got inf"),
        ([1, {2, 3}], r"\[1\] of b of a: expected None, a number, a str, .*, got \{2, 3\}"),
        (np.ones(2), "b of a: .*, got array"),
        ("\ud800", "b of a: expected text without lone surrogates"),
        ({"\ud800": 1}, "a key of b of a: expected text without lone surrogates"),
        (nested(10_000), "a: expected values that are nested less deep"),
    ],
    ids=["nan", "numpy inf", "set", "array", "surrogate", "key", "nested"],
)
def test_what_json_cannot_hold_is_named(value: Any, place: str) -> None:
    with pytest.raises(InvalidValueError, match=place):
        pack({}, {"kind": "test", "a": {"b": value}})


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    values = [np.float32(0.5), np.float64(0.1), np.int64(3), np.True_, np.str_("x")]
    storage.write(tmp_path / "file", {}, {"kind": "test", "values": values})
    with storage.reading(tmp_path / "file", ("test",)) as (_, header):
        assert header["values"] == [0.5, 0.1, 3, True, "x"]
        assert type(header["values"][3]) is bool


class TestOtherNumbers:
    """Files whose checksum may be right, with numbers that no model has."""

    def write(self, path: Path, dtype: str, bits: int, text: str = "{}") -> None:
        table = {
            "__metadata__": {"lstm": text, "sha256": hashlib.sha256(text.encode()).hexdigest()},
            "a": {"dtype": dtype, "shape": [8], "data_offsets": [0, bits]},
        }
        head = json.dumps(table).encode()
        path.write_bytes(len(head).to_bytes(8, "little") + head + bytes(bits))

    @pytest.mark.parametrize(
        ("dtype", "size"),
        [
            *(("F8_E4M3", 8), ("F8_E5M2", 8), ("F8_E8M0", 8), ("F4", 4), ("F6_E2M3", 6)),
            *(("BF16", 16), ("C64", 64)),
        ],
    )
    def test_dtypes_without_a_name_in_numpy(self, tmp_path: Path, dtype: str, size: int) -> None:
        self.write(tmp_path / "file", dtype, size)
        with pytest.raises(ModelFileError, match=f"a holds numbers of the kind {dtype}"):
            lstm.load_model(tmp_path / "file")

    @pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
    def test_numbers_of_the_header_are_finite(self, tmp_path: Path, number: str) -> None:
        text = f'{{"format": 1, "kind": "state", "x": [{number}]}}'
        metadata = {"lstm": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}
        (tmp_path / "file").write_bytes(safetensors.numpy.save({}, metadata))
        with pytest.raises(
            ModelFileError, match=f"makes no sense .*{number} is not a valid number"
        ):
            lstm.State.load(tmp_path / "file")


def test_the_numbers_are_aligned(tmp_path: Path) -> None:
    """So that whoever maps the file can use them where they are."""
    for length in range(9):
        data = pack({"a": np.ones(1, np.float64)}, {"kind": "x" * length})
        assert (8 + int.from_bytes(data[:8], "little")) % 8 == 0
        (tmp_path / "file").write_bytes(data)
        with safe_open(tmp_path / "file", framework="numpy") as file:
            assert file.get_tensor("a") == 1
