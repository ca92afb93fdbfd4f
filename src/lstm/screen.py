"""Screen: a rich console that shows text safely."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TextIO, cast

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from lstm.terminal import encodable, visible


class Screen(Console):
    """Standard output, or standard error, for a reader.

    Text is shown unchanged, except that control characters are shown as signs.

    Args:
        stderr: show on standard error.
        quiet: show nothing.
        terminal: whether it is a terminal; detected by default.
        ignore_errors: after the first failure, drop all output; otherwise a failure is an error.
    """

    def __init__(
        self,
        *,
        stderr: bool = False,
        quiet: bool = False,
        terminal: bool | None = None,
        ignore_errors: bool = False,
    ) -> None:
        stream: TextIO | None = sys.stderr if stderr else sys.stdout
        self._lossy = _Lossy(stream) if stream is not None and ignore_errors else None
        if self._lossy is not None:
            stream = cast(TextIO, self._lossy)
        known = plausible("COLUMNS") and plausible("LINES")
        super().__init__(
            file=stream,
            quiet=quiet or stream is None,
            force_terminal=terminal,
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=True,
            width=None if known else 80,
            height=None if known else 25,
        )

    @property
    def lost(self) -> bool:
        """Whether something was dropped."""
        return self._lossy is not None and self._lossy.gone

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a str as text, before rich removes some control characters."""
        return super().render_str(visible(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        """Yield the final text, piece by piece."""
        segments: Iterable[Segment] = super().render(renderable, options)
        for segment in segments:
            text, style, control = segment
            yield segment if control else Segment(visible(text), style)

    def on_broken_pipe(self) -> None:
        """Raise the BrokenPipeError that is being handled: the caller handles it."""
        raise


class _Lossy:
    """Wraps a stream, and drops what it cannot write."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.gone = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        self._do(lambda: self._stream.write(encodable(text, self._stream)))
        return len(text)

    def flush(self) -> None:
        self._do(self._stream.flush)

    def _do(self, deed: Callable[[], object]) -> None:
        if self.gone:
            return
        try:
            deed()
        except (OSError, ValueError):  # A ValueError says that the stream is closed.
            self.gone = True


def plausible(name: str) -> bool:
    """Whether an environment variable is unset, or a valid width or height of a screen."""
    value = os.environ.get(name, "80")
    number = value.isascii() and value.isdigit() and len(value) <= 4
    return number and int(value) >= (1 if name == "LINES" else 20)
