"""Forecast and classify as users do, beside others, on the same splits.

    python benchmarks/forecasting/run.py --data FOLDER --only m4_hourly --contenders ours --seeds 5

Each contender runs in a process of its own, once for each seed. After each run results.json is
written; what it has already is not run again. At the end, or after Ctrl-C, RESULTS.md and the plots
are written from all results. README.md says how it is measured.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import plot
import report
import results
from contenders import CONTENDERS
from results import Result
from sources import AbsentError, Sources
from suite import TASKS, Task
from tasks import Arrays, Data

HERE = Path(__file__).parent
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
FOLDERS = "LSTM_SERIES"
"""The environment variable with the folders of data."""

TRIAL_STEPS = 10


class Session:
    """One run, with its options."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.sources = Sources(options.data)
        self.path = options.folder / "results.json"
        self.pythons = dict(pair.split("=", 1) for pair in options.python)
        self.versions: dict[str, dict[str, str] | None] = {}

    def run(self) -> None:
        """Run all that the options ask for and that has no result yet."""
        for name in self.options.only:
            try:
                data = TASKS[name].load(self.sources)
            except AbsentError as error:
                print(f"{name}: left out, {error}", flush=True)
                continue
            self.run_task(name, TASKS[name], data.trial() if self.options.trial else data)

    def run_task(self, name: str, task: Task, data: Data) -> None:
        print(f"\n{task.title}", flush=True)
        known = {} if self.options.again else {results.key(r): r for r in results.load(self.path)}
        with tempfile.TemporaryDirectory() as place:
            arrays = data.arrays()
            np.savez(Path(place) / "arrays.npz", **arrays)
            for contender, method, seed in self.entries(name, data.kind):
                if not self.options.trial and (name, contender, method, seed) in known:
                    continue
                if self.versions_of(contender) is None:
                    continue
                result = self.measured(contender, method, seed, data, Path(place))
                if result is None:
                    continue
                measures, seconds = result["measures"], result["seconds"]
                shown = "  ".join(f"{m} {measures[m]:.4g}" for m in task.measures)
                print(
                    f"  {contender} {method} {seed}: {shown}  fit {seconds['fit']:.1f} s",
                    flush=True,
                )
                if not self.options.trial:
                    results.add(self.path, {"task": name, **result, "data": digest(arrays)})

    def entries(self, task: str, kind: str) -> Iterator[tuple[str, str, int]]:
        """Yield contenders, methods and seeds."""
        options = self.options
        for name in options.contenders:
            contender = CONTENDERS[name]
            for label, method in contender.methods.items():
                chosen = not options.methods or label in options.methods
                if kind in contender.kinds and chosen and task in (method.tasks or (task,)):
                    for seed in range(1 if method.once else options.seeds):
                        yield name, label, seed

    def measured(self, name: str, label: str, seed: int, data: Data, place: Path) -> Result | None:
        """Return the result of one run; None, and a message, if it fails."""
        contender, method = CONTENDERS[name], CONTENDERS[name].methods[label]
        arguments = {
            **method.arguments,
            **({"max_steps": TRIAL_STEPS} if self.options.trial else {}),
        }
        given = {"kind": data.kind, "seed": seed, "threads": self.options.threads}
        settings = json.dumps({**given, "arguments": arguments, **data.settings()})
        answer = place / "answer.npz"
        done = subprocess.run(
            [self.python(name), "-m", f"contenders.{contender.module}", settings,
             str(place / "arrays.npz"), str(answer)],
            cwd=HERE, env=os.environ | self.limits(), capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            print(f"  {name} {label} {seed}: failed\n{done.stderr[-2000:]}", flush=True)
            return None
        with np.load(answer) as file:
            found = dict(file)
        try:
            measures = data.measured(found["found"])
        except ValueError as error:
            print(f"  {name} {label} {seed}: failed, {error}", flush=True)
            return None
        return {
            "contender": name,
            "method": label,
            "seed": seed,
            "measures": {measure: round(value, 6) for measure, value in measures.items()},
            "seconds": {part: round(float(found[part]), 6) for part in ("fit", "predict", "one")},
            "date": time.strftime("%Y-%m-%d"),
            "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
            "machine": results.machine(self.options.threads),
            "versions": self.versions_of(name),
        }

    def limits(self) -> dict[str, str]:
        """Return variables that set the number of threads."""
        threads = str(self.options.threads)
        return {f"{name}_NUM_THREADS": threads for name in ("OMP", "OPENBLAS", "MKL", "LSTM")}

    def python(self, name: str) -> str:
        return self.pythons.get(name, sys.executable)

    def versions_of(self, name: str) -> dict[str, str] | None:
        """Return versions of the packages of a contender; None where one is missing."""
        if name not in self.versions:
            code = (
                "import sys, json, platform; from importlib.metadata import version;"
                "found = {p: version(p) for p in sys.argv[1:]};"
                "print(json.dumps({'python': platform.python_version(), **found}))"
            )
            command = [self.python(name), "-c", code, *CONTENDERS[name].packages]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                print(f"  {name}: left out, not installed (--python {name}=PATH says where)")
            self.versions[name] = None if done.returncode else json.loads(done.stdout)
        return self.versions[name]


def digest(arrays: Arrays) -> str:
    """Return the beginning of a hash of all arrays of a data set."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        found.update(np.ascontiguousarray(arrays[name]).tobytes())
    return found.hexdigest()[:12]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    places = [Path(p) for p in os.environ.get(FOLDERS, "").split(os.pathsep) if p]
    add(
        "--data",
        nargs="+",
        type=Path,
        default=places,
        metavar="FOLDER",
        help=f"folders of data; by default those of the environment variable {FOLDERS}",
    )
    add(
        "--only", nargs="*", choices=TASKS, default=list(TASKS), help="data sets; none: only report"
    )
    add("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    add("--methods", nargs="+", default=[], help="some of the contenders' methods, by name")
    add("--seeds", type=int, default=5, help="how many, from 0 on")
    add("--again", action="store_true", help="also run what has a result")
    add("--threads", type=int, default=CORES, help="of each contender")
    add(
        "--python",
        action="append",
        default=[],
        metavar="CONTENDER=PATH",
        help="where a contender is installed",
    )
    add("--folder", type=Path, default=HERE, help="where the results are")
    add(
        "--merge",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="results.json of other runs, whose results are added first",
    )
    add("--trial", action="store_true", help="few series, few steps; keeps nothing")
    options = parser.parse_args(argv)
    options.folder.mkdir(parents=True, exist_ok=True)
    session = Session(options)
    for result in (r for file in options.merge for r in results.load(file)):
        results.add(session.path, result)
    try:
        session.run()
    finally:  # Also after Ctrl-C, to show the finished runs.
        if not options.trial:
            found = results.load(session.path)
            drawn = plot.draw(found, options.folder)
            if drawn is None:
                print("No plots: matplotlib is not installed.")
            report.write(found, options.folder, drawn or [])


if __name__ == "__main__":
    main()
