"""Runs the code of a documentation page, as it is, in order.

    python docs/live.py docs/theory/gates.md --pictures /tmp/pictures

Each page has one namespace, its own working directory and seed. This code runs:

- fenced ``python`` blocks; if they have ``>>>`` prompts, their output must be what the page shows,
  floats to the digits written;
- the bodies of ``{picture}`` directives; each leaves one figure, which is saved;
- both of them inside other directives, such as ``{solution}``.

A sample that should not run is a ``{code-block} python``.
"""

import argparse
import contextlib
import doctest
import io
import re
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

NUMBER = re.compile(r"[+-]?(?:(?:\d*\.\d+|\d+\.)(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)")
# Where a reader or Markdown sees Python: each has to be a fence that runs.
PYTHON = re.compile(r"(`{3,}|~{3,}) *(\{picture\}|py)", re.IGNORECASE)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class PageError(Exception):
    """A page cannot be read: the line, and what is wrong."""


@dataclass(frozen=True)
class Block:
    """Code of a page: the line of its first line, and whether it draws."""

    source: str
    line: int
    draws: bool = False


@dataclass
class Run:
    """The result of running a page; a problem has the line and what went wrong."""

    blocks: int = 0
    pictures: list[Path] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)
    seconds: float = 0.0


def blocks(text: str, first_line: int = 1) -> Iterator[Block]:
    """Yield the blocks of a Markdown text that run.

    Raises:
        PageError: a directive cannot be one, or a block of Python would not run.
    """
    lines = text.splitlines()
    start = 0
    while start < len(lines):
        opening = re.match(r"( *)(`{3,})([^`]*)$", lines[start])
        start += 1
        if opening is None:
            # Markdown would take it for a paragraph, and what follows for anything.
            if re.match(r" *`{3,}\{", lines[start - 1]):
                raise PageError(first_line + start - 1, "a fence whose first line has backticks")
            if PYTHON.search(lines[start - 1]):
                raise PageError(first_line + start - 1, "Python that no fence of its own begins")
            continue
        indent, fence, info = opening.groups()
        closing = re.compile(f" *{fence}`* *$")
        end = start
        while end < len(lines) and not closing.match(lines[end]):
            end += 1
        body = [line.removeprefix(indent) for line in lines[start:end]]
        line = first_line + start
        if info.strip() == "python":
            yield Block("\n".join(body) + "\n", line)
        elif info.strip().lower().startswith("py"):
            raise PageError(line - 1, f"a fence of {info.strip()}, which is not run")
        elif info.startswith("{picture}"):
            code = [option.startswith(":") for option in [*body, ""]].index(False)
            yield Block("\n".join(body[code:]) + "\n", line + code, draws=True)
        elif info.startswith("{"):
            yield from blocks("\n".join(body), line)
        start = end + 1


def has_code(page: Path) -> bool:
    """Whether a page has code that may run."""
    try:
        return any(True for _ in blocks(page.read_text("utf-8")))
    except PageError:
        return True


def run(page: Path, pictures: Path, kind: str = "svg") -> Run:
    """Run the code of `page` and save its figures as `pictures`/NAME-1.svg, NAME-2.svg, ..."""
    import matplotlib

    import lstm
    from lstm import backends

    matplotlib.use("Agg")
    try:
        code = list(blocks(page.read_text("utf-8")))
    except PageError as error:
        return Run(problems=[error.args])
    result = Run(blocks=len(code))
    names: dict[str, Any] = {"__name__": "__main__"}
    begun = time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(),
        backends.using(),
    ):
        warnings.simplefilter("error")
        lstm.set_seed(0)
        for block in code:
            if re.search(r"^\s*>>> ", block.source, re.MULTILINE):
                result.problems += check(block, names, page)
            else:
                result.problems += execute(block, names, page)
            if block.draws:
                path = pictures / f"{page.stem}-{len(result.pictures) + 1}.{kind}"
                result.pictures.append(path)
                result.problems += save_figure(block, path)
    result.seconds = time.perf_counter() - begun
    return result


