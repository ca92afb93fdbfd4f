"""The texts, and what is known about how well they can be predicted."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import grammar

from lstm.data import offline_corpus, shakespeare


@dataclass(frozen=True)
class Mark:
    """The result of another program: nats per character after some seconds."""

    title: str
    seconds: float
    nats: float


@dataclass(frozen=True)
class Corpus:
    """A text to train on.

    Attributes:
        title: what to call it.
        arguments: how it is named to `lstm train`.
        text: returns it.
        marks: figures of others.
        generated: whether it has to be written to the file that `arguments` name.
    """

    title: str
    arguments: tuple[str, ...]
    text: Callable[[], str]
    marks: tuple[Mark, ...] = ()
    generated: bool = False


CORPORA = {
    "shakespeare": Corpus(
        "tinyshakespeare",
        ("shakespeare",),
        shakespeare,
        (
            Mark("nanoGPT, its CPU recipe", 134, 1.886),
            Mark("nanoGPT, its GPU recipe on an A100", 180, 1.4697),
        ),
    ),
    "offline": Corpus("Python's help texts", (), offline_corpus),
    "grammar": Corpus(
        "Nested clauses of a known grammar", ("grammar.txt",), cache(grammar.write), generated=True
    ),
}


def floor(name: str, text: str, val_fraction: float) -> float | None:
    """The lowest loss that a model can expect on the validation part, in nats per character.

    Args:
        name: a key of CORPORA.
        text: that corpus.
        val_fraction: share of it, at its end.

    Returns:
        None if nobody knows it.
    """
    if name != "grammar":
        return None
    validation = text[len(text) - int(len(text) * val_fraction) :]
    # The first sentence began earlier, and its end alone does not determine it.
    return grammar.surprisal(validation.partition("\n")[2])
