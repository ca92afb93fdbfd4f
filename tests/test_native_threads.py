"""Threads of the native backend: the same bits for any number, from anywhere, even after fork."""

import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstm.backends import _kernels
from lstm.backends.native import Native
from native_cases import (
    INSTRUCTION_SETS,
    LARGE,
    Use,
    assert_same_bits,
    everything,
    running_on,
    threads,
)
from op_cases import Array

native = Native()

COUNTS = (1, 2, 3, 4, 8)
BUSY = [use for use in LARGE if str(use.case).startswith(("linear", "lstm", "softmax"))]

on_instruction_sets = pytest.mark.parametrize("instruction_set", INSTRUCTION_SETS)


# ---- any number of threads


@on_instruction_sets
@pytest.mark.parametrize("use", LARGE, ids=lambda use: str(use.case))
def test_operations_give_the_same_bits(instruction_set: str, use: Use) -> None:
    with running_on(instruction_set):
        with threads(1):
            expected = everything(use, native)
        for count in COUNTS[1:]:
            with threads(count):
                assert_same_bits(everything(use, native), expected)


def optimized() -> list[Array]:
    """What all optimizers make of the same parameters, one after the other."""
    rng = np.random.default_rng(80)
    p, g, m, v = (rng.normal(size=100_003).astype(np.float32) for _ in range(4))
    norm = native.clip_by_norm(g, np.array([50_000, g.size]), 10.0)
    native.clip_by_value(g, 0.05)
    native.mix(v, 0.5, g, 2.0)
    native.sgd_step(p, g, m, 0.1, 0.9, True)
    native.rmsprop_step(p, g, v := abs(v), None, m, 0.1, 0.9, 0.9, 1e-7)
    native.adam_step(p, g, m, v, u := v + 0.1, 3, 0.1, 0.9, 0.999, 1e-7)
    native.adagrad_step(p, g, v, 0.1, 1e-7)
    native.adadelta_step(p, g, v, u, 0.1, 0.9, 1e-7)
    native.adamax_step(p, g, m, v, 3, 0.1, 0.9, 0.99, 1e-7)
    native.nadam_step(p, g, m, v, 3, 0.1, 0.9, 0.99, 1e-7)
    native.ftrl_step(p, g, v, m, 0.1, -0.7, 0.1, 0.1, 0.1, 0.1)
    native.lion_step(p, g, m, 0.1, 0.9, 0.99)
    return [p, g, m, v, u, np.array(norm)]


@on_instruction_sets
def test_optimizers_give_the_same_bits(instruction_set: str) -> None:
    with running_on(instruction_set):
        with threads(1):
            expected = optimized()
        for count in COUNTS[1:]:
            with threads(count):
                assert_same_bits(optimized(), expected)


TASKS = Path("/proc/self/task")
only_on_linux = pytest.mark.skipif(
    not TASKS.exists(), reason="looks into the process as Linux does"
)


def alive() -> int:
    """How many threads this process has."""
    return len(list(TASKS.iterdir())) if TASKS.exists() else 0


@only_on_linux
def test_the_threads_asked_for_do_the_work() -> None:
    # Without this the tests above would pass on one thread too.
    with threads(2):
        everything(BUSY[0], native)
        two = alive()
    with threads(8):
        everything(BUSY[0], native)
        assert alive() == two + 6
    with threads(2):
        everything(BUSY[0], native)
        assert alive() == two


@pytest.mark.parametrize("count", [0, -1, 4097, 2**40])
def test_a_number_of_threads_that_cannot_be(count: int) -> None:
    with pytest.raises((ValueError, TypeError)):
        _kernels.set_num_threads(count)


# ---- called from several Python threads


@pytest.mark.parametrize("count", [1, 3])
def test_calls_from_several_threads_do_not_disturb_each_other(count: int) -> None:
    with threads(count):
        expected = [everything(use, native) for use in BUSY]
        with ThreadPoolExecutor(4) as pool:
            for results in pool.map(lambda k: everything(BUSY[k % len(BUSY)], native), range(40)):
                # In the order of the calls.
                assert_same_bits(results, expected[0])
                expected.append(expected.pop(0))


def test_the_number_of_threads_can_change_during_a_call() -> None:
    expected = everything(BUSY[0], native)
    done = threading.Event()

    def change() -> None:
        while not done.is_set():
            for count in COUNTS:
                _kernels.set_num_threads(count)

    with threads(2):
        changing = threading.Thread(target=change)
        changing.start()
        try:
            for _ in range(30):
                assert_same_bits(everything(BUSY[0], native), expected)
        finally:
            done.set()
            changing.join()


# ---- processes


def in_child(connection: Any) -> None:
    before = alive()
    connection.send([everything(use, native) for use in BUSY])
    connection.send(alive() - before)
    connection.close()


