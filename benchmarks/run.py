"""Time this library and its peers on the same work, in one session.

Writes RESULTS.md, results.json and a plot. `--help` lists the options.
"""

import argparse
import dataclasses
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import report
from busy import busy_core
from cases import Case
from contenders import CONTENDERS
from instruction_sets import VARIABLES
from suite import CASES, SWEEP

HERE = Path(__file__).parent
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
TOLERANCE = {"float32": 2e-3, "bfloat16": 1e-2, "int8": 2e-2}
LONG = ("language model", "ragged", "CNN", "CNN-LSTM")  # kinds whose steps take milliseconds
EPOCH = 64  # steps of an example that are timed at least: a call of `fit` of Keras takes as several
STARTING = 240.0  # seconds until a contender must be ready: some compile for a long time
SETTLING = 0.1  # seconds before each timing: threads of the last one may still look for work

Row = dict[str, Any]


class ContenderError(Exception):
    """A contender cannot take part."""


class Process:
    """A contender at work on one case, in one form, with one number of threads."""

    def __init__(
        self, python: str, name: str, form: str, threads: int, case: Case, data: Path, isa: str
    ) -> None:
        self.name, self.form, self.threads = name, form, threads
        self.samples: list[float] = []
        self.by_threads: dict[int, float] = {}
        variables = ("OMP", "OPENBLAS", "MKL", "LSTM")
        limits = {f"{variable}_NUM_THREADS": str(threads) for variable in variables}
        settings = json.dumps(dataclasses.asdict(case)), form, str(threads), str(data), isa
        self._log = data.with_name(f"{name} {form} {threads}.log")
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [python, "-m", f"contenders.{name}", *settings],
                cwd=HERE,
                env=os.environ | limits | VARIABLES.get(isa, {}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def answer(self, limit: float = 600.0) -> Any:
        """The next JSON line."""
        assert self._process.stdout
        watch = threading.Timer(limit, self._process.kill)
        watch.start()
        line = self._process.stdout.readline()
        watch.cancel()
        if line:
            return json.loads(line)
        killed = self._process.wait() < 0
        lines = self._log.read_text().strip().splitlines()
        raise ContenderError(lines[-1] if lines and not killed else "killed, or took too long")

    def time(self, steps: int) -> float:
        """Seconds per step, the mean over this number of steps."""
        assert self._process.stdin
        time.sleep(SETTLING)
        self._process.stdin.write(f"{steps}\n")
        self._process.stdin.flush()
        return self.answer() / steps

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def thread_counts() -> list[int]:
    """1, 2, 4, … and the number of cores."""
    return sorted({2**k for k in range(CORES.bit_length()) if 2**k < CORES} | {CORES})


class Session:
    """One run: its options, and what was found so far."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.pythons = dict(pair.split("=", 1) for pair in options.python)
        self.rows: list[Row] = []
        self.left_out: list[str] = []
        self.versions = {name: found for name in options.only if (found := self._versions(name))}
        self.footprint: dict[str, Any] = {}
        self._best: dict[tuple[str, str], str] = {}

    def python(self, name: str) -> str:
        return self.pythons.get(name, sys.executable)

    def _versions(self, name: str) -> dict[str, str] | None:
        """Versions of the packages of a contender, or None where one is missing."""
        code = (
            "import sys, json; from importlib.metadata import version;"
            "print(json.dumps({p: version(p) for p in sys.argv[1:]}))"
        )
        command = [self.python(name), "-c", code, *CONTENDERS[name].packages]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            self.left_out.append(f"{CONTENDERS[name].title}: not installed")
            return None
        return dict(json.loads(done.stdout))

    def _entrants(self, case: Case) -> list[tuple[str, str]]:
        """Who takes part in a case, and in which forms."""
        found = []
        for name in self.versions:
            for form in CONTENDERS[name].forms.get(case.task, ()):
                if case.all_forms or self._best.get((case.task, name), form) == form:
                    found.append((name, form))
        return found

    def measure_all(self) -> None:
        """All that the options ask for."""
        options = self.options
        for name in options.cases:
            if options.isa and CASES[name].precision == "bfloat16":
                self.left_out.append(f"{name}: no products of bfloat16 with {options.isa}")
                continue
            self.measure(CASES[name], options.only, options.threads, options.rounds)
        if not options.no_sweep:
            for case in SWEEP:
                self.measure(case, ("ours", "pytorch"), [CORES], max(3, options.rounds // 3))
        if not options.no_footprint and "ours" in self.versions:
            command = [self.python("ours"), str(HERE / "footprint.py")]
            self.footprint = json.loads(subprocess.check_output(command, text=True))

    def measure(self, case: Case, names: Iterable[str], threads: list[int], rounds: int) -> None:
        """Time these contenders on a case, and add the rows."""
        print(f"\n{case.name}: {case.title}", flush=True)
        entrants = [(name, form) for name, form in self._entrants(case) if name in names]
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "arrays.npz"
            case.save(data)
            started = [
                Process(self.python(name), name, form, count, case, data, self.options.isa)
                for name, form in entrants
                for count in self._counts(name, case, threads)
            ]
            try:
                ready = self._ready(case, started)
                with busy_core() if case.busy else nullcontext():
                    chosen = self._chosen(case, ready)
                    for k in range(rounds):
                        # In turns, each round in another order, so that noise hits all alike.
                        for process, steps in chosen[k % len(chosen) :] + chosen[: k % len(chosen)]:
                            process.samples.append(process.time(steps))
                self._record(case, [process for process, _ in chosen])
            finally:
                for process in started:
                    process.close()

    def _counts(self, name: str, case: Case, threads: list[int]) -> list[int]:
        """The numbers of threads to try: where a core is taken, we have to do with the default."""
        return threads[-1:] if case.busy and name == "ours" else threads

    def _ready(self, case: Case, started: Sequence[Process]) -> list[Process]:
        """The contenders that do the same work as the first, which is ours if it takes part."""
        found, first = [], None
        for process in started:
            title = f"{case.name}, {CONTENDERS[process.name].title} ({process.form})"
            try:
                curve = process.answer(STARTING)["curve"]
                first = first or curve
                if curve and not close(curve, first, TOLERANCE[case.precision]):
                    raise ContenderError(f"not the same work: {curve} instead of {first}")
                found.append(process)
            except ContenderError as error:
                if (text := f"{title}: {error}") not in self.left_out:
                    self.left_out.append(text)
                    print(f"  left out: {text}")
        return found

    def _chosen(self, case: Case, ready: Sequence[Process]) -> list[tuple[Process, int]]:
        """For each contender and form the best number of threads, and the steps to time at once."""
        seconds: dict[Process, float] = {}
        fewest = EPOCH if case.kind == "example" else 1
        for process in ready:
            probe = process.time(1 if case.kind in LONG else 64)
            steps = max(fewest, round(self.options.seconds / 3 / probe))
            seconds[process] = process.time(steps) if steps > 1 else probe
        chosen = []
        for entrant in dict.fromkeys((process.name, process.form) for process in ready):
            same = [p for p in ready if (p.name, p.form) == entrant]
            best = min(same, key=lambda process: seconds[process])
            best.by_threads = {p.threads: seconds[p] for p in same}
            steps = max(fewest, round(self.options.seconds / seconds[best]))
            chosen.append((best, steps - steps % 32 if steps > 32 else steps))
            for process in same:
                if process is not best:
                    process.close()
        return chosen

    def _record(self, case: Case, processes: Sequence[Process]) -> None:
        fastest: dict[str, float] = {}
        for process in processes:
            median = statistics.median(process.samples)
            low, _, high = statistics.quantiles(process.samples, n=4)
            if median < fastest.get(process.name, float("inf")):
                fastest[process.name] = median
                if case.all_forms:
                    self._best[case.task, process.name] = process.form
            self.rows.append(
                {
                    "case": case.name,
                    "contender": process.name,
                    "form": process.form,
                    "threads": process.threads,
                    "median": median,
                    "quartiles": [low, high],
                    "samples": process.samples,
                    "by_threads": process.by_threads,
                }
            )
            title = f"{CONTENDERS[process.name].title} ({process.form})"
            print(f"  {title:40} {process.threads} threads {median * 1e3:10.3f} ms", flush=True)

    def results(self) -> dict[str, Any]:
        return {
            "machine": machine(),
            "versions": self.versions,
            "options": {name: getattr(self.options, name) for name in ("rounds", "seconds", "isa")},
            "rows": self.rows,
            "left_out": self.left_out,
            "footprint": self.footprint,
        }


def close(curve: Sequence[float], expected: Sequence[float], tolerance: float) -> bool:
    """Whether all numbers agree, relative to the largest."""
    scale = max(abs(value) for value in expected)
    return len(curve) == len(expected) and all(
        abs(a - b) <= tolerance * scale for a, b in zip(curve, expected, strict=True)
    )


def machine() -> dict[str, Any]:
    """Where this runs."""
    name = platform.processor() or platform.machine()
    if (cpuinfo := Path("/proc/cpuinfo")).exists():
        lines = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        name = lines[0].split(":")[1].strip() if lines else name
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "processor": name,
        "cores": CORES,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
        "load at the end": load,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--cases", nargs="*", choices=CASES, default=list(CASES))
    parser.add_argument("--rounds", type=int, default=9, help="timings of each contender")
    parser.add_argument("--seconds", type=float, default=0.3, help="length of a timing")
    parser.add_argument("--threads", type=int, nargs="+", default=thread_counts(), help="to try")
    parser.add_argument("--isa", choices=VARIABLES, default="", help="force an instruction set")
    parser.add_argument("--no-sweep", action="store_true", help="no plot against B and T")
    parser.add_argument("--no-footprint", action="store_true", help="no import, size, progression")
    parser.add_argument("--python", action="append", default=[], metavar="CONTENDER=PATH")
    parser.add_argument("--output", type=Path, help="folder of the results")
    options = parser.parse_args()
    options.output = options.output or HERE / options.isa
    start = time.time()
    session = Session(options)
    try:
        session.measure_all()
    finally:  # a run may take an hour: what was found stays where it ends early
        results = session.results() | {"minutes": (time.time() - start) / 60}
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "results.json").write_text(json.dumps(results, indent=1) + "\n")
        report.write(options.output)


if __name__ == "__main__":
    main()
