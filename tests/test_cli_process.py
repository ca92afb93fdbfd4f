"""The process of the command: its streams, its signals, its environment, and what it says to do."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from language_cases import TEXT, small
from lstm import LanguageModel
from lstm.cli import app
from lstm.cli.running import pasted
from lstm.text.training.run import TrainingRun
from run_cases import FILES

FOLDER = Path(sys.executable).parent
COMMAND = shutil.which("lstm", path=str(FOLDER))
SMALL = ["--hidden", "8", "--epochs", "2", "--seed", "1"]
ENDLESS = ["--hidden", "8", "--epochs", "1000000"]

pytestmark = pytest.mark.skipif(
    COMMAND is None or os.name != "posix", reason="the command is not installed, or no POSIX shell"
)


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return small()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: LanguageModel) -> Path:
    """The working folder, with a text and a model, and the command in the path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{FOLDER}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "text.txt").write_text(TEXT)
    model.save("model")
    return tmp_path


def start(*arguments: str, **options: Any) -> "subprocess.Popen[bytes]":
    assert COMMAND is not None
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    # A shell in the background lets its children ignore the signal, and they theirs.
    heard: Callable[[], Any] = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    return subprocess.Popen([COMMAND, *arguments], preexec_fn=heard, **options)


def shell(line: str, code: int = 0, **environment: str) -> tuple[str, str]:
    """What a line of a shell writes on standard output and standard error."""
    done = subprocess.run(
        ["bash", "-c", line],
        capture_output=True,
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )
    stdout, stderr = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in stderr
    assert "Exception ignored" not in stderr
    assert done.returncode == code, stderr
    return stdout, stderr


def wait_for(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class TestSignals:
    @pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
    def test_end_a_training_that_can_be_gone_on_with(self, folder: Path, name: str) -> None:
        number = signal.Signals[name]
        process = start("train", "text.txt", "--out", "m", *ENDLESS)
        wait_for((folder / "m/model.safetensors").exists)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 128 + number
        found = re.fullmatch(
            r"error: stopped at step ([\d,]+)\. Continue with: (.*)\n", stderr.decode()
        )
        assert found is not None
        step, command = found.groups()
        assert command == "lstm train --resume m"
        assert sorted(os.listdir(folder / "m")) == FILES
        loaded = LanguageModel.load("m/model.safetensors")
        assert loaded.history is not None
        assert len(loaded.history.epoch) >= 1
        assert len(loaded.generate("the ", 9)) == 13
        assert TrainingRun.resume(LanguageModel, "m").training.step == int(step.replace(",", ""))

    def test_of_a_terminal_that_is_gone(self, folder: Path) -> None:
        # Nobody can be told any more.
        terminal, other = os.openpty()
        process = start(
            *["train", "text.txt", "--out", "m", *ENDLESS], stdout=other, stderr=other, stdin=other
        )
        os.close(other)
        wait_for((folder / "m/model.safetensors").exists)
        os.close(terminal)
        process.send_signal(signal.SIGHUP)
        assert process.wait(60) == 128 + signal.SIGHUP
        assert sorted(set(os.listdir(folder / "m")) - {"samples.txt"}) == FILES
        assert TrainingRun.resume(LanguageModel, "m").training.step > 0

    @pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
    def test_end_all_else_in_a_sentence(self, folder: Path, name: str) -> None:
        process = start("generate", "model", "--length", "100000000")
        assert process.stdout is not None
        process.stdout.read(1)
        process.send_signal(signal.Signals[name])
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 128 + signal.Signals[name]
        assert stderr == b"error: stopped\n"

    @pytest.mark.parametrize("module", ["lstm", "numpy", "lstm.cli.train", "typer"])
    def test_while_python_still_imports(self, folder: Path, module: str) -> None:
        program = f"""
import sys
class Interrupted:
    def find_spec(self, name, *rest):
        if name == {module!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
sys.argv = ["lstm", "info"]
from lstm_command import main
sys.exit(main())
"""
        line = f"{shlex.quote(sys.executable)} -c {shlex.quote(program)}"
        assert shell(line, 130) == ("", "error: stopped\n")


def copies(folder: Path) -> set[str]:
    """The names of folders and of files, but those that Python makes to find out if it can."""
    found = set()
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            if path.is_dir() or path.stat().st_size > len(b"blat"):
                found.add(path.name)
    return found


class TestNothingIsLeft:
    """Of a text that came through a pipe, or is only read, no copy has a name."""

    @pytest.mark.parametrize(
        "command",
        [
            "train - --out m " + " ".join(ENDLESS),
            "train - --find-lr",
            "evaluate model -",
            "evaluate model text.txt",
            "inspect model --text -",
            "inspect model --text text.txt",
        ],
    )
    def test_in_the_temporary_folder(self, folder: Path, command: str) -> None:
        (folder / "tmp").mkdir()
        names: set[str] = set()
        process = start(
            *command.split(),
            stdin=subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(folder / "tmp")},
        )
        assert process.stdin is not None
        process.stdin.write(TEXT.encode() * 20)
        process.stdin.close()
        begun = time.monotonic()
        while process.poll() is None and time.monotonic() < begun + 4:
            names |= copies(folder / "tmp")
        process.kill()
        process.stdin = None
        process.communicate()
        assert names | copies(folder / "tmp") == set()


