"""What a terminal is shown: no text from a file moves its cursor, and no output ends the work."""

import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from rich.table import Table
from rich.text import Text

import lstm
from lstm import errors, storage
from lstm.callbacks import TerminateOnNaN
from lstm.layers import LSTM, Dense
from lstm.optimizers import SGD
from lstm.screen import Screen
from lstm.terminal import encodable, say, visible, visible_name

CONTROLS = [chr(code) for code in (*range(32), 0x7F, *range(0x80, 0xA0))]

EVIL = "\x1b]0;title\x07\x1b[2J\x9b31m\r\b"
SHOWN = "␛]0;title␇␛[2J\\x9b31m␍␈"


def test_every_control_character_has_a_sign() -> None:
    for character in CONTROLS:
        assert visible_name(character).isprintable()
        assert visible(character) == (character if character in "\n\t" else visible_name(character))
    assert visible(EVIL) == visible_name(EVIL) == SHOWN
    plain = "a ␛ é 漢 😀 \u200f\udcff"
    assert visible(plain) == visible_name(plain) == plain


@pytest.mark.parametrize(
    "error",
    [
        errors.InvalidValueError("x", EVIL, "y"),
        errors.InvalidTypeError(EVIL, "x", "y"),
        errors.ModelFileError(Path(EVIL), "is damaged"),
        errors.NotReadyError(EVIL),
        errors.MissingExtraError(EVIL, "plot"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_show_no_control_characters(error: errors.LSTMError) -> None:
    assert SHOWN in str(error)


def test_a_screen_shows_none_wherever_they_stand(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(EVIL, title=EVIL)
    table.add_row(Text(EVIL))
    for what in (EVIL, Text(EVIL, style="red"), table):
        Screen().print(what)
        shown = capsys.readouterr().out
        assert "␛" in shown
        assert not any(sign in shown for sign in CONTROLS if sign != "\n")


def test_a_screen_shows_its_own_colours(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    Screen(terminal=True).print(Text("\x1b[32mred", style="red"))
    assert capsys.readouterr().out == "\x1b[31m␛[32mred\x1b[0m\n"


def renamed(path: Path, old: str, new: str) -> None:
    """Give a layer of a model file another name, as nobody is kept from doing."""
    with storage.reading(path, ("model", "language model")) as (tensors, header):
        pass
    text = repr(header).replace(f"'{old}'", repr(new))
    tensors = {key.replace(f"{old}/", f"{new}/"): array for key, array in tensors.items()}
    storage.write(path, tensors, eval(text))


def test_the_summary_of_a_file_with_other_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.safetensors"
    lstm.Sequential([lstm.Input((None, 2)), LSTM(3, name="mine"), Dense(1)]).save(path)
    renamed(path, "mine", EVIL + "\n")
    lstm.load_model(path).summary()
    shown = capsys.readouterr().out
    assert f"{SHOWN}␊ (LSTM)" in shown
    assert not any(sign in shown for sign in CONTROLS if sign != "\n")


class Gone(io.StringIO):
    """An output that cannot be written."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str) -> int:
        raise self.error

    flush = write  # type: ignore[assignment]


GONE: dict[str, Any] = {
    "no reader": Gone(BrokenPipeError(32, "Broken pipe")),
    "full": Gone(OSError(28, "No space left on device")),
    "no terminal": Gone(OSError(5, "Input/output error")),
    "closed": Gone(ValueError("I/O operation on closed file")),
    "none": None,
}


@pytest.mark.parametrize("output", GONE.values(), ids=GONE)
class TestAnOutputThatIsGone:
    def test_ends_no_training(self, output: Any) -> None:
        model = lstm.Sequential([lstm.Input((2,)), Dense(1)])
        model.compile("sgd", "mse", ["mae"])
        network = lstm.LSTMNetwork(1, 2, 1)
        one = [[[1.0]]]
        with redirect_stdout(output), np.errstate(all="ignore"):
            for verbose in (1, 2, "auto"):
                history = model.fit([[1, 2]], [1], epochs=2, verbose=verbose)
                assert history.epoch == [0, 1]
            assert model.evaluate([[1, 2]], [1], verbose=1)
            model.compile(SGD(1e30), "mse")
            model.fit([[1, 2]], [1], callbacks=TerminateOnNaN(), verbose=0)
            assert network.train(one, one, epochs=2, learning_rate=0.1, verbose=1)

    @pytest.mark.parametrize("verbose", [1, 2, "auto"])
    def test_ends_no_training_of_a_language_model(
        self, output: Any, verbose: int | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in ("samples", "report"):
            monkeypatch.setattr(f"lstm.text.training.{module}._EVERY", 0.0)
        with redirect_stdout(output):
            trained = lstm.LanguageModel.train(
                "abracadabra " * 60, hidden=4, epochs=2, folder=tmp_path / "m", verbose=verbose
            )
        assert trained.history is not None
        assert trained.history.epoch == [0, 1]

    def test_is_an_error_where_it_is_the_result(self, output: Any) -> None:
        with redirect_stdout(output):
            if output is None:
                Screen().print("a")
            else:
                with pytest.raises(type(output.error)):
                    Screen().print("a")


class TestAnEncodingThatLacksCharacters:
    @pytest.fixture
    def ascii(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(io.BytesIO(), "ascii", write_through=True)

    def shown(self, output: io.TextIOWrapper) -> bytes:
        return cast(io.BytesIO, output.buffer).getvalue()

    def test_escapes_stand_for_them(self, ascii: io.TextIOWrapper) -> None:
        assert encodable("é→😀\udcff", ascii) == "\\xe9\\u2192\\U0001f600\\udcff"
        with redirect_stdout(ascii):
            say("→")
            Screen(ignore_errors=True).print("→")
        assert self.shown(ascii) == b"\\u2192\n" * 2

    def test_a_training_shows_its_samples(
        self, ascii: io.TextIOWrapper, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("lstm.text.training.samples._EVERY", 0.0)
        with redirect_stdout(ascii):
            lstm.LanguageModel.train("Привет, мир!\n" * 60, hidden=2, epochs=1, verbose=1)
        assert b"\\u04" in self.shown(ascii)

    def test_a_summary(self, ascii: io.TextIOWrapper) -> None:
        with redirect_stdout(ascii):
            lstm.Sequential([lstm.Input((2,)), Dense(1, name="né")]).summary()
        assert b"n\\xe9 (Dense)" in self.shown(ascii)


@pytest.mark.parametrize("columns", ["0", "-5", "99999999", "9" * 5000, "²", "many", ""])
def test_widths_that_make_no_sense(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    table = Table("a", "b")
    table.add_row("1", "2")
    Screen().print(table)
    shown = capsys.readouterr().out
    assert "1" in shown
    assert len(shown) < 1000
