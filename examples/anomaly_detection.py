"""Find what is wrong in the signal of a sensor, with a model that has only seen what is right.

An autoencoder learns to write down a window of the signal from a few numbers. One LSTM reads the
window, and its last output, repeated, tells a second one what to write. Whatever never came in
training is written badly, so a large error means that something is unusual.

The threshold is an error that one normal window in a hundred exceeds, in a part of the signal that
was not trained. How many false alarms there are, and which faults are found, is counted on a third
part. The faults are small: a limit on the values, beyond which none was in training, finds few.
"""

import numpy as np

import lstm as keras
from lstm import layers

STEPS = 48  # of a window: about two beats


def signal(steps, rng):
    """Beats of slowly changing length and strength, with noise."""
    length = 24 + 2 * np.sin(np.arange(steps) / 500)
    phase = np.cumsum(2 * np.pi / length)
    strength = 1 + 0.2 * np.sin(np.arange(steps) / 330)
    beat = np.sin(phase) + 0.5 * np.sin(2 * phase + 0.8) + 0.3 * np.sin(3 * phase)
    return strength * beat + 0.05 * rng.normal(size=steps)


def windows(series, apart):
    """Windows (N, 48, 1), whose first steps are so many steps apart."""
    return np.lib.stride_tricks.sliding_window_view(series, STEPS)[::apart, :, None]


def spike(window, rng):
    window[rng.integers(STEPS)] += rng.choice([-1, 1])


def stuck(window, rng):
    start = rng.integers(STEPS - 8)
    window[start : start + 8] = window[start]


def noisy(window, rng):
    window += 0.15 * rng.normal(size=window.shape)


def skipped(window, rng):
    """A third of a beat is missing, so that the rest comes too early."""
    start = rng.integers(8, STEPS - 16)
    window[start:-8] = window[start + 8 :].copy()


def reversed_in_time(window, rng):
    window[:] = window[::-1].copy()


FAULTS = spike, stuck, noisy, skipped, reversed_in_time


def build(units=32, learning_rate=0.005):
    model = keras.Sequential(
        [
            layers.Input((STEPS, 1)),
            layers.LSTM(units),
            layers.RepeatVector(STEPS),
            layers.LSTM(units, return_sequences=True),
            layers.TimeDistributed(layers.Dense(1)),
        ]
    )
    model.compile(keras.optimizers.Adam(learning_rate, global_clipnorm=1.0), "mse")
    return model


def errors(model, x):
    """The mean squared error of each window."""
    return np.square(model.predict(x, batch_size=256, verbose=0) - x).mean(axis=(1, 2))


def run(steps=12_000, epochs=30, units=32, verbose="auto"):
    """Train, and return for each kind of new windows which share raises an alarm: by the model's
    error, and by a limit on the values.
    """
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    train, calibration, test = np.split(signal(3 * steps, rng), 3)
    x = windows(train, apart=3)
    # Small steps at the end, or the errors would depend on where the last large one led.
    updates = epochs * -(-len(x) // 64)
    model = build(units, keras.optimizers.schedules.CosineDecay(0.005, updates))
    model.summary()
    model.fit(x, x, batch_size=64, epochs=epochs, verbose=verbose)
    threshold = np.quantile(errors(model, windows(calibration, apart=7)), 0.99)

    def alarms(x):
        beyond = np.abs(x).max(axis=(1, 2)) > np.abs(train).max()
        return np.mean(errors(model, x) > threshold), np.mean(beyond)

    normal = windows(test, apart=7)
    found = {"none": alarms(normal)}
    for fault in FAULTS:
        faulty = normal.copy()
        for window in faulty:
            fault(window, rng)
        found[fault.__name__] = alarms(faulty)
    return found


if __name__ == "__main__":
    found = run()
    print("\nfault             alarms  by a limit")
    for fault, (share, beyond) in found.items():
        print(f"{fault.replace('_', ' '):16}  {share:6.1%}      {beyond:6.1%}")
