"""Where the build cannot go on, it says in one sentence what is missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("cmake", reason="configures the build with the CMake of the environment")
pytest.importorskip("ninja", reason="configures the build with the Ninja of the environment")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="its stand-in for a compiler is a script")

ROOT = Path(__file__).parents[1]


def configured(folder: Path, compiler: str) -> str:
    """What CMake says with that compiler, in one line."""
    tools = str(Path(sys.executable).parent)
    run = subprocess.run(
        ["cmake", "-S", ROOT, "-B", folder / "build", "-G", "Ninja"],
        env=os.environ | {"CXX": compiler, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode != 0
    return " ".join(run.stderr.split())


@pytest.mark.parametrize("compiler", ["/no/such/compiler", "false"])
def test_a_compiler_that_does_not_work(tmp_path: Path, compiler: str) -> None:
    says = configured(tmp_path, compiler)
    assert f"needs a C++17 compiler and found none that works (CXX is {compiler}): install" in says


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no GCC")
def test_a_compiler_that_is_too_old(tmp_path: Path) -> None:
    old = tmp_path / "g++"
    old.write_text('#!/bin/sh\nexec g++ -U__GNUC__ -D__GNUC__=9 "$@"\n')
    old.chmod(0o755)
    says = configured(tmp_path, str(old))
    assert "needs GCC 11, Clang 12 or newer and found GNU 9." in says
    assert f"({old}): install" in says
