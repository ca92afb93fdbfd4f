"""`lstm demo`: the classic tasks of this library, each in about a minute."""

from enum import StrEnum
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from lstm import checks, ops, seeding
from lstm.cli.running import Seed
from lstm.data import addition, irreducible_loss, offline_corpus, progression
from lstm.data.progression import progression_dataset
from lstm.forecasting import LSTMForecaster, Table, scores
from lstm.layers import LSTM, Conv1D, Dense, Input
from lstm.models import Model
from lstm.network import LSTMNetwork
from lstm.optimizers import Adam
from lstm.screen import Screen
from lstm.text import CharVocabulary, Corpus, LanguageModel, TextSource, TrainingOptions
from lstm.text.training.report import Report, show_sample
from lstm.text.training.samples import Samples
from lstm.text.training.training import Training

Numbers = NDArray[np.float64]


class Task(StrEnum):
    """The tasks to choose from."""

    ADDITION = "addition"
    PROGRESSION = "progression"
    SERIES = "series"
    TEXT = "text"


def demo(
    task: Annotated[Task, typer.Argument(help="What to learn.")],
    *,
    minutes: Annotated[float, typer.Option(help="Minutes to train, for the text.")] = 0.75,
    seed: Seed = 0,
) -> None:
    """Watch a model learn to add, to count, to forecast or to write."""
    checks.number("minutes", minutes, 0, open_low=True)
    console = Screen()
    if seed is not None:
        seeding.set_seed(seed)
    match task:
        case Task.ADDITION:
            _addition(console, seed)
        case Task.PROGRESSION:
            _progression(console, seed)
        case Task.SERIES:
            _series(console, seed)
        case Task.TEXT:
            _text(console, minutes, seed)


def _text(console: Screen, minutes: float, seed: int | None) -> None:
    text = offline_corpus()
    vocabulary = CharVocabulary.from_text(text)
    corpus = Corpus.encode(TextSource.of(text), vocabulary)
    model = LanguageModel.create(vocabulary, hidden=256, dropout=0.2, seed=seed)
    console.print(
        f"A model of {model.model.count_params():,} parameters reads Python's help texts "
        f"({len(text):,} characters) for {60 * minutes:.0f} seconds, character by character. "
        "It starts without knowing what a word is.\n"
    )
    training = Training(model, corpus, TrainingOptions(minutes=minutes), seed)
    samples = Samples(model, training, lambda written: show_sample(console, written), "The ")
    training.run([Report(training, console), samples])
    _, validation, _ = corpus.split(0.1)
    result = model.evaluate(validation)
    console.print(
        f"\nOn unseen text it now hesitates between {result.perplexity:.1f} "
        f"characters ({result.bits:.2f} bits) instead of {len(vocabulary)}. It writes:\n"
    )
    console.print(model.generate("The ", length=400, temperature=0.7, seed=seed))
    console.print("\nNext, with your own text: lstm train my.txt --minutes 2")


def _addition(console: Screen, seed: int | None) -> None:
    model = _adder()
    floor = irreducible_loss(10)
    console.print("Two binary numbers arrive bit by bit, and the network must keep the carry.\n")
    console.print(
        "Each batch continues with the carry of the last, but the network starts it with an empty "
        f"memory.\nThat way, nothing can reach a loss below {floor:.5f}:"
    )
    model.fit(addition(100, 10, seed=seed), steps_per_epoch=500, epochs=8, verbose=2)
    console.print("\nNow the network, too, keeps its state from batch to batch:")
    for epoch in range(8):
        losses = []
        for start in range(100):
            # Every 5 batches start with carry 0 and an empty memory, to learn beginnings as well.
            model.reset_states()
            batches = addition(100, 10, seed=100 * epoch + start)
            history = model.fit(batches, steps_per_epoch=5, verbose=0, carry_state=True)
            losses += history.history["loss"]
        console.print(f"Epoch {epoch + 1}/8  loss {np.mean(losses):.6f}")
    a, expected = next(addition(1000, 10, carry="reset", seed=12345))
    right = (np.rint(model.predict(a)) == expected).all(-1)
    console.print(f"\n{right.sum()} of {len(right)} new sums of 10 bits are right. One of them:")
    total = np.rint(model.predict(a[:1]))[0]
    for name, bits in (("a", a[0, :, 0]), ("b", a[0, :, 1]), ("a + b", total)):
        console.print(f"  {name:>6} = {''.join(str(int(bit)) for bit in bits[::-1])}")


