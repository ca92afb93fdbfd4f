"""The programs of examples/, which ours and Keras train with the same calls."""

from typing import Any

import numpy as np
from example_programs import example
from protocol import FIRST_STEPS, Ready, Steps, Workload


def prepare(work: Workload, library: Any = None) -> Ready:
    """Build the model of an example, and train it.

    Args:
        work: what is trained.
        library: what the example imports as `lstm`; None for this library.
    """
    case = work.case
    model = example(case.name, library).build(case.H)
    if library is not None:
        model.jit_compile = "XLA" in work.form
    model.set_weights(work.weights)
    options = {"batch_size": case.B, "shuffle": False, "verbose": 0}
    history = model.fit(work.x, work.y, epochs=FIRST_STEPS, **options)

    def steps(count: int) -> Steps:
        x, y = ([np.concatenate([part] * count) for part in parts] for parts in (work.x, [work.y]))
        return lambda: model.fit(x, y[0], **options)

    return Ready(history.history["loss"], steps)
