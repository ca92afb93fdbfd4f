"""A training ends in the same bits however often it is killed, and whatever the disk does.

Real processes are killed at random moments, half of them at random points of their saves. There are
12 kills, or as many as the environment variable LSTM_KILLS says; LSTM_KILLS_SEED chooses others:
LSTM_KILLS=200 make test ARGS="-k killed -s".
"""

import errno
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import sabotage
from language_cases import TEXT
from lstm.cli import app
from run_cases import FILES, check_readable, check_same

KILLS = int(os.environ.get("LSTM_KILLS", "12"))
SEED = int(os.environ.get("LSTM_KILLS_SEED", "0"))

PROGRAM = [sys.executable, "-c", "import lstm.cli; lstm.cli.main()"]
OPTIONS = [
    *("--hidden", "6", "--layers", "2", "--batch-size", "4", "--seq-len", "16", "--epochs", "3"),
    *("--dropout", "0.2", "--recurrent-dropout", "0.1", "--embedding-dropout", "0.1"),
    *("--lr", "0.01", "--seed", "5", "--checkpoint-every", "0"),
]

posix = pytest.mark.skipif(os.name != "posix", reason="signals and limits are those of POSIX")


@dataclass
class Reference:
    """What a training that nothing disturbed left.

    Attributes:
        folder: where.
        points: the points of its saves.
    """

    folder: Path
    points: list[str]

    def check(self, folder: Path) -> None:
        """Check that another training left the same."""
        check_same(folder, self.folder)
        assert sorted(os.listdir(folder)) == FILES


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    (folder / "text.txt").write_text(TEXT)
    return folder


@pytest.fixture(scope="module")
def reference(home: Path) -> Reference:
    folder = home / "reference"
    with sabotage.sabotaged(0, lambda: None) as points:
        result = CliRunner().invoke(
            app, ["train", str(home / "text.txt"), "--out", str(folder), *OPTIONS]
        )
    assert result.exit_code == 0, result.output
    return Reference(folder, points)


