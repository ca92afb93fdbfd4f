"""The models in Keras, for whichever backend it was started with."""

import keras
import numpy as np
from cases import EPSILON, LEARNING_RATE
from protocol import FIRST_STEPS, Ready, Steps, Workload

from contenders import examples
from contenders.models import layers_of


def prepare(work: Workload) -> Ready:
    case = work.case
    if case.kind == "example":
        return examples.prepare(work, keras)
    crossentropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = keras.Sequential(layers_of(case, keras.layers))
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE, epsilon=EPSILON),
        crossentropy if case.of_tokens else "mse",
        jit_compile="XLA" in work.form,
        steps_per_execution=32 if "32 steps" in work.form else 1,
    )
    model.set_weights(work.weights)
    curve = []
    for _ in range(FIRST_STEPS):
        model.reset_metrics()  # or the loss would be the mean of all steps
        curve.append(float(model.train_on_batch(work.x, work.y)))

    def steps(count: int) -> Steps:
        x, y = np.concatenate([work.x] * count), np.concatenate([work.y] * count)
        return lambda: model.fit(x, y, batch_size=case.B, shuffle=False, verbose=0)

    steps(64 if "32 steps" in work.form else 1)()  # fit compiles anew
    return Ready(curve, steps)
