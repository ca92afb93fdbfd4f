"""This library, through its public interface."""

from typing import Any

import numpy as np
from cases import CHARACTERS, EPSILON, LEARNING_RATE, TEMPERATURE
from instruction_sets import choose
from protocol import FIRST_STEPS, Ready, Steps, Workload, compared, repeated, serve

import lstm
from contenders import examples
from contenders.models import layers_of
from lstm.layers import LSTM, Input
from lstm.losses import SparseCategoricalCrossentropy
from lstm.optimizers import Adam
from lstm.text import CharVocabulary


def prepare(work: Workload) -> Ready:
    choose(work.isa)
    if work.case.precision == "bfloat16":
        with lstm.backends.using(precision="bfloat16"):
            return prepared(work)
    return prepared(work)


def prepared(work: Workload) -> Ready:
    case = work.case
    if case.kind == "generation":
        return generation(work)
    if case.kind == "example":
        return examples.prepare(work)
    if case.training:
        return training(work)
    if case.kind == "prediction":
        return forward(work, layers_of(case, lstm.layers))
    stack = [LSTM(case.H, return_sequences=True) for _ in range(case.layers)]
    layers = [Input((None, case.E)), *stack]
    return stepping(work, layers) if case.kind == "step" else forward(work, layers)


def forward(work: Workload, layers: list[Any]) -> Ready:
    model = lstm.Sequential(layers)
    model.set_weights(work.weights)
    outputs = model.predict_on_batch(work.x)
    return Ready(compared(outputs), repeated(lambda: model.predict_on_batch(work.x)))


def stepping(work: Workload, layers: list[Any]) -> Ready:
    model = lstm.Sequential(layers)
    model.set_weights(work.weights)
    stream, x = model.stream(), work.x
    curve = compared([stream(x) for _ in range(FIRST_STEPS)][-1])
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
    model = lstm.Sequential(layers_of(case, lstm.layers))
    crossentropy = SparseCategoricalCrossentropy(from_logits=True)
    loss = crossentropy if case.of_tokens else "mse"
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
    if case.precision == "int8":
        writer.quantize("int8")
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
