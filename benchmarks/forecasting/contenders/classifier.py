"""LSTMClassifier."""

import numpy as np

from contenders.work import Answer, Work, run, seconds_of, timed


def classify(work: Work) -> Answer:
    from lstm.forecasting import LSTMClassifier

    train, test = (work.sequences(name, f"{name}_lengths") for name in ("train", "test"))
    if len({len(x) for x in (*train, *test)}) == 1:
        train, test = np.stack(train), np.stack(test)
    model = LSTMClassifier(random_state=work.seed, **work.arguments)
    _, fit = timed(lambda: model.fit(train, work.arrays["train_labels"]))
    found, predict = timed(lambda: model.predict(test))
    return Answer(np.asarray(found), fit, predict, seconds_of(lambda: model.predict(test[:1])))


if __name__ == "__main__":
    run(classify)
