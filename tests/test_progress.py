"""What training shows: a bar on a terminal, lines elsewhere, nothing when told so."""

import os
import re
import struct
import subprocess
import sys

import numpy as np
import pytest

import lstm
from lstm.errors import InvalidValueError
from lstm.layers import Dense

X = np.ones((8, 2))


def fit(verbose: int | str, **options: object) -> None:
    model = lstm.Sequential([lstm.Input((2,)), Dense(1)])
    model.compile("sgd", "mse", ["mae"])
    model.fit(X, X[:, 0], epochs=2, verbose=verbose, **options)


LINE = r"Epoch {}/2  \d+\.\d s  loss \d+\.\d{{4}}  mae \d+\.\d{{4}}  \S+ steps/s"


@pytest.mark.parametrize("verbose", ["auto", 1, 2])
def test_a_line_for_each_epoch(verbose: int | str, capfd: pytest.CaptureFixture[str]) -> None:
    fit(verbose)
    out, err = capfd.readouterr()
    lines = out.splitlines()
    assert len(lines) == 2
    for k, line in enumerate(lines):
        assert re.fullmatch(LINE.format(k + 1), line)
    assert err == ""


def test_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    fit(0, validation_split=0.5)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("verbose", [3, -1, "yes", None])
def test_unknown_values(verbose: object) -> None:
    with pytest.raises(InvalidValueError, match="verbose: expected one of 0, 1, 2, 'auto'"):
        fit(verbose)


def test_evaluate_says_its_result_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    model = lstm.Sequential([lstm.Input((2,)), Dense(1)])
    model.compile("sgd", "mse", ["mae"])
    model.evaluate(X, X[:, 0])
    assert capsys.readouterr().out == ""
    loss, mae = model.evaluate(X, X[:, 0], verbose=1)
    assert capsys.readouterr().out == f"loss: {loss:.4f}  mae: {mae:.4f}\n"


def test_names_that_could_be_taken_for_markup(capsys: pytest.CaptureFixture[str]) -> None:
    def metric(y_true: object, y_pred: object) -> float:
        return 0.5

    metric.__name__ = "[/red]"
    model = lstm.Sequential([lstm.Input((2,)), Dense(1)])
    model.compile("sgd", "mse", [metric])
    model.fit(X, X[:, 0], batch_size=1, verbose=1)
    assert "[/red] 0.5000" in capsys.readouterr().out


PROGRAM = """
import time, numpy, lstm
model = lstm.Sequential([lstm.Input((2,)), lstm.layers.Dense(1)])
model.compile("sgd", "mse", ["mae", "accuracy"])
x = numpy.ones((8, 2))
wait = lstm.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: time.sleep(0.06))
model.fit(x, x[:, 0], batch_size=1, epochs=2, callbacks=wait, validation_data=(x, x[:, 0]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudoterminal")
def test_a_bar_on_a_terminal() -> None:
    import fcntl
    import pty
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {key: os.environ[key] for key in os.environ if key not in ("COLUMNS", "CI")}
    command = [sys.executable, "-W", "error", "-c", PROGRAM]
    with subprocess.Popen(command, stdout=slave, env={**environment, "TERM": "xterm"}) as process:
        os.close(slave)
        received = b""
        while True:
            try:
                part = os.read(master, 4096)
            except OSError:  # Linux says so that the other end is closed.
                break
            if not part:
                break
            received += part
    os.close(master)
    assert process.returncode == 0
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", received.decode())
    assert re.search(r"Epoch 1/2 ━+\S* [2-7]/8 loss \d\.\d{4}  mae .*steps/s 0?0:0\d", shown)
    for k in (1, 2):
        # In the end every number stands there, however narrow the terminal.
        last = rf"Epoch {k}/2  \d\.\d s  loss .*  accuracy .*  val_accuracy \S+  \S+ steps/s\s"
        assert len(re.findall(last, shown)) == 1
    assert received.count(b"\x1b[?25l") == received.count(b"\x1b[?25h"), "the cursor came back"
