"""The places of a text that a model did not expect, as a table."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from lstm.text import Corpus, Vocabulary
from lstm.text.evaluation import Surprise

_BEFORE = 24
"""Tokens shown before a surprising one."""


def surprise_row(vocabulary: Vocabulary, tokens: Corpus, surprise: Surprise) -> dict[str, Any]:
    """Return a surprise in words, for JSON and for the table."""
    at = surprise.position
    before = vocabulary.decode(tokens.tokens[max(0, at - _BEFORE) : at])
    return asdict(surprise) | {
        "after": repr(before)[1:-1],
        "token": vocabulary.token_text(surprise.token),
        "expected": vocabulary.token_text(surprise.expected),
    }


def surprise_table(rows: Sequence[dict[str, Any]]) -> Table:
    """Return the rows as a table for a reader."""
    table = Table("position", "after", "came", "nats", "expected", "with", box=None)
    for row in rows:
        table.add_row(
            f"{row['position']:,}",
            row["after"],
            row["token"],
            f"{row['nats']:.2f}",
            row["expected"],
            f"{100 * row['probability']:.0f} %",
        )
    return table
