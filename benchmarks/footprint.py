"""Time to import the library, its size on disk, and the progression example; prints JSON."""

import contextlib
import importlib
import io
import json
import re
import statistics
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np

import lstm

EXAMPLE = Path(__file__).parents[1] / "examples" / "progression.py"


def import_seconds(module: str) -> float:
    """Seconds that a fresh process needs to import a module."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    return float(subprocess.check_output([sys.executable, "-c", code]))


def sizes(name: str, found: dict[str, int]) -> dict[str, int]:
    """Bytes of a distribution and of everything it needs, without extras."""
    with contextlib.suppress(PackageNotFoundError):
        files = distribution(name).files or []
        paths = (Path(str(file.locate())) for file in files)
        found[name] = sum(path.stat().st_size for path in paths if path.exists())
        for requirement in distribution(name).requires or []:
            needed = re.split(r"[^\w.-]", requirement)[0].lower()
            if "extra ==" not in requirement and needed not in found:
                sizes(needed, found)
    return found


def progression() -> dict[str, Any]:
    """Seconds to train on the progression, and the number of wrong predictions afterwards."""
    sys.path.insert(0, str(EXAMPLE.parent))
    example = importlib.import_module(EXAMPLE.stem)
    np.random.seed(0)
    lstm.set_seed(0)
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        network = example.train()
    return {"seconds": time.perf_counter() - start, "wrong": example.wrong(network)}


if __name__ == "__main__":
    pairs = [[import_seconds(module) for module in ("lstm", "numpy")] for _ in range(7)]
    ours, numpys = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(
        json.dumps(
            {
                "import": ours,
                "import numpy": numpys,
                "bytes": sizes("lstm-kit", {}),
                "progression": progression(),
            }
        )
    )
