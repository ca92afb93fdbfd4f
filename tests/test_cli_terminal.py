"""What a file says never reaches a terminal as an order to it; a pipe gets what a model writes."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from lstm import LanguageModel
from test_terminal import renamed

COMMAND = shutil.which("lstm", path=str(Path(sys.executable).parent))
EVIL = "\x1b]0;pwned\x07\x9b31m\x1b[7m\r"
ORDERS = [b"\x1b]0;pwned", b"\x07", "\x9b".encode(), b"\x1b[7m"]

pytestmark = pytest.mark.skipif(
    COMMAND is None or os.name != "posix", reason="the command is not installed, or no terminal"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with texts and models of such characters, and under such names."""
    folder = tmp_path_factory.mktemp("terminal")
    text = f"the {EVIL} red\n" * 60
    (folder / f"{EVIL}.txt").write_text(text)
    (folder / f"--{EVIL}").write_text(text)
    (folder / EVIL).mkdir()
    model = LanguageModel.train(text, hidden=12, epochs=25, lr=0.03, seed=0)
    assert model.history is not None
    model.history.history[f"val_{EVIL}"] = [1.0]
    model.save(folder / "model")
    renamed(folder / "model", "lstm", f"lstm{EVIL}")
    return folder


def on_a_terminal(arguments: Sequence[str], folder: Path, stdin: bytes = b"") -> bytes:
    """What the command writes where a terminal is its output and its standard error."""
    assert COMMAND is not None
    terminal, other = os.openpty()
    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    with subprocess.Popen(
        [COMMAND, *arguments],
        stdin=subprocess.PIPE,
        stdout=other,
        stderr=other,
        cwd=folder,
        env={**environment, "TERM": "xterm", "COLUMNS": "200"},
    ) as process:
        os.close(other)
        assert process.stdin is not None
        process.stdin.write(stdin)
        process.stdin.close()
        received = b""
        while part := _read(terminal):
            received += part
    os.close(terminal)
    return received


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says so that the other end is closed.
        return b""


NAME = f"{EVIL}.txt"


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (["generate", "model", "--length", "200"], b""),
        (["generate", "model", "--length", "200", "--samples", "2"], b""),
        (["generate", "model", "--length", "60", "--beam", "2", "--log-probs"], b""),
        (["generate", "model", "--interactive"], b"1\n1\n1\n1\n1\n1\n"),
        (["generate", "model", "--length", "0", "--prompt", f"the {EVIL}"], b""),
        (["generate", EVIL], b""),
        (["info", "model"], b""),
        (["info", EVIL], b""),
        (["evaluate", "model", NAME, "--per-token", "5"], b""),
        (["inspect", "model", "--text", NAME], b""),
        (["inspect", "model", "--text", NAME, "--unit", f"lstm{EVIL}/1"], b""),
        (["inspect", "model", "--text", NAME, "--unit", "gru/1"], b""),
        (["inspect", "model", "--text", NAME, "--csv", f"{EVIL}.csv"], b""),
        (["train", NAME, "--hidden", "4", "--epochs", "2"], b""),
        (["train", "--resume", EVIL], b""),
        (["train", f"--{EVIL}"], b""),
        ([f"--{EVIL}"], b""),
        ([EVIL], b""),
        (["plot", EVIL], b""),
    ],
    ids=lambda value: ascii(" ".join(value)) if isinstance(value, list) else "",
)
def test_no_order_reaches_a_terminal(folder: Path, arguments: list[str], stdin: bytes) -> None:
    shown = on_a_terminal(arguments, folder, stdin)
    for order in ORDERS:
        assert order not in shown
    for sign, quoted in (("␛", rb"\x1b"), ("␇", rb"\x07"), (r"\x9b", rb"\x9b")):
        assert sign.encode() in shown or quoted in shown
    assert b"Traceback" not in shown


@pytest.mark.parametrize("options", [[], ["--samples", "2"], ["--beam", "2"]])
def test_a_pipe_gets_what_is_written(folder: Path, options: list[str]) -> None:
    assert COMMAND is not None
    choice = [] if "--beam" in options else ["--seed", "1"]
    command = [COMMAND, "generate", "model", "--prompt", "the ", "--length", "50"]
    done = subprocess.run([*command, *options, *choice], capture_output=True, cwd=folder)
    model = LanguageModel.load(folder / "model")
    if "--beam" in options:
        expected = model.beam("the ", 50, 2).text + "\n"
    elif options:
        texts = model.generate("the ", 50, temperature=0.8, seed=1, samples=2)
        expected = "".join(f"{k + 1}. (seed {k + 1})\n{text}\n\n" for k, text in enumerate(texts))
    else:
        expected = model.generate("the ", 50, temperature=0.8, seed=1) + "\n"
    assert done.stdout == expected.encode()
    assert b"\x1b]0;pwned\x07" in done.stdout
