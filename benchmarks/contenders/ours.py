"""This library, through its public interface."""

from typing import Any

import numpy as np
from cases import CHARACTERS, EPSILON, LEARNING_RATE, TEMPERATURE
from protocol import FIRST_STEPS, Ready, Steps, Workload, repeated, serve

import lstm
from lstm.layers import LSTM, Conv1D, Dense, Embedding, Input
from lstm.optimizers import Adam
from lstm.text import CharVocabulary


def prepare(work: Workload) -> Ready:
    if work.case.kind == "generation":
        return generation(work)
    if work.case.kind == "step":
        return stepping(work)
    if work.case.kind == "forward":
        model = lstm.Sequential(
            [Input((None, work.case.E)), LSTM(work.case.H, return_sequences=True)]
        )
        model.set_weights(work.weights)
        last = model.predict_on_batch(work.x)[0, -1]
        return Ready(last, repeated(lambda: model.predict_on_batch(work.x)))
    return training(work)


def stepping(work: Workload) -> Ready:
    case = work.case
    stack = [LSTM(case.H, return_sequences=True) for _ in range(case.layers)]
    model = lstm.Sequential([Input((None, case.E)), *stack])
    model.set_weights(work.weights)
    stream, x = model.stream(), work.x
    curve = [stream(x)[0, 0, 0] for _ in range(FIRST_STEPS)]
    if work.form == "stream":
        return Ready(curve, repeated(lambda: stream(x)))

    def steps(count: int) -> Steps:
        def run() -> None:
            state = model.initial_state()
            for _ in range(count):
                _, state = model.step(x, state)

        return run

    return Ready(curve, steps)


def training(work: Workload) -> Ready:
    case = work.case
    if case.kind == "addition":
        layers: list[Any] = [
            Input((None, 2)),
            Conv1D(8, 1, activation="relu"),
            Conv1D(4, 1, activation="relu"),
            LSTM(case.H, activation=None, return_sequences=True),
            Dense(1, activation="sigmoid"),
        ]
    else:
        stack = [LSTM(case.H, return_sequences=True) for _ in range(case.layers)]
        output = Dense(case.V, activation="softmax")
        layers = [Input((None,)), Embedding(case.V, case.E), *stack, output]
    model = lstm.Sequential(layers)
    loss = "mse" if case.kind == "addition" else "sparse_categorical_crossentropy"
    model.compile(Adam(LEARNING_RATE, epsilon=EPSILON), loss)
    model.set_weights(work.weights)
    x, y = work.x, work.y
    if work.lengths is not None:
        x, y = ([row[:n] for row, n in zip(part, work.lengths, strict=True)] for part in (x, y))

    def steps(count: int) -> Steps:
        xs, ys = (
            part * count if isinstance(part, list) else np.concatenate([part] * count)
            for part in (x, y)
        )
        return lambda: model.fit(xs, ys, batch_size=case.B, shuffle=False, verbose=0)

    return Ready([model.train_on_batch(x, y) for _ in range(FIRST_STEPS)], steps)


def generation(work: Workload) -> Ready:
    case = work.case
    writer = lstm.LanguageModel.create(
        CharVocabulary(CHARACTERS), hidden=case.H, layers=case.layers, embedding=case.E
    )
    writer.model.set_weights(work.weights)
    curve, state = [], writer.model.initial_state(1)
    for token, following in zip(work.x[0, :8], work.y[0], strict=False):
        p, state = writer.model.step([[token]], state)
        curve.append(np.log(p[0, 0, following]))
    return Ready(
        curve,
        lambda count: lambda: writer.generate(" ", count, temperature=TEMPERATURE, seed=0),
    )


if __name__ == "__main__":
    serve(prepare)
