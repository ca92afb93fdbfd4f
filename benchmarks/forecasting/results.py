"""Results: one for each data set, contender, method and seed, kept in a file."""

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contenders import CONTENDERS
from suite import TASKS

Result = dict[str, Any]
Key = tuple[str, str, str, int]


def key(result: Result) -> Key:
    """Return the key of a result; a new result replaces the old one with the same key."""
    return result["task"], result["contender"], result["method"], result["seed"]


def load(path: Path) -> list[Result]:
    """Return the results of a file, in the order of the suite."""
    found = json.loads(path.read_text()) if path.exists() else []
    return sorted(filter(_known, found), key=_place)


def add(path: Path, result: Result) -> None:
    """Add a result to a file, which is written whole or not at all."""
    kept = [other for other in load(path) if key(other) != key(result)]
    lines = map(json.dumps, sorted([*kept, result], key=_place))
    written = path.with_suffix(".json.new")
    written.write_text("[\n" + ",\n".join(lines) + "\n]\n")
    os.replace(written, path)


def machine(threads: int) -> dict[str, Any]:
    """Return where this runs."""
    processor = platform.processor() or platform.machine()
    if (cpuinfo := Path("/proc/cpuinfo")).exists():
        lines = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        processor = lines[0].split(":")[1].strip() if lines else processor
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "threads": threads,
        "system": f"{platform.system()} {platform.machine()}",
    }


def groups(results: Sequence[Result], task: str) -> dict[tuple[str, str], list[Result]]:
    """Return the results of a data set by contender and method."""
    found: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        if result["task"] == task:
            found.setdefault((result["contender"], result["method"]), []).append(result)
    return found


def _known(result: Result) -> bool:
    contender = CONTENDERS.get(result["contender"])
    return (
        result["task"] in TASKS and contender is not None and result["method"] in contender.methods
    )


def _place(result: Result) -> tuple[int, int, int, int]:
    task, contender, method, seed = key(result)
    methods = list(CONTENDERS[contender].methods)
    return list(TASKS).index(task), list(CONTENDERS).index(contender), methods.index(method), seed
