"""Who takes part, and in which ways.

Each contender is a module of this folder, which runs in a process of its own, in an environment of
its own if need be: `python -m contenders.NAME SETTINGS ARRAYS.npz ANSWER.npz`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Method:
    """One way to do the work.

    Attributes:
        title: its name in tables.
        arguments: what the module gets.
        once: whether one seed is enough: nothing is random, or the mean of networks is.
        tasks: the only data sets that it is for; all if there are none.
    """

    title: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    once: bool = False
    tasks: Sequence[str] = ()


@dataclass(frozen=True)
class Contender:
    """A module.

    Attributes:
        module: its name.
        kinds: the kinds of work that it does.
        packages: whose versions count.
        methods: by name.
    """

    module: str
    kinds: Sequence[str]
    packages: Sequence[str]
    methods: Mapping[str, Method]


OURS = ("lstm-kit", "numpy")
COVARIATES = ("dewp", "humid", "pressure", "wind_speed")

CONTENDERS = {
    "ours": Contender(
        "ours",
        ("ends", "windows"),
        OURS,
        {
            "defaults": Method("**LSTMForecaster**"),
            "ensemble": Method("**LSTMForecaster**, ensemble=5", {"ensemble": 5}, once=True),
            "past": Method(
                "**LSTMForecaster**, four columns past=",
                {"past": COVARIATES},
                tasks=("weather",),
            ),
        },
    ),
    "classifier": Contender(
        "classifier",
        ("labels",),
        OURS,
        {
            "defaults": Method("**LSTMClassifier**"),
            "ensemble": Method("**LSTMClassifier**, ensemble=5", {"ensemble": 5}, once=True),
            "plain": Method("LSTMClassifier, convolutions=0", {"convolutions": 0}),
        },
    ),
    "simple": Contender(
        "simple",
        ("ends", "windows"),
        OURS,
        {
            "naive": Method("Naive", {"baseline": "Naive"}, once=True),
            "seasonal_naive": Method("Seasonal naive", {"baseline": "SeasonalNaive"}, once=True),
            "drift": Method("Drift", {"baseline": "Drift"}, once=True),
            "mean": Method("Mean", {"baseline": "Mean"}, once=True),
        },
    ),
    "simple_labels": Contender(
        "simple_labels",
        ("labels",),
        ("numpy",),
        {
            "majority": Method("Most frequent label", {"neighbour": False}, once=True),
            "nearest": Method("1-NN, Euclidean", {"neighbour": True}, once=True),
        },
    ),
    "linear": Contender(
        "linear", ("windows",), ("numpy",), {"ridge": Method("Linear (ridge)", once=True)}
    ),
    "statsforecast": Contender(
        "statsforecast",
        ("ends",),
        ("statsforecast", "numpy"),
        {
            "theta": Method("StatsForecast Theta", {"model": "Theta"}, once=True),
            "ets": Method("StatsForecast AutoETS", {"model": "AutoETS"}, once=True),
        },
    ),
    "neuralforecast": Contender(
        "neuralforecast",
        ("ends",),
        ("neuralforecast", "torch", "numpy"),
        {"lstm": Method("NeuralForecast LSTM", {"max_steps": 600})},
    ),
    "darts": Contender(
        "darts",
        ("ends",),
        ("darts", "torch", "numpy"),
        {"block_rnn": Method("Darts BlockRNNModel", {"max_steps": 300, "batch_size": 64})},
    ),
    "ablation": Contender(
        "ours",
        ("ends", "windows"),
        OURS,
        {
            "mlp": Method("an MLP instead of the LSTM", {"recurrent": False}),
            "mlp_mean": Method(
                "an MLP instead of the LSTM, ensemble=5",
                {"recurrent": False, "ensemble": 5},
                once=True,
            ),
            "patch": Method("steps of one value (patch=1)", {"patch": 1}),
            "baseline": Method("no mix of simple forecasts (baseline=None)", {"baseline": None}),
            "transform": Method("no logarithm (transform=None)", {"transform": None}),
            "loss": Method('loss="mae"', {"loss": "mae"}),
            "scaler": Method("scaler=None", {"scaler": None}),
        },
    ),
}
