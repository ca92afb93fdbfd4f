"""How many cores and threads there are: what the process really gets, whatever the machine has."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import lstm
from lstm.backends import cores
from lstm.backends.cores import usable_cores
from lstm.errors import InvalidTypeError, InvalidValueError


def machine(root: Path, files: dict[str, str]) -> Path:
    """A file system with these files."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8", "surrogateescape", newline="")
    return root


V2 = "29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "25 0 8:1 / / rw - ext4 /dev/vda rw\n"
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
    "33 31 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
)
V1_GROUPS = "5:cpuset:/other\n4:cpu,cpuacct:/a/b\n1:name=systemd:/init\n"

MACHINES = {
    "no groups": ({}, []),
    "no limit": (
        {
            "proc/self/cgroup": "0::/user\n",
            "proc/self/mountinfo": V2,
            "sys/fs/cgroup/user/cpu.max": "max 100000\n",
        },
        [],
    ),
    "version 2": (
        {
            "proc/self/cgroup": "0::/user/app\n",
            "proc/self/mountinfo": V2,
            # Each of them holds; the outermost group of a machine has no such file.
            "sys/fs/cgroup/user/app/cpu.max": "350000 100000\n",
            "sys/fs/cgroup/user/cpu.max": "100000 50000\n",
        },
        [3.5, 2.0],
    ),
    "container of version 2": (
        {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": V2,
            "sys/fs/cgroup/cpu.max": "150000 100000\n",
        },
        [1.5],
    ),
    "version 1": (
        {
            "proc/self/cgroup": V1_GROUPS,
            "proc/self/mountinfo": V1,
            "sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "50000\n",
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
            # Not those of the hierarchy of cpuset.
            "sys/fs/cgroup/cpuset/other/cpu.cfs_quota_us": "1\n",
            "sys/fs/cgroup/cpuset/other/cpu.cfs_period_us": "1\n",
        },
        [0.5],
    ),
    "container that sees the names of its host": (
        {
            "proc/self/cgroup": "3:cpu:/docker/1f2e\n",
            "proc/self/mountinfo": "32 31 0:29 /docker/1f2e /sys/fs/cgroup/cpu ro master:1"
            " - cgroup cgroup rw,cpu\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
        [2.0],
    ),
    "group beside what can be seen": (
        {
            "proc/self/cgroup": "0::/../elsewhere\n",
            "proc/self/mountinfo": V2.replace(" / /sys", " /mine /sys"),
            "sys/fs/cgroup/cpu.max": "100000 100000\n",
        },
        [1.0],
    ),
    "other disks with names of any bytes": (
        {
            "proc/self/cgroup": "0::/\n",
            "proc/self/mountinfo": "31 23 8:1 / /media/\udcff\x85\u2028\r rw - ext4 /dev/sda rw\n"
            + V2,
            "sys/fs/cgroup/cpu.max": "100000 100000\n",
        },
        [1.0],
    ),
    "not understood": (
        {
            "proc/self/cgroup": "0::/\n\nnothing\n",
            "proc/self/mountinfo": V2,
            "sys/fs/cgroup/cpu.max": "2.5\n",
        },
        [],
    ),
}


@pytest.mark.parametrize("name", MACHINES)
def test_quotas_of_control_groups(name: str, tmp_path: Path) -> None:
    files, expected = MACHINES[name]
    assert list(cores._quotas(machine(tmp_path, files))) == expected


@pytest.mark.parametrize(
    ("quotas", "expected"),
    [([], 6), ([8.0], 6), ([4.0, 2.9], 3), ([1.2], 1), ([0.1], 1)],
)
def test_what_limits_more_counts(
    quotas: list[float], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(6)), raising=False)
    monkeypatch.setattr(cores, "_quotas", lambda: iter(quotas))
    assert usable_cores() == expected


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


SHOW = "import lstm; print(lstm.info()['threads'], lstm.info()['cores'], lstm.num_threads())"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="there is no affinity")
def test_cores_that_the_process_may_not_run_on_do_not_count() -> None:
    first = min(os.sched_getaffinity(0))
    pinned = run(f"import os; os.sched_setaffinity(0, {{{first}}}); {SHOW}", LSTM_NUM_THREADS="")
    assert pinned.stdout.split() == ["1", "1", "1"]


@pytest.mark.parametrize("asked", ["", "4096", "99999999999999999999"])
def test_there_are_no_more_threads_than_cores(asked: str) -> None:
    count = str(usable_cores())
    assert run(SHOW, LSTM_NUM_THREADS=asked).stdout.split() == [count, count, count]


@pytest.mark.parametrize("asked", ["0", "-2", "two", "1.5"])
def test_a_number_of_threads_in_the_environment_that_cannot_be(asked: str) -> None:
    error = run("import lstm", LSTM_NUM_THREADS=asked).stderr.splitlines()[-1]
    expected = f"LSTM_NUM_THREADS: expected a whole number of at least 1, got '{asked}'"
    assert error == f"lstm.errors.InvalidValueError: {expected}"


def test_set_num_threads() -> None:
    before = lstm.num_threads()
    try:
        for count in (1, 2, 10**6):
            lstm.set_num_threads(count)
            assert lstm.num_threads() == min(count, usable_cores())
        for bad, error in ((0, InvalidValueError), (1.5, InvalidTypeError)):
            with pytest.raises(error, match="count"):
                lstm.set_num_threads(bad)  # type: ignore[arg-type]
    finally:
        lstm.set_num_threads(before)
