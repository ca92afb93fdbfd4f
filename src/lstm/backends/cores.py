"""Cores: the number of cores that the process may use, perhaps fewer than the machine has."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_ROOT = Path("/")


def usable_cores() -> int:
    """Return the number of cores that the process really gets, at least 1.

    That is the number of cores on which it may run (`taskset`, `sched_setaffinity`), or the share
    of time that its control groups allow (`docker run --cpus`), rounded, whichever is less.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    allowed = os.cpu_count() or 1 if affinity is None else len(affinity(0))
    return max(1, min(allowed, round(min(_quotas(), default=allowed))))


def _quotas(root: Path = _ROOT) -> Iterator[float]:
    """Yield the limit of each control group of the process, in cores, if it has one.

    Args:
        root: root of the file system.
    """
    for kind, folder, top in _groups(root):
        while True:
            try:
                quota, period = _limit(kind, folder)
                if quota > 0:
                    yield quota / period
            except (OSError, ValueError, ZeroDivisionError):
                pass  # "max", no such file, or an unknown format
            if folder == top:
                break
            folder = folder.parent


def _groups(root: Path) -> Iterator[tuple[str, Path, Path]]:
    """Yield the control groups that may limit processor time.

    Each with the kind of hierarchy, the folder of the process's own group, and the folder of the
    outermost visible group: within a container, often the same.
    """
    try:
        paths, mounts = (_lines(root / "proc/self" / name) for name in ("cgroup", "mountinfo"))
    except OSError:
        return
    # Lines such as "1:cpu,cpuacct:/group" of version 1, and "0::/group" of version 2.
    group_of = {
        controller: PurePosixPath(path)
        for _, controllers, path in (line.split(":", 2) for line in paths if line.count(":") > 1)
        for controller in controllers.split(",")
    }
    for mount in mounts:
        # The visible part of the hierarchy and its place; then the kind of file system, options.
        place, _, system = mount.partition(" - ")
        (visible, folder), (kind, *options) = place.split(" ")[3:5], system.split(" ")
        controller = {"cgroup": "cpu", "cgroup2": ""}.get(kind)
        if controller not in group_of or controller not in ("", *options[-1].split(",")):
            continue
        top, group = root / folder.lstrip("/"), group_of[controller]
        own = group.relative_to(visible) if group.is_relative_to(visible) else ""
        yield kind, top / own, top


def _lines(path: Path) -> list[str]:
    """Return the lines of a system file, in which names of files may be any bytes."""
    return [line for line in os.fsdecode(path.read_bytes()).split("\n") if line]


def _limit(kind: str, group: Path) -> tuple[int, int]:
    """Return the microseconds of processor time in each period, and the length of a period."""
    if kind == "cgroup2":
        quota, period = (group / "cpu.max").read_text().split()
    else:
        quota = (group / "cpu.cfs_quota_us").read_text()
        period = (group / "cpu.cfs_period_us").read_text()
    return int(quota), int(period)
