"""What the machine can do: the product of two matrices, by NumPy's BLAS and by our kernels."""

import numpy as np
from cases import PEAK_SIZE
from protocol import Ready, Workload, repeated, serve

from lstm.backends import _kernels  # noqa: TID251 (the kernel alone is what is timed)


def prepare(work: Workload) -> Ready:
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((PEAK_SIZE, PEAK_SIZE), dtype=np.float32) for _ in range(2))
    c = np.empty_like(a)

    def multiply() -> None:
        if work.form == "numpy":
            np.matmul(a, b, out=c)
        else:
            _kernels.matmul(a, b, c)

    multiply()
    return Ready([], repeated(multiply))


if __name__ == "__main__":
    serve(prepare)
