"""The table of README.md, made from the results."""

from collections.abc import Sequence
from itertools import groupby
from math import log
from pathlib import Path
from statistics import median
from typing import Any

from corpora import CORPORA

BEGIN, END = "<!-- results: written by run.py -->", "<!-- end of results -->"

HEAD = (
    "corpus",
    "minutes",
    "seeds",
    "nats/char",
    "lowest – highest",
    "bits/char",
    "above the floor",
    "epochs",
    "model",
)


def insert(readme: Path, results: Sequence[dict[str, Any]]) -> None:
    """Write the table, the machine and the plots between the marks of a README.

    Raises:
        ValueError: the marks are not there.
    """
    before, begin, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{readme} lacks the line {END if begin else BEGIN}")
    found = markdown(results) if results else "Nothing has been run yet.\n"
    readme.write_text(f"{before}{BEGIN}\n\n{found}\n{END}{after}", encoding="utf-8")


def markdown(results: Sequence[dict[str, Any]]) -> str:
    """The part of README.md that shows sorted results."""
    lines = [HEAD, ("---",) * len(HEAD)]
    groups = groupby(results, lambda result: (result["corpus"], result["minutes"]))
    lines += [row([*group]) for _, group in groups]
    rows = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    names = dict.fromkeys(result["corpus"] for result in results)
    plots = "\n".join(f"![{CORPORA[name].title}]({name}.svg)\n" for name in names)
    return f"{rows}\n{made_on(results)}\n{plots}"


def row(results: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """One budget on one corpus: the median of the seeds, and their range."""
    first, best = results[0], [result["best"] for result in results]
    middle, options = median(best), first["options"]
    floor = first["floor"]
    return (
        CORPORA[first["corpus"]].title,
        f"{first['minutes']:g}",
        f"{len(results)}",
        f"{middle:.4f}",
        f"{min(best):.4f} – {max(best):.4f}",
        f"{middle / log(2):.4f}",
        "" if floor is None else f"{middle - floor:.4f}",
        f"{median(result['epochs'] for result in results):.3g}",
        f"{options['layers']} × {options['hidden']}, {first['parameters']:,} parameters",
    )


def made_on(results: Sequence[dict[str, Any]]) -> str:
    """The machines and versions, each once."""
    described = []
    for result in results:
        machine, versions = result["machine"], result["versions"]
        described.append(
            f"{machine['processor']}, {machine['cores']} cores, {machine['system']}; backend "
            f"{machine['backend']} ({machine['instruction_set']}), threads: {machine['threads']}; "
            f"lstm-kit {versions['lstm-kit']}, Python {versions['python']}, "
            f"NumPy {versions['numpy']}.\n"
        )
    return "\n".join(dict.fromkeys(described))
