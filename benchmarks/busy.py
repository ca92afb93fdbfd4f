"""Another program, which has one core while the contenders work."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# It ends with the program that started it, even if that is killed.
PROGRAM = """
import os
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
print("busy", flush=True)
while os.getppid() == %d:
    for _ in range(10**6):
        pass
"""


@contextmanager
def busy_core() -> Iterator[int]:
    """Keep the last core busy; gives the process that does."""
    command = [sys.executable, "-c", PROGRAM % os.getpid()]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
        assert program.stdout
        program.stdout.readline()
        try:
            yield program.pid
        finally:
            program.kill()