class TestOutputs:
    def test_a_training_goes_on_when_nobody_reads(self, folder: Path) -> None:
        shell(f"set -o pipefail; lstm train text.txt --out m {' '.join(SMALL)} | head -1")
        assert sorted(os.listdir(folder / "m")) == FILES
        assert TrainingRun.resume(LanguageModel, "m").training.progress == 1

    @pytest.mark.parametrize(
        "command",
        [
            "generate model --length 1000000",
            "generate model --log-probs --samples 2",
            "evaluate model text.txt --per-token 1000",
            "inspect model --text text.txt",
            "inspect model --text text.txt --unit lstm/1",
            "demo progression",
            "info",
        ],
    )
    def test_all_else_ends_quietly(self, folder: Path, command: str) -> None:
        process = start(*command.split())
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        _, stderr = process.communicate(timeout=60)
        assert stderr == b""
        assert process.returncode == 0

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no such file")
    @pytest.mark.parametrize(
        "command",
        [
            "--help",
            "train --help",
            "info",
            "generate model",
            "evaluate model text.txt",
            "inspect model --text text.txt",
            "train text.txt --find-lr",
            f"train text.txt {' '.join(SMALL)} --json",
        ],
    )
    def test_that_are_full_are_an_error(self, folder: Path, command: str) -> None:
        _, stderr = shell(f"lstm {command} > /dev/full", 1)
        assert stderr == "error: no space left on device\n"

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no such file")
    def test_that_are_full_lose_no_training(self, folder: Path) -> None:
        _, stderr = shell(f"lstm train text.txt --out m {' '.join(SMALL)} > /dev/full")
        assert stderr == ""
        assert sorted(os.listdir(folder / "m")) == FILES

    @pytest.mark.parametrize(
        ("line", "code", "said"),
        [
            ("train - <&-", 1, "corpus: expected a file that can be read, got standard input, now"),
            ("evaluate model - <&-", 1, "corpus: expected a file that can be read, got standard"),
            ("generate model --prompt-file - <&-", 2, "--prompt-file: expected a file that can"),
            ("generate model --interactive --length 3 <&-", 2, "--interactive: expected no"),
            ("generate model --interactive <&-", 0, None),
            ("generate model <&- >&-", 0, None),
            ("evaluate model text.txt >&-", 0, None),
            ("inspect model --text text.txt >&- 2>&-", 0, None),
            (f"train text.txt {' '.join(SMALL)} <&- >&- 2>&-", 0, None),
            ("info none 2>&-", 1, ""),
            ("info none 2>/dev/full", 1, ""),
            ("info none >&- 2>&- <&-", 1, ""),
            ("--nothing 2>&-", 2, ""),
        ],
    )
    def test_streams_that_are_closed(
        self, folder: Path, line: str, code: int, said: str | None
    ) -> None:
        _, stderr = shell(f"lstm {line}", code)
        assert stderr.startswith(f"error: {said}" if said else "")
        assert stderr.count("\n") == bool(said)

    def test_what_stands_in_their_place_is_not_written_to(self, folder: Path) -> None:
        # A file that is opened where the output was would take what is printed.
        before = (folder / "model").read_bytes()
        shell("lstm generate model --save-state s >&- 2>&- <&-")
        shell("lstm generate model --state s <&-")
        assert (folder / "model").read_bytes() == before

    def test_bytes_that_are_no_text(self, folder: Path) -> None:
        shown, _ = shell("printf '\\xff\\nred\\n' | lstm generate model --interactive")
        assert "The model cannot read that: expected" in shown
        assert shown.endswith("\nred\n")


