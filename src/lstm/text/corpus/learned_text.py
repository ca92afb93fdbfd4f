"""LearnedText: what a model remembers about the text that it learned from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lstm import checks


@dataclass(frozen=True)
class LearnedText:
    """Facts about a training text: they identify it, and count its unknown tokens.

    Attributes:
        sha256: hexadecimal digest of its tokens; see `Corpus.sha256`.
        training, validation, test: number of tokens of each part, in this order.
        unknown: number of unknown tokens in the training part.
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
        """Read it from the header of a file; None for files of earlier versions, which lack it."""
        found = header.get("learned_text")
        return None if found is None else cls(**found)

    @property
    def unknown_share(self) -> float:
        """Share of unknown tokens in the training part."""
        return self.unknown / self.training
