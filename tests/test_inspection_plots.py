"""Plots: they show the numbers that they were given."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from language_cases import TEXT, small
from lstm import inspection
from lstm.callbacks import History
from lstm.errors import InvalidShapeError, InvalidValueError, NotReadyError
from lstm.inspection import Examination
from lstm.text.training.curves import plot_runs
from test_cli_inspect import training

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")


@pytest.fixture(scope="module")
def examination() -> Examination:
    return inspection.examine(small(), TEXT, characters=1500)


@pytest.fixture(autouse=True)
def figures() -> Iterator[None]:
    """Each plot is drawn, which must work without a warning, and closed."""
    from matplotlib import pyplot

    yield
    for number in pyplot.get_fignums():
        pyplot.figure(number).canvas.draw()
    pyplot.close("all")


def lines(ax: Any) -> dict[str, tuple[list[float], list[float]]]:
    """The lines of a plot by their labels."""
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata()))
        for line in ax.get_lines()
    }


def test_text_stands_on_the_colours_of_its_numbers() -> None:
    pieces, values = ["ab", "\n", "c", "de"], [1.0, np.nan, 0.0, -2.0]
    ax = inspection.plot_text(pieces, values)
    placed = {text.get_text(): text.get_position() for text in ax.texts}
    assert placed["a"] == (0.5, 0)
    assert placed["c"] == (0.5, 1)
    bars = {(bar.get_x(), round(bar.get_y() + bar.get_height() / 2)): bar for bar in ax.patches}
    assert sorted(bars) == [(0, 0), (1, 0), (1, 1), (2, 1)]
    above, below = bars[0, 0].get_facecolor(), bars[1, 1].get_facecolor()
    assert above[:3] != below[:3]
    assert (above[3], below[3]) == (0.5, 1.0)


def test_long_lines_of_text_are_broken() -> None:
    ax = inspection.plot_text(["abcdefg"], [1.0], width=3)
    assert [text.get_position() for text in ax.texts][-1] == (0.5, 2)


def test_gates_along_a_text(examination: Examination) -> None:
    ax = inspection.plot_gates(examination.reading, "lstm", 3, start=5, count=20)
    labels = [label.get_text()[0] for label in ax.get_yticklabels()]
    assert labels == ["h", "c", "i", "f", "g", "o"]
    shown = [label.get_text() for label in ax.get_xticklabels()]
    assert "".join(shown) == TEXT[5:25].replace("\n", "↵")
    row = labels.index("f")
    heights = ax.patches[2 * row].get_data()
    opened = heights.values - heights.baseline
    forget = examination.reading.layers["lstm"]["f"][5:25, 3]
    np.testing.assert_allclose(opened, 0.88 * forget, atol=1e-6)


def test_loss_along_the_text(examination: Examination) -> None:
    assert examination.position is not None
    ((x, y),) = lines(inspection.plot_position(examination.position)).values()
    assert x == examination.position.starts.tolist()
    assert np.mean(y) == pytest.approx(examination.nats, rel=0.01)


def test_context_is_smoothed(examination: Examination) -> None:
    assert examination.context is not None
    ((x, y),) = lines(inspection.plot_context(examination.context)).values()
    nats = examination.context.nats
    assert y[0] == nats[0]
    assert x[-1] == len(nats)
    sizes = np.diff([0, *x])
    assert np.dot(y, sizes) / sizes.sum() == pytest.approx(nats.mean())


def test_memory(examination: Examination) -> None:
    assert examination.memory is not None
    shown = next(iter(lines(inspection.plot_memory(examination.memory)).values()))
    assert shown[0] == examination.memory.lags.tolist()
    assert shown[1] == examination.memory.change.tolist()


def test_gradient(examination: Examination) -> None:
    assert examination.gradient is not None
    ax = inspection.plot_gradient(examination.gradient)
    assert ax.get_yscale() == "log"
    shown = lines(ax)
    assert list(shown) == ["h of lstm", "c of lstm"]
    norms = examination.gradient.norms["lstm"]["c"]
    np.testing.assert_array_equal(shown["c of lstm"][1], np.where(norms > 0, norms, np.nan))


def test_gates_of_a_layer(examination: Examination) -> None:
    gates = examination.saturation["lstm"]
    points = inspection.plot_saturation(gates).collections
    assert [found.get_label() for found in points] == ["i", "f", "o"]
    np.testing.assert_array_equal(
        points[1].get_offsets(), np.stack((gates["f"].low, gates["f"].high), 1)
    )
    for stairs in inspection.plot_gate_values(gates).patches:
        assert stairs.get_data().values.sum() == pytest.approx(1)


def test_units_beside_chance(examination: Examination) -> None:
    ax = inspection.plot_units(examination.units)
    widths = [bar.get_width() for bar in ax.patches]
    assert widths == [abs(unit.score) for unit in examination.units]


def test_what_is_refused(examination: Examination) -> None:
    reading = examination.reading
    with pytest.raises(InvalidValueError, match="unit: expected a unit of lstm, 0 to 23, got 24"):
        inspection.plot_gates(reading, "lstm", 24)
    with pytest.raises(InvalidValueError, match="layer: expected one of 'lstm'"):
        inspection.plot_gates(reading, "gru", 0)
    with pytest.raises(InvalidValueError, match="start: expected a token below 1500"):
        inspection.plot_gates(reading, "lstm", 0, start=1500)
    with pytest.raises(InvalidShapeError, match="values"):
        inspection.plot_text(["a"], [1.0, 2.0])
    with pytest.raises(InvalidValueError, match="gates: expected those of an LSTM or a GRU"):
        inspection.plot_saturation({"h": examination.saturation["lstm"]["h"]})
    with pytest.raises(InvalidValueError, match="scores: expected at least one score"):
        inspection.plot_units([])


class TestHistory:
    def history(self, **epochs: list[float]) -> History:
        history = History()
        for k in range(len(next(iter(epochs.values())))):
            history.on_epoch_end(k, {key: values[k] for key, values in epochs.items()})
        return history

    def test_training_and_validation(self) -> None:
        ax = self.history(loss=[3.0, 2.0], val_loss=[3.5, 2.5]).plot()
        assert lines(ax) == {"training": ([1, 2], [3.0, 2.0]), "validation": ([1, 2], [3.5, 2.5])}
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")

    def test_a_metric_on_axes_that_exist(self) -> None:
        _, ax = matplotlib.pyplot.subplots()
        history = self.history(loss=[3.0], accuracy=[0.5])
        assert history.plot("accuracy", ax) is ax
        assert lines(ax) == {"training": ([1], [0.5])}

    def test_what_was_not_recorded(self) -> None:
        with pytest.raises(NotReadyError, match="no epoch has ended"):
            History().plot()
        with pytest.raises(InvalidValueError, match="key: expected one of 'loss'"):
            self.history(loss=[3.0], val_loss=[3.0]).plot("val_loss")


class TestRuns:
    def test_each_run_has_two_lines(self, tmp_path: Path) -> None:
        training(tmp_path, "one")
        training(tmp_path, "two")
        ax = plot_runs([tmp_path / "one", tmp_path / "two"], over="epochs")
        names = [f"{tmp_path / run}, {what}" for run in ("one", "two") for what in KINDS]
        assert list(lines(ax)) == names
        assert lines(ax)[names[0]] == ([1, 2, 3], [3, 3 / 2, 1])

    def test_no_two_of_seven_runs_look_alike(self, tmp_path: Path) -> None:
        for k in range(7):
            training(tmp_path, str(k))
        drawn = plot_runs([tmp_path / str(k) for k in range(7)]).get_lines()
        assert len({line.get_color() for line in drawn}) == 7
        assert len({(line.get_color(), line.get_linewidth()) for line in drawn}) == 14

    @pytest.mark.parametrize(("over", "last"), [("time", 7.5), ("steps", 30), ("epochs", 3)])
    def test_over(self, tmp_path: Path, over: str, last: float) -> None:
        training(tmp_path, "one")
        (x, _), *_ = lines(plot_runs([tmp_path / "one"], over=over)).values()
        assert x[-1] == last

    def test_no_run(self) -> None:
        with pytest.raises(InvalidValueError, match="runs: expected folders of training runs"):
            plot_runs([])


KINDS = ("training", "validation")
