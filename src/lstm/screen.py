"""Screen: rich's console as everything here shows text on it."""

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

    Text is shown as it stands, but for control characters: signs stand for them.

    Args:
        stderr: show on standard error.
        quiet: show nothing.
        terminal: whether it is one; by default, what it is.
        goes_on: what cannot be shown is dropped, and from then on all; otherwise that is an error.
    """

    def __init__(
        self,
        *,
        stderr: bool = False,
        quiet: bool = False,
        terminal: bool | None = None,
        goes_on: bool = False,
    ) -> None:
        stream: TextIO | None = sys.stderr if stderr else sys.stdout
        self._lossy = _Lossy(stream) if stream is not None and goes_on else None
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
        """A str, before rich takes some control characters away."""
        return super().render_str(visible(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        """What stands there in the end, piece by piece."""
        segments: Iterable[Segment] = super().render(renderable, options)
        for segment in segments:
            text, style, control = segment
            yield segment if control else Segment(visible(text), style)

    def on_broken_pipe(self) -> None:
        """Called while a BrokenPipeError is handled: the caller knows what to do."""
        raise


class _Lossy:
    """A stream that drops what it cannot write; of all else it is the one that it was made of."""

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
    """Whether an environment variable is not set, or can be the width or height of a screen."""
    value = os.environ.get(name, "80")
    number = value.isascii() and value.isdigit() and len(value) <= 4
    return number and int(value) >= (1 if name == "LINES" else 20)