class TestEnvironment:
    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("LSTM_NUM_THREADS", "many", "a whole number of at least 1"),
            ("LSTM_NUM_THREADS", "-1", "a whole number of at least 1"),
            ("LSTM_NUM_THREADS", "\x1b[31m", "a whole number of at least 1"),
            ("LSTM_BACKEND", "nativ", "one of 'native', 'reference' (did you mean 'native'?)"),
        ],
    )
    def test_variables_that_make_no_sense(
        self, folder: Path, name: str, value: str, expected: str
    ) -> None:
        _, stderr = shell("lstm --version", 1, **{name: value})
        assert stderr.startswith(f"error: {name}: expected {expected}")
        assert stderr.endswith(f", got {value!r}\n")
        assert stderr.count("\n") == 1
        module = f"{shlex.quote(sys.executable)} -m lstm --version"
        assert shell(module, 1, **{name: value}) == ("", stderr)
        done = subprocess.run(
            [sys.executable, "-c", "import lstm"],
            env={**os.environ, name: value},
            capture_output=True,
            check=False,
        )
        last = done.stderr.decode().splitlines()[-1]
        assert last.startswith(f"lstm.errors.InvalidValueError: {name}: expected {expected}")

    def test_variables_that_are_empty_say_nothing(self, folder: Path) -> None:
        shell("lstm info", LSTM_NUM_THREADS="", LSTM_BACKEND="", COLUMNS="", TERMINAL_WIDTH="")

    @pytest.mark.parametrize(
        "environment",
        [
            {"COLUMNS": "0", "LINES": "0"},
            {"COLUMNS": "99999999", "TERMINAL_WIDTH": "wide"},
            {"COLUMNS": "²"},
            {"COLUMNS": "1"},
            {"TERM": "dumb"},
            {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        ],
        ids=str,
    )
    def test_terminals_of_all_kinds(self, folder: Path, environment: dict[str, str]) -> None:
        shown, _ = shell("lstm evaluate model text.txt --per-token 2", **environment)
        assert len(shown.splitlines()) == 6 + 3
        shown, _ = shell("lstm train --help", **environment)
        assert 1000 < len(shown) < 100_000
        shown, _ = shell(f"lstm train text.txt --out m {' '.join(SMALL)}", **environment)
        assert "Next: lstm generate m" in shown

    def test_a_module(self, folder: Path) -> None:
        python = shlex.quote(sys.executable)
        assert shell(f"{python} -m lstm --version") == shell("lstm --version")
        _, stderr = shell(f"{python} -m lstm info none", 1)
        assert stderr == "error: none: there is no such file\n"

    def test_other_modules_keep_their_tracebacks(self, folder: Path) -> None:
        (folder / "own").mkdir()
        (folder / "own" / "__init__.py").write_text("import lstm")
        (folder / "own" / "__main__.py").write_text("import lstm; lstm.layers.Dense(-1)")
        program = [sys.executable, "-m", "own", "lstm"]
        done = subprocess.run(program, capture_output=True, check=False)
        assert done.stderr.startswith(b"Traceback")

    def test_an_encoding_that_lacks_characters(self, folder: Path) -> None:
        model = LanguageModel.train("Привет 😀\n" * 50, hidden=2, epochs=1, seed=0)
        model.save("unicode.safetensors")
        expected = model.generate("😀", 50, temperature=0.8, seed=1)
        line = "lstm generate unicode.safetensors --prompt 😀 --length 50 --seed 1"
        stdout, _ = shell(line, PYTHONIOENCODING="ascii")
        assert stdout.encode().decode("unicode_escape") == expected + "\n"
        stdout, _ = shell(line + " --json", PYTHONIOENCODING="ascii")
        assert "😀" + json.loads(stdout)["text"] == expected


def test_exit_codes(folder: Path) -> None:
    for arguments, code in ((["info", "model"], 0), (["info", "none"], 1), (["inof"], 2)):
        _, stderr = shell(f"lstm {shlex.join(arguments)}", code)
        assert (stderr == "") == (code == 0)


NAMES = [
    "plain",
    "a b",
    "-dash",
    "--out",
    "quo'te",
    'dou"ble',
    "$HOME `x` \\",
    "né 漢",
    "\x1b[31mred\n",
    os.fsdecode(b"latin-\xe9"),
]


def test_names_in_commands_are_what_a_shell_takes_for_them(folder: Path) -> None:
    line = "printf '%s\\0' " + " ".join(map(pasted, NAMES))
    found = subprocess.run(["bash", "-c", line], capture_output=True, check=True).stdout
    assert [os.path.normpath(name) for name in found.split(b"\0")[:-1]] == [
        os.fsencode(name) for name in NAMES
    ]


@pytest.mark.parametrize("name", ["-a b", "\x1b[31mré'd\n"], ids=ascii)
def test_what_is_to_be_done_next_runs_when_it_is_pasted(folder: Path, name: str) -> None:
    assert COMMAND is not None
    train = shlex.join(["lstm", "train", "text.txt", f"--out={name}"])
    shown, _ = shell(f"{train} {' '.join(SMALL)}")
    shown, _ = shell(shown.splitlines()[-1].split(" Next: ")[1] + " --length 5")
    assert len(shown) == 6
    # To a folder that is there.
    _, stderr = shell(train, 2)
    assert stderr.count("\n") == 1
    found = re.search(r"\(to continue: (.*)\), got ", stderr)
    assert found is not None
    shell(found[1])
    # After an interruption.
    shutil.rmtree(name)
    process = start("train", "text.txt", f"--out={name}", *ENDLESS)
    wait_for((folder / name / "model.safetensors").exists)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=60)
    command = message.decode().strip().split(" Continue with: ")[1]
    with subprocess.Popen(
        ["bash", "-c", f"exec {command}"], stdout=subprocess.PIPE
    ) as ignore_errors:
        assert ignore_errors.stdout is not None
        assert b" to learn from, " in ignore_errors.stdout.readline()
        ignore_errors.kill()