def command(home: Path, folder: Path) -> list[str]:
    """What a user calls who finds a folder, or none: begin, or go on."""
    if (folder / "config.json").exists():
        return ["train", "--resume", str(folder), "--checkpoint-every", "0"]
    if folder.exists():
        # It was killed before anything was written.
        assert [path.name for path in folder.glob("[!.]*")] == []
        shutil.rmtree(folder)
    return ["train", str(home / "text.txt"), "--out", str(folder), *OPTIONS]


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    # A shell in the background lets its children ignore the signal, and they theirs.
    started = subprocess.Popen(
        arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "LSTM_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def killed_in_a_save(arguments: list[str], point: int) -> int:
    """The exit code of the command, killed at a point of its saves."""
    with process(sys.executable, sabotage.__file__, str(point), *arguments) as running:
        _, stderr = running.communicate(timeout=120)
    assert running.returncode in (0, -signal.SIGKILL), stderr
    return running.returncode


def killed_at_any_time(
    arguments: list[str], number: signal.Signals, seconds: float, begun: bool
) -> int:
    """The exit code of the command, sent a signal after some time, or some time of training."""
    with process(*PROGRAM, *arguments) as running:
        if begun:
            assert running.stdout is not None
            running.stdout.readline()
        time.sleep(seconds)
        running.send_signal(number)
        _, stderr = running.communicate(timeout=120)
    if "stopped at step" in stderr:
        assert "Continue with: lstm train --resume" in stderr
        assert running.returncode == 128 + number
    return running.returncode


@posix
@pytest.mark.skipif(KILLS == 0, reason="LSTM_KILLS is 0")
def test_every_killed_training_ends_in_the_same_bits(home: Path, reference: Reference) -> None:
    rng = np.random.default_rng(SEED)
    signals = signal.SIGKILL, signal.SIGTERM, signal.SIGINT
    kills: Counter[str] = Counter()
    trainings, folder = 0, home / "killed"
    while kills.total() < KILLS:
        arguments = command(home, folder)
        if kills.total() % 2:
            # A third of a training, so that there are several kills in each.
            code = killed_in_a_save(arguments, int(rng.integers(1, len(reference.points) // 3)))
            kind = "in a save"
        else:
            number = signals[rng.integers(3)]
            begun = bool(rng.random() < 0.75)
            code = killed_at_any_time(arguments, number, float(rng.uniform(0, 0.4)), begun)
            kind = number.name
        if code:
            kills[kind] += 1
            check_readable(folder, len(set(TEXT)))
            continue
        reference.check(folder)
        shutil.rmtree(folder)
        trainings += 1
    result = CliRunner().invoke(app, command(home, folder))
    assert result.exit_code == 0, result.output
    reference.check(folder)
    print(f"{dict(kills)}: {trainings + 1} trainings, all in the same bits")


class TestFailingDisks:
    """The disk fails at some point of a save."""

    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=["full", "broken"])
    @pytest.mark.parametrize("point", ["begin", "half", "flush", "rename"])
    def test_what_was_there_stays_and_can_be_gone_on_from(
        self, home: Path, reference: Reference, tmp_path: Path, point: str, number: int
    ) -> None:
        folder = tmp_path / "run"
        # The first four saves are those of config.json, tokens.bin, checkpoint, config.json.
        all_of_them = [k for k, name in enumerate(reference.points, 1) if name == point]
        at = int(np.random.default_rng(number).choice(all_of_them[4:]))
        before: dict[Path, bytes] = {}

        def fail() -> None:
            before.update({path: path.read_bytes() for path in folder.glob("[!.]*")})
            raise OSError(number, os.strerror(number))

        with sabotage.sabotaged(at, fail):
            result = CliRunner().invoke(app, command(home, folder))
        assert result.exit_code == 1
        assert result.stderr.startswith(f"error: {folder}")
        failure, command_to_continue = result.stderr.split(". Continue from step ")
        assert failure.endswith(f": cannot be written ({os.strerror(number)})")
        assert command_to_continue.endswith(f" with: lstm train --resume {folder}\n")
        assert before
        assert {path: path.read_bytes() for path in folder.iterdir()} == before
        result = CliRunner().invoke(app, command(home, folder))
        assert result.exit_code == 0, result.output
        reference.check(folder)

    @pytest.mark.parametrize("save", range(4))
    def test_nothing_is_left_of_a_training_that_could_not_begin(
        self, home: Path, reference: Reference, tmp_path: Path, save: int
    ) -> None:
        folder = tmp_path / "run"
        at = [k for k, name in enumerate(reference.points, 1) if name == "flush"][save]

        def fail() -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with sabotage.sabotaged(at, fail):
            result = CliRunner().invoke(app, command(home, folder))
        assert result.exit_code == 1
        assert result.stderr.startswith(f"error: {folder}")
        assert not folder.exists()

    @posix
    def test_a_limit_of_the_system(self, home: Path, reference: Reference, tmp_path: Path) -> None:
        import resource

        folder = tmp_path / "run"
        assert killed_in_a_save(command(home, folder), len(reference.points) // 2)
        before = {path: path.read_bytes() for path in folder.glob("[!.]*")}
        size = len(before[folder / "checkpoint.safetensors"])
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        # Python ignores the signal that comes with the error.
        resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, limit[1]))
        try:
            result = CliRunner().invoke(app, command(home, folder))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        assert result.exit_code == 1
        message = f"cannot be written ({os.strerror(errno.EFBIG)})"
        failure, _ = result.stderr.split(". Continue from step ")
        assert failure == f"error: {folder / 'checkpoint.safetensors'}: {message}"
        assert {path: path.read_bytes() for path in folder.iterdir()} == before
        result = CliRunner().invoke(app, command(home, folder))
        assert result.exit_code == 0, result.output
        reference.check(folder)

    @posix
    def test_a_disk_that_is_full(self, home: Path, reference: Reference, tmp_path: Path) -> None:
        disk, kept = tmp_path / "disk", tmp_path / "kept"
        disk.mkdir()
        # A disk that no other process sees, and that goes with the last one that does.
        alone = ["unshare", "--map-root-user", "--mount", "sh", "-e", "-c"]
        mount = f"mount -t tmpfs -o size=256k tmpfs {disk}"
        if not shutil.which("unshare") or subprocess.run([*alone, mount], check=False).returncode:
            pytest.skip("this system lets no user mount a disk")
        point = str(len(reference.points) // 2)
        killed, resumed = (
            shlex.join(arguments)
            for arguments in (
                [sys.executable, sabotage.__file__, point, *command(home, disk / "run")],
                [*PROGRAM, "train", "--resume", str(disk / "run"), "--checkpoint-every", "0"],
            )
        )
        script = f"""
            {mount}
            {killed} > {tmp_path}/ignored || echo killed
            cat /dev/zero > {disk}/filler 2> {tmp_path}/ignored || true
            cp -r {disk}/run {kept}
            {resumed} > {tmp_path}/ignored || echo $?
            diff -r -x '.*' {disk}/run {kept}
            rm {disk}/filler
            {resumed} > {tmp_path}/ignored
            rm -r {kept}
            cp -r {disk}/run {kept}
        """
        with process(*alone, script) as running:
            stdout, stderr = running.communicate(timeout=120)
        assert running.returncode == 0, stderr
        assert stdout == "killed\n1\n"
        last, _ = stderr.splitlines()[-1].split(". Continue from step ")
        assert last.startswith(f"error: {disk}/run/")
        assert last.endswith(f": cannot be written ({os.strerror(errno.ENOSPC)})")
        reference.check(kept)
