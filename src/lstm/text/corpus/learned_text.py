"""LearnedText: what a model keeps of the text that it learned from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lstm import checks


@dataclass(frozen=True)
class LearnedText:
    """The text of a training: enough to know it again, and to know how much of it was unknown.

    Attributes:
        sha256: hexadecimal digest of its tokens; see `Corpus.sha256`.
        training, validation, test: number of tokens of each of its parts, in their order.
        unknown: how many of the tokens to train on are unknown.
    """

    sha256: str
    training: int
    validation: int
    test: int
    unknown: int

    def __post_init__(self) -> None:
        checks.string("sha256", self.sha256)
        for name in ("training", "validation", "test", "unknown"):
            checks.int_at_least(name, getattr(self, name), 0)
        checks.positive_int("training", self.training)

    @classmethod
    def of_header(cls, header: Mapping[str, Any]) -> "LearnedText | None":
        """What the header of a file has of it; files of earlier versions have nothing."""
        found = header.get("learned_text")
        return None if found is None else cls(**found)

    @property
    def unknown_share(self) -> float:
        """Share of the tokens to train on that are unknown."""
        return self.unknown / self.training
