"""Files that somebody changed and signed again: their checksum is right, and their content is not.

As a program it tampers with files for as long as it is told, and shows what goes wrong:

    python tests/tampering.py FIRST_SEED LAST_SEED [NAME ...]
"""

import copy
import io
import json
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

import lstm
from golden import make_files
from lstm import storage
from lstm.callbacks import LambdaCallback
from lstm.cli.info import info
from lstm.container import digest
from lstm.errors import LSTMError
from lstm.text import Writer

FILES = Path(__file__).parent / "golden" / "files"

JSON = list[Any] | dict[str, Any]
Tensors = dict[str, NDArray[Any]]

VALUES: list[Any] = [
    *(None, True, False, 0, 1, 2, 3, -1, -2, 7, 255, 2**31, 2**63, 10**30),
    *(0.5, -0.5, 1.5, 1e-320, 1e308, float("nan"), float("inf")),
    *("", "x", "lstm", "0", "tanh", "\ud800", "\x1b[31m", "a" * 300),
    *([], {}, [[]], [0], [None], [1, [2, [3]]], {"x": 1}, {"class": "Dense", "config": {}}),
]
"""What may stand anywhere."""


# ---- changing


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a header there is something."""
    parts = dict(enumerate(value)) if isinstance(value, list) else value
    for key, part in parts.items() if isinstance(parts, dict) else ():
        yield (*path, key)
        yield from places(part, (*path, key))


def tampered(header: JSON, rng: np.random.Generator) -> JSON:
    """A header with another value somewhere, or in up to three places."""
    header = copy.deepcopy(header)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        known = list(places(header))
        if not known:
            return header
        # First the part, so that a vocabulary of hundreds of tokens does not take them all.
        group = known[rng.integers(len(known))][0] if rng.random() < 0.3 else None
        groups = sorted({path[0] for path in known}, key=str)
        group = group or groups[rng.integers(len(groups))]
        path = _chosen(rng, [path for path in known if path[0] == group])
        inner: Any = header
        for key in path[:-1]:
            inner = inner[key]
        _change(inner, path[-1], header, known, rng)
    return header


def _change(inner: Any, key: Any, header: JSON, known: list[Any], rng: np.random.Generator) -> None:
    old = inner[key]
    match rng.integers(7):
        case 0:
            del inner[key]
        case 1:  # A value from elsewhere in the same header.
            other: Any = header
            for step in _chosen(rng, known):
                other = other[step]
            inner[key] = copy.deepcopy(other)
        case 2 if isinstance(old, int | float):
            inner[key] = _chosen(rng, [old + 1, old - 1, -old, old * 1000, str(old), [old]])
        case 2 if isinstance(old, str):
            inner[key] = _chosen(rng, [old + "x", old[1:], old * 50, [old], len(old)])
        case 2 if isinstance(old, list) and old:
            inner[key] = _chosen(rng, [old[::-1], old[1:], old + old[:1], old * 3, [old]])
        case 2 if isinstance(old, dict) and old:
            name = _chosen(rng, list(old))
            inner[key] = {**old, "x": old[name]}
        case 3 if isinstance(inner, dict):  # Under another name.
            inner[_chosen(rng, ["", "x", "lstm", f"{key}_1", *inner])] = inner.pop(key)
        case _:
            inner[key] = copy.deepcopy(_chosen(rng, VALUES))


def tampered_tensors(tensors: Tensors, rng: np.random.Generator) -> Tensors:
    """Arrays of which one is missing, of another shape or dtype, or not finite."""
    tensors = dict(tensors)
    if not tensors:
        return {"lstm/kernel": np.ones(3)}
    name = _chosen(rng, sorted(tensors))
    array = tensors[name]
    match rng.integers(9):
        case 0:
            del tensors[name]
        case 1:
            tensors[f"{name}x"] = tensors.pop(name)
        case 2:
            tensors[name] = np.ascontiguousarray(array.T)
        case 3:
            tensors[name] = array[None]
        case 4:
            tensors[name] = array.reshape(-1)
        case 5:
            tensors[name] = array[:0]
        case 6:
            dtypes = ["f8", "f2", "i8", "u1", "i4", "?"]
            with np.errstate(all="ignore"):
                tensors[name] = array.astype(_chosen(rng, dtypes))
        case 7:
            tensors[name] = np.full_like(array, 99) if array.dtype.kind == "i" else array * np.nan
        case _:
            tensors[name] = tensors[_chosen(rng, sorted(tensors))]
    return tensors


def _chosen(rng: np.random.Generator, choices: list[Any]) -> Any:
    return choices[rng.integers(len(choices))]


def signed(tensors: Tensors, header: Any) -> bytes:
    """A file with this header, whatever it is, and the checksum that belongs to it."""
    text = json.dumps(header)
    return safetensors.numpy.save(tensors, {"lstm": text, "sha256": digest(tensors, text)})


# ---- reading and using


def use_model(path: Path) -> None:
    model = lstm.load_model(path)
    x = [_data(model, tensor) for tensor in model.graph.inputs]
    model.predict(x if len(x) > 1 else x[0])
    model.save(path)


def _data(model: lstm.Model, tensor: Any) -> NDArray[Any]:
    shape = (2, *(3 if n is None else n for n in tensor.shape[1:]))
    return np.zeros(shape, "int64" if tensor in model.graph.symbols else "float64")


def use_network(path: Path) -> None:
    network = lstm.LSTMNetwork.load(path)
    network.predict(np.zeros((2, 3, network.input_size)))
    network.save(path)


def use_state(path: Path) -> None:
    state = lstm.State.load(path)
    repr(state)
    state.save(path)


def use_language_model(path: Path) -> None:
    model = lstm.LanguageModel.load(path)
    with redirect_stdout(io.StringIO()):
        info(path)
        info(path, json_output=True)
    model.generate("the ", 5, seed=0)
    model.evaluate("the red apple")
    model.save(path)


def use_writer(path: Path) -> None:
    model = lstm.LanguageModel.load(FILES / "language-bytes.safetensors")
    writer = Writer.load(path, model)
    writer.write(5)
    writer.save(path)


def use_run(path: Path) -> None:
    """Go on for three steps."""
    left = 3

    def stop(batch: int, logs: Any) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        lstm.LanguageModel.resume(path.parent, callbacks=LambdaCallback(on_train_batch_end=stop))


USES: dict[str, Callable[[Path], None]] = {
    **dict.fromkeys(["chain", "graph", "everything", "tied", "detector"], use_model),
    **dict.fromkeys(["regression", "classes"], use_network),
    "state": use_state,
    **{
        f"language-{kind}": use_language_model
        for kind in ("characters", "rare", "bytes", "words", "bpe")
    },
    "writer": use_writer,
    "run/checkpoint": use_run,
    "run/model": use_run,
    "run/config": use_run,
}
"""How the files that golden/make_files.py writes are used, by their names."""


def tamper(name: str, seed: int, folder: Path, files: Path = FILES) -> None:
    """Change a file as the seed says, read it, and use what it gives.

    Args:
        name: which file.
        seed: how it is changed.
        folder: where to put it.
        files: where the files are that `golden/make_files.py` wrote.

    Raises:
        LSTMError: it cannot be used. Anything else that is raised is a defect.
    """
    rng = np.random.default_rng([seed, *name.encode()])
    ending = ".json" if name.endswith("config") else ".safetensors"
    source, path = files / f"{name}{ending}", folder / f"{name}{ending}"
    if name.startswith("run/"):
        shutil.rmtree(folder / "run", ignore_errors=True)
        shutil.copytree(files / "run", folder / "run")
    if ending == ".json":
        path.write_text(json.dumps(tampered(json.loads(source.read_text()), rng)))
    else:
        with storage.reading(source, [*storage.READERS, "checkpoint"]) as (tensors, header):
            pass
        if rng.random() < 0.15:
            tensors = tampered_tensors(tensors, rng)
        else:
            header = tampered(header, rng)
        path.write_bytes(signed(tensors, header))
    USES[name](path)


def main(first: int, last: int, names: list[str]) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    refused = used = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        new = Path(folder) / "new"
        make_files.write(new)
        for seed in range(first, last):
            for name in names or USES:
                try:
                    tamper(name, seed, Path(folder), (FILES, new)[seed % 2])
                    used += 1
                except LSTMError:
                    refused += 1
                except BaseException:
                    wrong += 1
                    print(f"--- {name} {seed}\n{traceback.format_exc(limit=-4)}", flush=True)
    print(f"{refused} refused, {used} used, {wrong} wrong")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
