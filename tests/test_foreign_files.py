"""Files of other programs are called what they are, whatever their name, and left alone."""

import gzip
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import lstm
from lstm.errors import ModelFileError


def archive(**files: bytes) -> bytes:
    """A zip archive; for / and . in a name stand two and one underscores."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for name, data in files.items():
            packed.writestr(name.replace("__", "/").replace("_", "."), data)
    return content.getvalue()


def arrays(save: Callable[..., None]) -> bytes:
    content = io.BytesIO()
    save(content, np.ones(3))
    return content.getvalue()


def field(number: int, value: bytes | int) -> bytes:
    """A field of a protocol buffer of less than 128 bytes, or with a number below 128."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value)]) + value


HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(80)
SAFETENSORS = safetensors.numpy.save({"lstm.weight_ih_l0": np.ones((4, 2))}, {"format": "pt"})
ONNX = field(1, 8) + field(2, b"pytorch") + field(7, b"\x0a\x00" * 20) + field(8, b"\x10\x11")
KERAS = {"metadata_json": b"{}", "config_json": b"{}", "model_weights_h5": HDF5}

MODELS = {
    "a model of Keras (.keras)": archive(**KERAS),
    "a model of Keras in HDF5 (.h5)": HDF5 + b"keras_version\0model_config",
    "numbers in HDF5 (.h5)": HDF5,
    "weights of PyTorch (.pt, .pth)": archive(archive__data_pkl=b"x", archive__version=b"3"),
    "weights of PyTorch (a pickle)": pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001),
    "an object of Python (a pickle)": pickle.dumps({"weight": [1.0]}),
    "arrays of NumPy (.npz)": arrays(np.savez),
    "an array of NumPy (.npy)": arrays(np.save),
    "a zip archive": archive(readme_txt=b"x"),
    "a model in ONNX (.onnx)": ONNX,
    "a model for llama.cpp (GGUF)": b"GGUF\x03\0\0\0" + bytes(100),
    "a model for TensorFlow Lite (.tflite)": b"\x1c\0\0\0TFL3" + bytes(100),
    "safetensors of another program": SAFETENSORS,
}
OTHERS = {
    "is compressed with gzip: unpack it first": gzip.compress(b"x" * 100),
    "only points to a file: fetch it with git lfs pull": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n"
    ),
    "is a web page, not the file to download from it": b"<!DOCTYPE html>\n<html>404</html>",
}
READERS = [lstm.load_model, lstm.LanguageModel.load, lstm.LSTMNetwork.load, lstm.State.load]


@pytest.mark.parametrize("what", MODELS)
def test_files_with_weights(tmp_path: Path, what: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(MODELS[what])
    for load in READERS:
        with pytest.raises(ModelFileError) as caught:
            load(path)
        assert caught.value.reason.startswith(f"comes from another program: {what}. ")
        assert "set_weights" in caught.value.reason


@pytest.mark.parametrize("why", OTHERS)
def test_files_without(tmp_path: Path, why: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(OTHERS[why])
    with pytest.raises(ModelFileError) as caught:
        lstm.load_model(path)
    assert caught.value.reason == why


@pytest.mark.parametrize(
    "content",
    [
        ONNX + b"\x00",
        ONNX[:-1],
        field(1, 8) + field(2, b"no graph"),
        field(1, 8) * 50_000,
        b"\xff" * 100,
        b"\x08" + b"\x80" * 1000,
        b"PK\x03\x04" + bytes(100),
        b"",
    ],
    ids=["more", "less", "no graph", "endless", "ones", "no number", "no archive", "empty"],
)
def test_what_only_begins_like_one_is_damaged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="is damaged or not a model"):
        lstm.load_model(path)


@pytest.mark.parametrize("length", [0x80 + (2 << 8), 8, 0x8B18])
def test_a_damaged_file_of_ours_is_no_other(tmp_path: Path, length: int) -> None:
    """Though the length of its table may be the first bytes of a pickle."""
    table = b'{"__metadata__":{"lstm":"' + b"x" * 50
    path = tmp_path / "model.safetensors"
    path.write_bytes(length.to_bytes(8, "little") + table)
    with pytest.raises(ModelFileError, match="is damaged"):
        lstm.load_model(path)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (json.dumps({"class_name": "Sequential"}), "is JSON, not a model"),
        ("[1, 2, 3]\n", "is JSON, not a model"),
        ("Once upon a time\r\n\tthere was", "is a text, not a model"),
        ("x" + "Жили-были " * 60_000, "is a text, not a model"),  # Cut within a character.
    ],
)
def test_texts(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(text.encode())
    for load in READERS:
        with pytest.raises(ModelFileError) as caught:
            load(path)
        assert caught.value.reason == what
