"""Keras on JAX, which always compiles with XLA."""

import os

os.environ["KERAS_BACKEND"] = "jax"

from protocol import Ready, Workload, serve


def prepare(work: Workload) -> Ready:
    # XLA takes as many threads as there are cores that the process may use.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: work.threads])
    from contenders import keras_models

    return keras_models.prepare(work)


if __name__ == "__main__":
    serve(prepare)