def assert_child_works(expected: list[list[Any]], threads: int) -> None:
    """Assert that a forked child computes the same, on so many threads of its own, and exits."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=in_child, args=(sender,))
    child.start()
    sender.close()
    try:
        assert receiver.poll(60), "the child hangs"
        for results, wanted in zip(receiver.recv(), expected, strict=True):
            assert_same_bits(results, wanted)
        started = receiver.recv()
        assert started == threads - 1 or not TASKS.exists()
        child.join(60)
        assert child.exitcode == 0
    finally:
        child.kill()
        child.join()
        receiver.close()


only_with_fork = [
    pytest.mark.skipif(
        "fork" not in multiprocessing.get_all_start_methods() or sys.platform == "darwin",
        reason="there is no safe fork",
    ),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]


class TestFork:
    pytestmark = only_with_fork

    def test_a_child_has_threads_of_its_own(self) -> None:
        with threads(3):
            expected = [everything(use, native) for use in BUSY]
            assert_child_works(expected, 3)
            # Nor has the parent lost its threads.
            assert_same_bits(everything(BUSY[0], native), expected[0])

    def test_a_child_of_a_busy_parent_works(self) -> None:
        done = threading.Event()
        x = np.ones((500, 500), np.float32)

        def work() -> None:
            while not done.is_set():  # nearly always within a kernel, with the pool in use
                native.linear_forward(x, x, None, "linear")

        with threads(3):
            expected = [everything(use, native) for use in BUSY]
            worker = threading.Thread(target=work)
            worker.start()
            try:
                for _ in range(5):
                    assert_child_works(expected, 3)
            finally:
                done.set()
                worker.join()


EXITS = {
    "idle": "call()",
    "busy": """
import threading, time
for _ in range(2):
    threading.Thread(target=lambda: [call() for _ in iter(int, 1)], daemon=True).start()
time.sleep(0.2)
""",
}


@pytest.mark.parametrize("state", EXITS)
def test_the_interpreter_exits_cleanly(state: str) -> None:
    program = f"""
import numpy as np
from lstm.backends import _kernels
from lstm.backends.contract import RecurrentSpec, RecurrentWeights
from lstm.backends.native import Native
_kernels.set_num_threads(3)
x, w, r = (np.ones(s, np.float32) for s in ((13, 20, 64), (64, 256), (64, 256)))
def call():
    weights = RecurrentWeights(w, r, None)
    options = (None, None), None, None, False
    Native().recurrent_forward(RecurrentSpec("lstm"), x, weights, *options)
{EXITS[state]}
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")


without_sanitizer = pytest.mark.skipif(
    "libasan" in os.environ.get("LD_PRELOAD", ""),
    reason="the sanitizer needs memory of its own, whatever the limit",
)

IN_A_CHILD = """
child = os.fork()
if not child:
    os._exit(0 if (product(64) == expected).all() else 1)
assert os.waitpid(child, 0)[1] == 0
"""


@only_on_linux
@without_sanitizer
@pytest.mark.parametrize("afterwards", ["", IN_A_CHILD], ids=["here", "in a child"])
def test_fewer_threads_do_where_the_system_gives_no_more(afterwards: str) -> None:
    program = f"""
import os
import resource
import numpy as np
from lstm.backends import _kernels
from lstm.backends.native import Native
x = np.random.default_rng(0).random((600, 300), np.float32)
def product(count):
    _kernels.set_num_threads(count)
    return Native().linear_forward(x, x.T.copy(), None, "linear")[0]
expected = product(1)
pages = int(open("/proc/self/statm").read().split()[0])
room = pages * resource.getpagesize() + 100_000_000
resource.setrlimit(resource.RLIMIT_AS, (room, room))
assert (product(64) == expected).all()
{afterwards}
"""
    assert_runs(program)


def assert_runs(program: str, **environment: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")


@only_on_linux
@without_sanitizer
@pytest.mark.parametrize("count", [2, 8])
def test_a_task_that_finds_no_memory_is_an_error_and_not_the_end(count: int) -> None:
    program = f"""
import resource
import numpy as np
from lstm.backends import _kernels as kernels
rng = np.random.default_rng(0)
B, T, D, H = 64, 3, 5, 700
x, w, r = (rng.random(s, np.float32) - 0.5 for s in ((B, T, D), (D, 4 * H), (H, 4 * H)))
y, c = np.empty((B, T, H), np.float32), np.empty((B, H), np.float32)
wide = np.ones((64, 100, 100), np.float32), np.ones((64, 100), np.float32)
work_space = np.empty_like(wide[0])
def forward():
    kernels.inference_lstm_forward(x, None, w, r, *[None] * 7, False, 2, 3, None, None, c, y)
kernels.set_num_threads(1)
forward()  # From now on the caller has memory for all of it, but not its threads.
expected = y.copy()
kernels.set_num_threads({count})
kernels.scale_features(*wide, work_space)
pages = int(open("/proc/self/statm").read().split()[0])
hard = resource.getrlimit(resource.RLIMIT_AS)[1]
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize(), hard))
taken, errors = [], []
for bits in (20, 17, 16, 15):
    try:
        while True:
            taken.append(bytearray(1 << bits))
    except MemoryError:
        pass
for _ in range(100):
    try:
        forward()
    except MemoryError as error:
        errors.append(error)
        break
del taken
resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
assert "no more memory" in str(errors[0])
forward()
assert (y == expected).all()
"""
    # One heap for all threads: the private ones have room that the limit does not know.
    assert_runs(program, MALLOC_ARENA_MAX="1")


# ---- the state of the processor


@on_instruction_sets
def test_denormals_are_zero_in_kernels_and_only_there(instruction_set: str) -> None:
    small = np.full((2, 300), 1e-20, np.float32)
    with running_on(instruction_set):
        for count in (1, 4):
            with threads(count):
                y, _ = native.linear_forward(small, small.T.copy(), None, "linear")
                np.testing.assert_array_equal(y, np.zeros((2, 2)))
                everything(BUSY[-1], native)
                assert np.float32(1e-20) * np.float32(1e-20) > 0
