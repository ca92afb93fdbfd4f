"""Stop strings: where a text that arrives in pieces ends."""

from collections.abc import Iterable, Iterator, Sequence

from lstm import checks
from lstm.errors import InvalidTypeError, InvalidValueError
from lstm.text.normalization import normalized


def checked_stops(stop: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the stop strings that a user passed (one, several or none), normalized.

    Raises:
        InvalidTypeError: `stop` is something else.
        InvalidValueError: a stop string is empty.
    """
    if stop is None:
        return ()
    if not isinstance(stop, str | Sequence):
        raise InvalidTypeError("stop", "a text or a sequence of texts", type(stop).__name__)
    stops = [stop] if isinstance(stop, str) else stop
    for text in stops:
        checks.string("stop", text)
        if not normalized(text):
            raise InvalidValueError("stop", "texts that are not empty", "an empty one")
    return tuple(map(normalized, stops))


def before_stop(text: str, stops: Sequence[str]) -> str | None:
    """Return the text before the first complete stop string; None if there is none.

    If two end at the same place, the longer one counts.
    """
    found = [(start + len(stop), start) for stop in stops if (start := text.find(stop)) >= 0]
    return text[: min(found)[1]] if found else None


class Cut:
    """Ends a text before the first stop string, and never returns a part of it.

    Args:
        stops: the strings; without any, all text passes.

    Attributes:
        ended: whether a stop string has occurred.

    Example:
        >>> cut = Cut(["END"])
        >>> cut.take("one E"), cut.take("ach, EN"), cut.take("D, two")
        ('one ', 'Each, ', '')
        >>> cut.ended
        True
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._held = ""
        self.ended = False

    def take(self, piece: str) -> str:
        """Add the next piece, and return the text that may pass; empty after the end."""
        if self.ended:
            return ""
        text, self._held = self._held + piece, ""
        before = before_stop(text, self._stops)
        if before is not None:
            self.ended = True
            return before
        passed = len(text) - self._beginning(text)
        self._held = text[passed:]
        return text[:passed]

    def rest(self) -> str:
        """Return what was held back, if nothing follows."""
        held, self._held = self._held, ""
        return held

    def _beginning(self, text: str) -> int:
        """Return the length of the longest end of a text that starts a stop string."""
        longest = max((len(stop) for stop in self._stops), default=1) - 1
        sizes = range(min(longest, len(text)), 0, -1)
        return next((n for n in sizes if any(s.startswith(text[-n:]) for s in self._stops)), 0)


def until_stop(
    pieces: Iterable[list[str]], count: int, stops: Sequence[str]
) -> Iterator[list[str]]:
    """Yield pieces of `count` parallel texts, each up to its first stop string."""
    cuts = [Cut(stops) for _ in range(count)]
    for texts in pieces:
        yield [cut.take(text) for cut, text in zip(cuts, texts, strict=True)]
        if all(cut.ended for cut in cuts):
            return
    yield [cut.rest() for cut in cuts]