def check(block: Block, names: dict[str, Any], page: Path) -> list[tuple[int, str]]:
    """Run a block with prompts and compare what it prints."""
    parser = doctest.DocTestParser()
    texts = (part.strip() for part in parser.parse(block.source) if isinstance(part, str))
    for text in filter(None, texts):
        line = block.line + block.source[: block.source.index(text)].count("\n")
        return [(line, "neither behind a prompt nor what one printed")]
    # A traceback finds the source of each block by its name.
    name = f"{page.name}:{block.line}"
    test = parser.get_doctest(block.source, names, name, str(page), block.line - 1)
    test.globs = names
    runner = Runner(Checker(), verbose=False, optionflags=FLAGS)
    runner.run(test, out=lambda text: None, clear_globs=False)
    return runner.problems


def execute(block: Block, names: dict[str, Any], page: Path) -> list[tuple[int, str]]:
    """Run a block without prompts."""
    try:
        # The empty lines in front make the lines of a traceback those of the page.
        exec(compile("\n" * (block.line - 1) + block.source, str(page), "exec"), names)
    except Exception as error:
        message = "".join(traceback.format_exception_only(error)).strip()
        return [(line_of(error, page) or block.line, message)]
    return []


def line_of(error: Exception, page: Path) -> int | None:
    """The last line of `page` that `error` passed through."""
    if isinstance(error, SyntaxError) and error.filename == str(page):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno for f in reversed(frames) if f.filename == str(page)), None)


def save_figure(block: Block, path: Path) -> list[tuple[int, str]]:
    """Save the one figure that `block` left open."""
    from lstm import plotting

    with plotting.style() as plt:
        figures = [plt.figure(number) for number in plt.get_fignums()]
        if len(figures) == 1:
            path.parent.mkdir(parents=True, exist_ok=True)
            # The same picture is the same file, so no date.
            figures[0].savefig(
                path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else {}
            )
        plt.close("all")
    return [] if len(figures) == 1 else [(block.line, f"one figure expected, got {len(figures)}")]


class Checker(doctest.OutputChecker):
    """Compares floats to as many digits as are written, as pytest's NUMBER does."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        wanted = iter(NUMBER.findall(want))

        def as_wanted(match: re.Match[str]) -> str:
            text = next(wanted, match[0])
            mantissa, _, exponent = text.lower().partition("e")
            unit = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
            # A little more than a unit, since the difference is rounded, too.
            return text if abs(float(text) - float(match[0])) <= 1.001 * unit else match[0]

        return super().check_output(want, got, optionflags) or super().check_output(
            want, NUMBER.sub(as_wanted, got), optionflags
        )


class Runner(doctest.DocTestRunner):
    """Collects problems, with lines of the page, instead of printing them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.problems: list[tuple[int, str]] = []

    def report_failure(
        self, out: object, test: doctest.DocTest, example: doctest.Example, got: str
    ) -> None:
        difference = Checker().output_difference(example, got, FLAGS)
        self.problems.append((line_in(test, example), f"{example.source}{difference}".rstrip()))

    def report_unexpected_exception(
        self,
        out: object,
        test: doctest.DocTest,
        example: doctest.Example,
        exc_info: tuple[type[BaseException], BaseException, TracebackType],
    ) -> None:
        message = "".join(traceback.format_exception_only(exc_info[1])).strip()
        self.problems.append((line_in(test, example), f"{example.source}{message}"))


def line_in(test: doctest.DocTest, example: doctest.Example) -> int:
    return (test.lineno or 0) + example.lineno + 1


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the code of documentation pages.")
    parser.add_argument("pages", nargs="+", type=Path, metavar="PAGE")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="keep the pictures, as PNG")
    arguments = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as nowhere:
        for page in arguments.pages:
            result = run(page.resolve(), (arguments.pictures or Path(nowhere)).resolve(), "png")
            for line, message in result.problems:
                print(f"{page}:{line}: {message}")
            print(
                f"{page}: {result.blocks} blocks, {len(result.pictures)} pictures, "
                f"{len(result.problems)} problems, {result.seconds:.1f} s"
            )
            failed = failed or bool(result.problems)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