def _adder() -> Model:
    x = Input((None, 2))
    y = Conv1D(4, 1, activation="relu")(Conv1D(8, 1, activation="relu")(x))
    y = Dense(1, activation="sigmoid")(LSTM(4, activation=None, return_sequences=True)(y))
    model = Model(inputs=x, outputs=ops.squeeze(y, axis=-1))
    model.compile(optimizer=Adam(0.002, global_clipnorm=1.0), loss="mse")
    return model


def _progression(console: Screen, seed: int | None) -> None:
    x, y = progression_dataset(length=10, modulus=50, factor=3)
    console.print("Each number is three times the one before, modulo 50:\n")
    network = LSTMNetwork(1, 250, 50, loss="cross_entropy", apply_softmax=True, seed=seed)

    def show() -> None:
        guess = network.predict(x).argmax(-1)
        console.print(f"  {100 * (guess == y).mean():5.1f} % of the next numbers right")

    network.train(
        np.repeat(x, 3, axis=0),
        np.repeat(y, 3, axis=0),
        epochs=250,
        learning_rate=0.01,
        periodic_callback=show,
        verbose=0,
    )
    numbers = progression(7, 20)
    guess = network.predict(np.array(numbers[:-1]) / 50).argmax(-1)
    console.print(f"\n  numbers   {' '.join(f'{n:2}' for n in numbers)}")
    console.print(f"  predicted    {' '.join(f'{n:2}' for n in guess)}")


def _series(console: Screen, seed: int | None) -> None:
    names, days, h = [f"house {k + 1}" for k in range(8)], 70, 48
    load = _loads(len(names), 24 * days)
    start = np.datetime64("2026-01-05T00", "h")

    def table(end: int) -> Table:
        return Table(
            {
                "unique_id": np.repeat(names, end),
                "ds": np.tile(start + np.arange(end), len(names)),
                "y": load[:, :end].reshape(-1),
            }
        )

    known = load.shape[1] - h
    console.print(
        f"The power that {len(names)} houses take, hour by hour, for {days} days. Each has habits "
        f"of its own,\nweekends and noise. The network reads the past of all of them and forecasts "
        f"the last {h} hours:\n"
    )
    model = LSTMForecaster(h, units=64, max_steps=300, random_state=seed, verbose=2)
    backtest = model.cross_validation(table(known + h), n_windows=1)
    forecast = np.reshape(backtest["LSTM"], (len(names), h))
    for k in (0, 5):
        high = load[k, known - h :].max()
        console.print(f"\n  {names[k]}, two days and the next two")
        before = _drawn(load[k, known - h : known], high)
        console.print(f"  measured  {before}│{_drawn(load[k, known:], high)}")
        console.print(f"  forecast  {' ' * len(before)}│{_drawn(forecast[k], high)}")
    console.print("\n  mean error, in units of what yesterday's value usually misses")
    for name, measures in scores(backtest, table(known + h)).items():
        console.print(f"  {name:14} {measures['MASE']:.2f}")
    console.print("\nNext, with your own table: lstm forecast my.csv --target y --h 24")


def _loads(houses: int, hours: int) -> Numbers:
    """Return the power that houses take, in kilowatts, (houses, hours)."""
    rng, t = np.random.default_rng(0), np.arange(hours)
    hour, weekend = t % 24, (t // 24) % 7 >= 5
    peaks = rng.uniform(6, 9, (houses, 1)), rng.uniform(17, 21, (houses, 1))
    sizes = rng.uniform(0.5, 2, (houses, 2))
    late = 2.0 * weekend  # People sleep longer.
    morning, evening = (
        size[:, None] * np.exp(-(((hour - late - peak) / 2) ** 2))
        for size, peak in zip(sizes.T, peaks, strict=True)
    )
    weather = np.cumsum(rng.normal(size=hours)) / 60
    noise = 1 + 0.15 * rng.normal(size=(houses, hours))
    return np.maximum((0.4 + morning + evening) * np.exp(weather) * noise, 0.05)


def _drawn(values: Numbers, high: float) -> str:
    """Return values from 0 to `high` as a row of bars, each the mean of two."""
    pairs = values.reshape(-1, 2).mean(1)
    levels = np.clip(np.rint(pairs / high * 7), 0, 7).astype(int)
    return "".join("▁▂▃▄▅▆▇█"[level] for level in levels)
