"""The console that shows the progress of a training run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lstm import checks
from lstm.text.corpus.sources import TextSource

if TYPE_CHECKING:
    from rich.console import Console

_LONG = 2**24
"""Size in bytes from which reading a text takes noticeable time."""


def console_for(verbose: int | str) -> "Console | None":
    """Return where to show progress.

    Args:
        verbose: 0 nowhere, 1 a bar, 2 only lines, "auto" a bar on a terminal.
    """
    checks.one_of("verbose", verbose, (0, 1, 2, "auto"))
    if verbose == 0:
        return None
    from lstm.screen import Screen  # It needs rich.

    # Losing the terminal must not stop the training run.
    return Screen(terminal=None if verbose == "auto" else verbose == 1, ignore_errors=True)


@contextmanager
def reading(
    console: "Console | None", text: TextSource, what: str
) -> Iterator[Callable[[int], None] | None]:
    """Show how far a text has been read, if reading takes time and a console is watched."""
    if console is None or not console.is_terminal or text.size < _LONG:
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(bar_width=24), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=text.size)
        yield lambda read: bar.update(task, completed=read)
