"""The models in Keras, for whichever backend it was started with."""

import keras
import numpy as np
from cases import EPSILON, LEARNING_RATE
from keras.layers import LSTM, Conv1D, Dense, Embedding, Input
from protocol import FIRST_STEPS, Ready, Steps, Workload


def prepare(work: Workload) -> Ready:
    case = work.case
    if case.kind == "addition":
        layers = [
            Input((case.T, 2)),
            Conv1D(8, 1, activation="relu"),
            Conv1D(4, 1, activation="relu"),
            LSTM(case.H, activation=None, return_sequences=True),
            Dense(1, activation="sigmoid"),
        ]
        loss = "mse"
    else:
        stack = [LSTM(case.H, return_sequences=True) for _ in range(case.layers)]
        layers = [Input((case.T,)), Embedding(case.V, case.E), *stack, Dense(case.V)]
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = keras.Sequential(layers)
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE, epsilon=EPSILON),
        loss,
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
