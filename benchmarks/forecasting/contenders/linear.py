"""A linear model of a window, as a measure of what a network adds.

From what the last two weeks are above their last value it says how the next hours are above it.
One model is for all series. The ridge is the one with the least error on what is held out.
"""

from itertools import pairwise

import numpy as np

from contenders.work import Answer, Values, Work, run, seconds_of, timed, windows

SIZE = 14 * 24
"""Hours that it reads, as many as ours."""

RIDGES = tuple(10.0**k for k in range(-1, 6))


def forecast(work: Work) -> Answer:
    values, h = filled(work.arrays["values"]), work.h
    begin, end = work.arrays["held_out"].tolist()

    def examples(first: int, last: int) -> tuple[Values, Values]:
        """Windows whose h steps lie in [first, last): inputs and targets."""
        begins = np.arange(first - SIZE, last - h + 1 - SIZE)
        both = windows(values, begins, SIZE + h).reshape(-1, SIZE + h)
        both = both - both[:, SIZE - 1 : SIZE]
        return both[:, :SIZE], both[:, SIZE:]

    def fit() -> Values:
        x, y = examples(SIZE, begin)
        held_x, held_y = examples(begin, end)
        gram, moment = x.T @ x, x.T @ y
        found = [np.linalg.solve(gram + ridge * np.eye(SIZE), moment) for ridge in RIDGES]
        return min(found, key=lambda w: float(((held_x @ w - held_y) ** 2).mean()))

    weights, seconds = timed(fit)

    def continued(before: Values) -> Values:
        last = before[..., -1:]
        return last + (before - last) @ weights

    before = windows(values, work.arrays["cutoffs"] - SIZE, SIZE)
    found, predict = timed(lambda: continued(before))
    return Answer(found, seconds, predict, seconds_of(lambda: continued(before[0, 0])))


def filled(values: Values) -> Values:
    """Return values whose missing ones are the last known before, or the first known."""
    found = values.copy()
    for row in found:
        known = np.flatnonzero(~np.isnan(row))
        row[: known[0]] = row[known[0]]
        for a, b in pairwise([*known, len(row)]):
            row[a:b] = row[a]
    return found


if __name__ == "__main__":
    run(forecast)
