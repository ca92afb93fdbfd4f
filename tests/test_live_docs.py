"""What runs the code of the documentation finds every mistake, and names its line."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

LIVE = Path(__file__).parents[1] / "docs" / "live.py"

PAGE = """# A page

```python
>>> import numpy as np
>>> x = np.linspace(0, 1, 5)
>>> print("sum", x.sum() + 0.001)
sum 2.50
```

1. In a list, and seen by what follows:

   ```python
   y = x + 1
   print("not shown")
   ```

```{picture} A line that rises from 1 to 2.
:alt: One line.

with plotting.style() as plt:
    figure, ax = plt.subplots()
    ax.plot(x, y)
```

````{solution}
It is $1 + 2$.

```python
>>> print(y[0] + y[-1])
3.0
```
````

```{code-block} python
this is only looked at
```

```sh
this is no Python
```
"""
IMPORTED = PAGE.replace(
    ">>> import numpy as np", ">>> import numpy as np; from lstm import plotting"
)


@pytest.fixture(scope="module")
def live() -> ModuleType:
    spec = importlib.util.spec_from_file_location("live", LIVE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["live"] = module  # where a dataclass looks for its module
    spec.loader.exec_module(module)
    return module


def problems(live: ModuleType, folder: Path, text: str) -> list[tuple[int, str]]:
    page = folder / "page.md"
    page.write_text(text, "utf-8")
    found: list[tuple[int, str]] = live.run(page, folder).problems
    return found


def test_a_page_runs_in_order(live: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(IMPORTED, "utf-8")
    result = live.run(page, tmp_path / "pictures")
    assert result.problems == []
    assert result.blocks == 4
    assert result.pictures == [tmp_path / "pictures" / "page-1.svg"]
    assert "<svg" in result.pictures[0].read_text("utf-8")
    assert result.seconds > 0


def test_the_same_page_draws_the_same_file(live: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(IMPORTED, "utf-8")
    first, again = (live.run(page, tmp_path / name).pictures[0] for name in ("a", "b"))
    assert first.read_bytes() == again.read_bytes()


@pytest.mark.parametrize(
    ("wrong", "line", "message"),
    [
        (IMPORTED.replace("sum 2.50", "sum 2.40"), 6, "sum 2.40"),
        (IMPORTED.replace("sum 2.50", "sum"), 6, "sum"),
        (IMPORTED.replace("3.0\n", "4.0\n"), 29, "4.0"),
        (IMPORTED.replace("(y[0]", "(y[9]"), 29, "IndexError"),
        (IMPORTED.replace('print("not shown")', "z"), 14, "NameError: name 'z' is not defined"),
        (IMPORTED.replace('print("not shown")', "z = ("), 14, "SyntaxError"),
        (IMPORTED.replace('print("not shown")', "x / 0"), 14, "RuntimeWarning: divide by zero"),
        (IMPORTED.replace("    ax.plot(x, y)", "    ax.plot(x, z)"), 22, "NameError"),
        (IMPORTED.replace("subplots()", "subplots(); plt.figure()"), 19, "got 2"),
    ],
)
def test_what_is_wrong_is_found(
    live: ModuleType, tmp_path: Path, wrong: str, line: int, message: str
) -> None:
    found_line, found = problems(live, tmp_path, wrong)[0]
    assert found_line == line
    assert message in found


def test_an_error_in_a_function_of_another_block_is_found(live: ModuleType, tmp_path: Path) -> None:
    page = """
```python
>>> a = b = 0
>>> def fails():
...     raise OSError("here")
```

```python
>>> fails()
```
"""
    ((line, message),) = problems(live, tmp_path, page)
    assert line == 9
    assert "OSError: here" in message


def test_a_picture_without_a_figure_is_found(live: ModuleType, tmp_path: Path) -> None:
    text = "```{picture} Nothing.\n:alt: Nothing.\npass\n```\n"
    assert problems(live, tmp_path, text) == [(3, "one figure expected, got 0")]


def test_a_picture_that_markdown_would_not_see_is_found(live: ModuleType, tmp_path: Path) -> None:
    text = "# A page\n\n```{picture} What `f` does.\n:alt: Nothing.\npass\n```\n"
    assert problems(live, tmp_path, text) == [(3, "a fence whose first line has backticks")]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("- ```python\n  x\n  ```\n", 1),
        ("> ```python\n> x\n> ```\n", 1),
        ("~~~python\nx\n~~~\n", 1),
        ("\n```py\nx\n```\n", 2),
        ("```Python\nx\n```\n", 1),
        ("```python title\nx\n```\n", 1),
        ("````{solution}\nSo:\n\n```pycon\n>>> x\n```\n````\n", 4),
        ("```python\nx\n>>> 1\n1\n```\n", 2),
        ("```python\n>>> 1\n1\n\nx\n```\n", 5),
        ("``` python\nx\n```\n", 2),
    ],
)
def test_nothing_is_silently_not_run(
    live: ModuleType, tmp_path: Path, text: str, line: int
) -> None:
    assert [found for found, _ in problems(live, tmp_path, text)] == [line]
    assert live.has_code(tmp_path / "page.md")


def test_a_page_finds_nothing_that_another_left(live: ModuleType, tmp_path: Path) -> None:
    first = """```python
import lstm, numpy as np
from pathlib import Path
lstm.use("reference", dtype="float64")
Path("left.txt").write_text("here")
other = 1
```
"""
    second = """```python
>>> import lstm
>>> from pathlib import Path
>>> lstm.backend().dtype, Path("left.txt").exists(), "other" in globals()
('float32', False, False)
>>> model = lstm.Sequential([lstm.Input((3,)), lstm.layers.Dense(1)])
>>> print(model.get_weights()[0].sum())
not a number, so that the message shows the one drawn
```
"""
    before = Path.cwd()
    (drawn,) = problems(live, tmp_path, second)
    assert problems(live, tmp_path, first) == []
    assert problems(live, tmp_path, second) == [drawn]
    assert "not a number" in drawn[1]
    assert Path.cwd() == before


@pytest.mark.parametrize(
    ("want", "got", "same"),
    [
        ("1.00", "0.9951", True),
        ("1.00", "0.98", False),
        ("1e-3", "0.0012", True),
        ("0.17", "0.16", True),  # the difference of these floats is more than 0.01
        ("[1.5 2.5]", "[1.52 2.47]", True),
        ("3", "3.01", False),
        ("a 0.5 b ...", "a 0.52 b c", True),
        ("-0.25", "0.25", False),
        ("nan", "0.5", False),
    ],
)
def test_floats_are_compared_to_the_digits_written(
    live: ModuleType, want: str, got: str, same: bool
) -> None:
    assert live.Checker().check_output(f"{want}\n", f"{got}\n", live.FLAGS) is same


def test_the_command_says_what_ran_and_fails_with_a_problem(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.md", tmp_path / "bad.md"
    good.write_text(IMPORTED, "utf-8")
    bad.write_text(PAGE, "utf-8")
    command = [sys.executable, str(LIVE), str(good), str(bad), "--pictures", str(tmp_path / "p")]
    result = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONWARNINGS": "error"}
    )
    assert result.returncode == 1
    assert f"{good}: 4 blocks, 1 pictures, 0 problems" in result.stdout
    assert f"{bad}:20: NameError: name 'plotting' is not defined" in result.stdout
    assert (tmp_path / "p" / "good-1.png").exists()
