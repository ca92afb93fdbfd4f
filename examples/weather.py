"""Forecast the temperature of the next day from the last three days of several measurements.

The weather is simulated, hour by hour: seasons, days and nights, and fronts that come at random.
The barometer falls when a front is near, and the temperature 18 hours later, so there is something
to learn that the temperature alone does not tell.

`timeseries_dataset_from_array` cuts the windows when they are asked for: 24 steps, three hours
apart, and the temperature 24 hours after the last of them. The years are divided by time: windows
overlap, so if they were shuffled first, the test would be on hours that were trained. Means and
deviations come from the years of the training alone.
"""

import numpy as np

import lstm as keras
from lstm import layers

DAY, YEAR = 24, 365 * 24  # hours
APART, STEPS, AHEAD = 3, 24, 24  # hours, steps of a window, hours
LAST = (STEPS - 1) * APART  # from the first step of a window to its last


def smooth(noise, hours):
    """Noise that forgets itself in so many hours, with variance 1."""
    keep, found = np.exp(-1 / hours), np.zeros(len(noise))
    for t in range(1, len(noise)):
        found[t] = keep * found[t - 1] + (1 - keep**2) ** 0.5 * noise[t]
    return found


def weather(hours, seed=0):
    """Temperature (°C), pressure (hPa), humidity (%), wind (m/s), and the clock: (hours, 8)."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(5, hours))
    t = np.arange(hours)
    season, hour = 2 * np.pi * t / YEAR, 2 * np.pi * t / DAY
    front = smooth(noise[0], 60)
    arrived = np.pad(front, (18, 0))[:hours]
    sun = np.clip(0.6 - 0.4 * arrived, 0, 1)  # under clouds, days are like nights
    temperature = 10 - 9 * np.cos(season) - (1 + 4 * sun) * np.cos(hour - 0.8) - 4 * arrived
    temperature += smooth(noise[1], 12)
    pressure = 1013 - 8 * front + noise[2]
    humidity = np.clip(75 - 1.5 * (temperature - 10) + 8 * arrived + 3 * noise[3], 5, 100)
    wind = np.abs(4 + 2 * arrived + smooth(noise[4], 6))
    clock = np.sin(hour), np.cos(hour), np.sin(season), np.cos(season)
    return np.stack([temperature, pressure, humidity, wind, *clock], axis=1)


def windows(series, shuffle=False):
    """Batches of windows (B, 24, 8), and of the first number 24 hours after each (B, 1)."""
    return keras.utils.timeseries_dataset_from_array(
        series,
        series[LAST + AHEAD :, :1],
        sequence_length=STEPS,
        sampling_rate=APART,
        batch_size=128,
        shuffle=shuffle,
    )


def build(units=32, channels=8):
    model = keras.Sequential([layers.Input((STEPS, channels)), layers.LSTM(units), layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.003), "mse", metrics=["mae"])
    return model


def run(years=6, epochs=8, units=32, verbose="auto"):
    """Train on all years but two, and return the mean errors (°C) in the last: of the model, of
    the same as now, and of the same as in earlier years.
    """
    keras.utils.set_random_seed(0)
    series = weather(years * YEAR)
    train = series[: -2 * YEAR]
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    scaled = (series - mean) / deviation
    parts = scaled[: len(train)], scaled[len(train) : -YEAR], scaled[-YEAR:]
    model = build(units)
    model.summary()
    model.fit(
        windows(parts[0], shuffle=True),
        epochs=epochs,
        validation_data=windows(parts[1]),
        callbacks=[keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)],
        verbose=verbose,
    )
    degrees = deviation[0]
    error = model.evaluate(windows(parts[2]), verbose=0)[1] * degrees
    temperature = parts[2][:, 0] * degrees
    as_now = np.abs(temperature[LAST + AHEAD :] - temperature[LAST:-AHEAD]).mean()
    # The mean of the same hour of the same day in all years of the training.
    usual = train[:, 0].reshape(-1, YEAR).mean(axis=0) - mean[0]
    as_ever = np.abs(temperature - usual)[LAST + AHEAD :].mean()
    return error, as_now, as_ever


if __name__ == "__main__":
    error, as_now, as_ever = run()
    print(f"24 hours ahead, in a year that was not trained, the model errs by {error:.2f} °C.")
    print(f"The same as now: {as_now:.2f} °C. As in earlier years: {as_ever:.2f} °C.")
