"""How a contender's process and the runner talk.

A contender is started for one case, one form and one number of threads. It builds the model, does
the first steps and prints their results as one JSON line, so that the runner can check that all do
the same work. Then it reads a number of steps from each line of its input, does them, and prints
the seconds they took.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Any, Self

import numpy as np
from cases import Case, Goal

FIRST_STEPS = 3
COMPARED = 128

Steps = Callable[[], object]


@dataclass
class Workload:
    """The input of a contender.

    Attributes:
        case: sizes.
        form: the way in which the contender does it.
        threads: number of threads to use.
        weights: initial weights, in the order and shapes of Keras.
        x, y: data, x in a list for examples; y is None without targets.
        lengths: of ragged sequences, descending; or None.
        isa: the instruction set of our kernels, "" for the best; peers read it in the environment.
    """

    case: Case
    form: str
    threads: int
    weights: list[Any]
    x: Any
    y: Any
    lengths: Any
    isa: str = ""

    @classmethod
    def of(
        cls, case: Case, arrays: Mapping[str, Any], form: str = "", threads: int = 1, isa: str = ""
    ) -> Self:
        """Take the arrays of a case apart."""

        def numbered(letter: str) -> list[Any]:
            names = (f"{letter}{k}" for k in count())
            return [arrays[name] for name in takewhile(arrays.__contains__, names)]

        x = numbered("x") or arrays.get("x")
        y, lengths = arrays.get("y"), arrays.get("lengths")
        return cls(case, form, threads, numbered("w"), x, y, lengths, isa)

    @property
    def lstm_weights(self) -> list[Sequence[Any]]:
        """(kernel, recurrent kernel, bias) of each LSTM layer."""
        first = self.case.first_lstm
        found = self.weights[first : first + 3 * self.case.lstm_layers]
        return [found[k : k + 3] for k in range(0, len(found), 3)]


@dataclass
class Ready:
    """A contender that can start.

    Attributes:
        curve: what the first steps gave: losses, outputs or log-probabilities.
        steps: prepares k steps and returns what does them; the preparation is not timed.
    """

    curve: Sequence[float]
    steps: Callable[[int], Steps]


def compared(outputs: Any) -> list[float]:
    """Of a forward pass or a step, what is compared: the last numbers of the outputs."""
    return np.asarray(outputs).ravel()[-COMPARED:].tolist()


def repeated(step: Callable[[], object]) -> Callable[[int], Steps]:
    """`Ready.steps` of a contender without its own loop."""

    def steps(count: int) -> Steps:
        def run() -> None:
            for _ in range(count):
                step()

        return run

    return steps


def serve(prepare: Callable[[Workload], Ready]) -> None:
    """Be a contender: read the command line, prepare, and answer until the input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("case", type=json.loads)
    parser.add_argument("form")
    parser.add_argument("threads", type=int)
    parser.add_argument("data")
    parser.add_argument("isa")
    arguments = parser.parse_args()
    # Libraries print where they like, so the answers get standard output for themselves.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    goals = tuple(Goal(**goal) for goal in arguments.case.pop("goals"))
    case = Case(**arguments.case, goals=goals)
    with np.load(arguments.data) as file:
        arrays = dict(file)
    settings = arguments.form, arguments.threads, arguments.isa
    ready = prepare(Workload.of(case, arrays, *settings))
    print(json.dumps({"curve": [float(value) for value in ready.curve]}), file=answers, flush=True)
    for line in sys.stdin:
        run = ready.steps(int(line))
        start = time.perf_counter()
        run()
        print(json.dumps(time.perf_counter() - start), file=answers, flush=True)
