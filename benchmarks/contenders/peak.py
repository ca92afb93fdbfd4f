"""What the machine can do: multiply two matrices, exponentials, reading.

Products are those of NumPy's BLAS and of our kernels, on their own threads. All else is done by a
Python thread for each core, on arrays of its own.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from cases import PEAK_SIZE, READINGS
from instruction_sets import choose
from protocol import Ready, Steps, Workload, repeated, serve

import lstm
from lstm.backends import _kernels  # noqa: TID251 (the kernel alone is what is timed)

SIGMOID = 3  # its code


def prepare(work: Workload) -> Ready:
    choose(work.isa)
    kinds = {"exponentials": exponentials, "reading": reading}
    return kinds.get(work.case.kind, product)(work)


def product(work: Workload) -> Ready:
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((PEAK_SIZE, PEAK_SIZE), dtype=np.float32) for _ in range(2))
    c = np.empty_like(a)
    kernels = _kernels.bfloat16() if work.case.precision == "bfloat16" else _kernels

    def multiply() -> None:
        if work.form == "numpy":
            np.matmul(a, b, out=c)
        else:
            kernels.matmul(a[None], b[None], c[None])

    multiply()
    return Ready([], repeated(multiply))


def exponentials(work: Workload) -> Ready:
    lstm.set_num_threads(1)

    def of(x: Any) -> Callable[[], object]:
        y = np.empty_like(x)
        if work.form == "numpy":
            return lambda: np.exp(x, out=y)
        return lambda: _kernels.activation_forward(x, SIGMOID, y)

    x = np.random.default_rng(0).standard_normal((1, work.case.size), dtype=np.float32)
    return Ready([], in_threads([of(part) for part in np.array_split(x, work.threads, 1)]))


def reading(work: Workload) -> Ready:
    size = work.case.size // READINGS // work.threads
    # To find the largest number takes no longer than to read them; 16 rows are the same memory.
    parts = [np.ones(size, np.float32) for _ in range(work.threads)]
    return Ready([], in_threads([np.broadcast_to(part, (READINGS, size)).max for part in parts]))


def in_threads(parts: list[Callable[[], object]]) -> Callable[[int], Steps]:
    """`Ready.steps`, a step being that all parts are done, each in its thread."""
    pool = ThreadPoolExecutor(len(parts))

    def steps(count: int) -> Steps:
        def repeat(part: Callable[[], object]) -> None:
            for _ in range(count):
                part()

        return lambda: list(pool.map(repeat, parts))

    return steps


if __name__ == "__main__":
    serve(prepare)
