"""Train language models as users do, and keep their curves.

    python benchmarks/baselines/run.py --only shakespeare --budgets 0.13 1.67

Runs `lstm train` on each corpus with each time budget and each seed, one after the other. After
each run it writes results.json, which keeps the results of other corpora, budgets and seeds; at the
end it writes the plots and the table in README.md.
"""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import grammar
import plot
import table
from corpora import CORPORA, Corpus, floor

import lstm
from lstm.text import LanguageModel

HERE = Path(__file__).parent
RESULTS, README = "results.json", "README.md"

LSTM = "import lstm.cli; lstm.cli.main()"
"""The command of the Python that runs this, wherever its scripts are."""

Result = dict[str, Any]


def command(corpus: Corpus, minutes: float, seed: int, folder: Path) -> list[str]:
    """The arguments of `lstm` to train in a folder."""
    names = [str(folder / name) if corpus.generated else name for name in corpus.arguments]
    options = {"--minutes": f"{minutes:g}", "--seed": str(seed), "--out": str(folder / "model")}
    return ["train", *names, *(part for pair in options.items() for part in pair)]


def train(name: str, corpus: Corpus, minutes: float, seed: int) -> Result:
    """One training run from the beginning.

    Raises:
        SystemExit: it failed.
    """
    text = corpus.text()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if corpus.generated:
            (folder / corpus.arguments[0]).write_bytes(text.encode())
        started = time.perf_counter()
        arguments = command(corpus, minutes, seed, folder)
        done = subprocess.run([sys.executable, "-c", LSTM, *arguments], stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - started
        if done.returncode:
            raise SystemExit(f"run.py: lstm {' '.join(arguments)} failed")
        return {
            "corpus": name,
            "minutes": minutes,
            "seed": seed,
            "command": " ".join(["lstm", *command(corpus, minutes, seed, Path())]),
            "characters": len(text),
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            **read(name, text, folder / "model"),
            "command_seconds": round(seconds, 2),
            "date": time.strftime("%Y-%m-%d"),
            "machine": machine(),
            "versions": {key: lstm.info()[key] for key in ("lstm-kit", "python", "numpy")},
        }


def read(name: str, text: str, folder: Path) -> Result:
    """The results that a training run left in its folder."""
    records = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    curve = [(round(record["seconds"], 2), round(record["val_loss"], 5)) for record in records]
    config = json.loads((folder / "config.json").read_text())
    model = LanguageModel.load(folder / "model.safetensors")
    return {
        "options": config["chosen"],
        "parameters": model.model.count_params(),
        "steps": records[-1]["step"],
        "epochs": round(records[-1]["epoch"], 2),
        "best": min(loss for _, loss in curve),
        "floor": floor(name, text, config["chosen"]["val_fraction"]),
        "curve": curve,
    }


def machine() -> dict[str, Any]:
    """The machine, and the backend and threads of a training run on it."""
    processor = platform.processor() or platform.machine()
    if (cpuinfo := Path("/proc/cpuinfo")).exists():
        lines = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        processor = lines[0].split(":")[1].strip() if lines else processor
    found = {key: lstm.info()[key] for key in ("cores", "threads", "backend", "instruction_set")}
    return {"processor": processor, "system": lstm.info()["machine"], **found}


def key(result: Result) -> tuple[int, float, int]:
    """The key of a result; a new result replaces the old one with the same key."""
    return list(CORPORA).index(result["corpus"]), result["minutes"], result["seed"]


def load(path: Path) -> list[Result]:
    return json.loads(path.read_text()) if path.exists() else []


def save(path: Path, results: Sequence[Result]) -> None:
    """Write results, one a line, whole or not at all."""
    written = path.with_suffix(".json.new")
    written.write_text("[\n" + ",\n".join(map(json.dumps, results)) + "\n]\n")
    os.replace(written, path)


def show(folder: Path) -> None:
    """Update the plots and the table of a folder from its results."""
    results = load(folder / RESULTS)
    if plot.draw(results, folder) is None:
        print("No plots: matplotlib is not installed.")
    if (folder / README).exists():
        table.insert(folder / README, results)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=CORPORA, default=list(CORPORA))
    parser.add_argument(
        "--budgets", nargs="*", type=float, default=[0.13, 1.67, 15, 60], help="in minutes"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--folder", type=Path, default=HERE, help="where the results are")
    parser.add_argument(
        "--characters", type=int, default=grammar.CHARACTERS, help="length of the generated text"
    )
    options = parser.parse_args(argv)
    corpora = {name: CORPORA[name] for name in options.only}
    if "grammar" in corpora:
        text = grammar.write(options.characters)
        corpora["grammar"] = replace(corpora["grammar"], text=lambda: text)
    path = options.folder / RESULTS
    try:
        for minutes in options.budgets:
            for name, corpus in corpora.items():
                for seed in options.seeds:
                    result = train(name, corpus, minutes, seed)
                    kept = [other for other in load(path) if key(other) != key(result)]
                    save(path, sorted([*kept, result], key=key))
                    print(f"{result['command']}: {result['best']:.4f} nats/char", flush=True)
    finally:
        # Also after Ctrl-C, to show the finished runs.
        show(options.folder)


if __name__ == "__main__":
    main()