def test_no_hint_to_go_on_with_what_is_no_training(folder: Path) -> None:
    (folder / "m").mkdir()
    _, stderr = shell(f"lstm train text.txt --out m {' '.join(SMALL)}", 2)
    assert stderr == "error: --out: expected a folder that does not exist yet, got m\n"


def test_two_trainings_in_one_folder(folder: Path) -> None:
    process = start("train", "text.txt", "--out", "m", *ENDLESS)
    wait_for((folder / "m/model.safetensors").exists)
    _, stderr = shell("lstm train --resume m", 1)
    assert re.match(rf"error: m: another process trains in it: {process.pid} on \S+, since", stderr)
    shell("lstm evaluate m")
    shell("lstm generate m --length 5")
    shell("lstm info m")
    process.kill()
    process.communicate()
    assert TrainingRun.resume(LanguageModel, "m").training.step >= 0


@pytest.mark.parametrize(
    ("command", "ending"),
    [
        ("generate model --length 100000000 --save-state", ""),
        ("inspect model --text text.txt --characters 100000000 --report", ".html"),
        ("inspect model --text text.txt --characters 100000000 --csv", ".csv"),
        ("plot m --output", ".png"),
        ("train text.txt --out", ""),
    ],
)
def test_targets_that_cannot_be_written(folder: Path, command: str, ending: str) -> None:
    """Which is known before anything is computed."""
    option = command.split()[-1]
    for place in ("missing", "text.txt", *(["/proc/self"] if Path("/proc/self").is_dir() else [])):
        result = CliRunner().invoke(app, [*command.split(), f"{place}/a{ending}"])
        assert (result.exit_code, result.stdout) == (2, "")
        assert re.match(f"error: {option}: expected (a f|one that can be made)", result.stderr)
        assert f"got {place}/a{ending}" in result.stderr
