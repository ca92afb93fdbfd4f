"""Make RESULTS.md and the plot from results.json."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cases import PEAK_SIZE, READINGS, Case
from contenders import CONTENDERS
from roofline import FLOAT, Rates, work_of
from suite import CASES, MACHINE, REFERENCE, SWEEP

Rows = list[dict[str, Any]]

INTRODUCTION = """# Results{isa}

Written by `make bench`; [README.md]({readme}) says what is measured, and how.
"""


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3g}" if seconds < 1 else f"{seconds * 1e3:.0f}"


def of(rows: Rows, case: str, contender: str, form: str | None = None) -> dict[str, Any] | None:
    """The row of a contender in a case: of that form, or the fastest."""
    found = [
        row
        for row in rows
        if (row["case"], row["contender"]) == (case, contender) and form in (None, row["form"])
    ]
    return min(found, key=lambda row: row["median"], default=None)


def times(rows: Rows) -> str:
    """Every measurement, compared with ours and with its goal."""
    lines = []
    for name, case in CASES.items():
        ours, title = of(rows, name, "ours"), case.title
        for row in rows:
            if row["case"] != name or row["contender"] == "peak":
                continue
            against = row["median"] / ours["median"] if ours else 0.0
            lines.append(
                [
                    title,
                    f"{CONTENDERS[row['contender']].title} ({row['form']})",
                    str(row["threads"]),
                    milliseconds(row["median"]),
                    " – ".join(milliseconds(value) for value in row["quartiles"]),
                    f"{against:.2f}" if ours else "",
                    goals(case, row, rows),
                ]
            )
            title = ""
    head = ["workload", "contender (form)", "threads", "ms", "quartiles", "times ours", "goal"]
    return table(head, lines)


def goals(case: Case, row: dict[str, Any], rows: Rows) -> str:
    """The goals for a row, as multiples of our time, and whether they are reached."""
    ours = of(rows, case.name, "ours")
    cells = []
    for wanted in case.goals:
        same = wanted.contender, wanted.form
        shown = of(rows, case.name, *(("ours",) if wanted.case else same))
        compared = of(rows, wanted.case or case.name, wanted.contender, wanted.form)
        if ours and compared and row is shown:
            against = compared["median"] / ours["median"]
            mark = "✓" if against >= wanted.ratio else "✗"
            named = f"{against:.2f} of {wanted.contender} in `{wanted.case}`: " * bool(wanted.case)
            cells.append(f"{named}{wanted.ratio:g} {mark}")
    return ", ".join(cells)


def peak(rows: Rows) -> str:
    """The speed of training as a share of the speed of a matrix product."""
    lines = []
    for name, case in CASES.items():
        product, ours = of(rows, name, "peak"), of(rows, name, "ours")
        if product is None or ours is None:
            continue
        best = 2 * PEAK_SIZE**3 / product["median"]
        full, folded = (case.training_flop(folded=f) / ours["median"] for f in (False, True))
        lines.append(
            [
                case.title,
                f"{best / 1e9:.0f} ({product['form']})",
                f"{full / 1e9:.0f}",
                f"{full / best:.0%}",
                f"{folded / best:.0%}",
            ]
        )
    head = ["workload", "sgemm GFLOP/s (by)", "training GFLOP/s", "share", "share, folded"]
    return table(head, lines)


def rates(rows: Rows) -> Rates | None:
    """What the machine does in a second; None where it was not measured."""
    measured = {case: row for case in MACHINE if (row := of(rows, case.name, "peak"))}
    # Some machines have no products of bfloat16.
    if any(case not in measured and case.precision == "float32" for case in MACHINE):
        return None
    second = {case: case.size / row["median"] for case, row in measured.items()}
    products = {case.precision: rate for case, rate in second.items() if case.kind == "product"}
    exponentials = next(rate for case, rate in second.items() if case.kind == "exponentials")
    bytes_read = {case: FLOAT * case.size for case in measured if case.kind == "reading"}
    reading = {n // READINGS: n / measured[case]["median"] for case, n in bytes_read.items()}
    return Rates(products, exponentials, reading)


def floors(rows: Rows, machine: Rates) -> str:
    """What the work of each case takes at least on this machine, and how near we come."""
    lines = []
    for name, case in CASES.items():
        ours = of(rows, name, "ours")
        if ours is None or case.kind in ("ragged", "example"):
            continue
        work = work_of(case)
        floor = machine.floor(work)
        parts = floor.products, floor.exponentials, floor.bytes
        lines.append(
            [
                case.title,
                *(f"{n / 1e6:.3g}" for n in (work.multiply_adds, work.exponentials, work.bytes)),
                *(milliseconds(part) for part in parts),
                milliseconds(floor.seconds),
                milliseconds(ours["median"]),
                f"{floor.seconds / ours['median']:.0%}",
            ]
        )
    counts = "10⁶ multiply-adds", "10⁶ exponentials", "MB"
    parts = "products, ms", "exponentials, ms", "bytes, ms"
    return table(["workload", *counts, *parts, "floor, ms", "ours, ms", "share"], lines)


def footprint(found: dict[str, Any]) -> str:
    own = {name: size / 1e6 for name, size in found["bytes"].items() if name != "numpy"}
    parts = ", ".join(f"{name} {size:.1f}" for name, size in own.items())
    learned = found["progression"]
    return table(
        ["what", "measured", "goal"],
        [
            ["`import lstm`", f"{found['import']:.2f} s", "0.25 s"],
            ["of which NumPy", f"{found['import numpy']:.2f} s", ""],
            ["installed, without NumPy", f"{sum(own.values()):.1f} MB ({parts})", "30 MB"],
            ["`examples/progression.py`", f"{learned['seconds']:.1f} s", "10 s"],
            ["wrong numbers after it, of 950", str(learned["wrong"]), "0"],
        ],
    )


def plot(rows: Rows, path: Path) -> bool:
    """Time of a training step against H, B, T and threads; False if it could not be made."""
    if not any(row["case"] in [case.name for case in SWEEP] for row in rows):
        return False
    try:
        from matplotlib import pyplot
    except ImportError:
        return False
    figure, axes = pyplot.subplots(1, 4, figsize=(14, 3.6), sharey=True, layout="constrained")
    lm = [case for case in CASES.values() if case.kind == "language model" and case.layers == 2]
    varied = {letter: [c for c in SWEEP if c.name.startswith(letter)] for letter in "BT"}
    panels = {"H": lm, "B": [REFERENCE, *varied["B"]], "T": [REFERENCE, *varied["T"]]}
    for axis, (letter, cases) in zip(axes, panels.items(), strict=False):
        for name, contender in CONTENDERS.items():
            best = ((getattr(c, letter), of(rows, c.name, name)) for c in cases)
            points = sorted((x, row["median"] * 1e3) for x, row in best if row)
            if len(points) > 1 and name != "peak":
                axis.plot(*zip(*points, strict=True), "o-", label=contender.title)
        axis.set(xscale="log", yscale="log", xlabel=letter)
        axis.set_xticks(sorted(getattr(c, letter) for c in cases))
        axis.get_xaxis().set_major_formatter("{x:g}")
        axis.minorticks_off()
    for name, contender in CONTENDERS.items():
        if name != "peak" and (row := of(rows, REFERENCE.name, name)):
            counts = [int(count) for count in row["by_threads"]]
            milli = [value * 1e3 for value in row["by_threads"].values()]
            axes[3].plot(counts, milli, "o-", label=contender.title)
            axes[3].set(xlabel="threads", xticks=counts)
    axes[0].set_ylabel("ms a step")
    if axes[3].lines:
        axes[3].legend()
    figure.suptitle(f"Training step; otherwise H={REFERENCE.H}, B={REFERENCE.B}, T={REFERENCE.T}")
    pyplot.rcParams["svg.hashsalt"] = "lstm"
    figure.savefig(path, metadata={"Date": None})
    return True


def write(folder: Path) -> None:
    """Write RESULTS.md and scaling.svg next to results.json."""
    results = json.loads((folder / "results.json").read_text())
    rows, machine = results["rows"], results["machine"]
    versions = {k: v for found in results["versions"].values() for k, v in found.items()}
    options = results["options"]
    isa = f" with {options['isa'].upper()}" if options.get("isa") else ""
    parts = [
        INTRODUCTION.format(isa=isa, readme="../README.md" if isa else "README.md"),
        f"{machine['date']}, {machine['processor']}, {machine['cores']} cores, "
        f"{machine['system']}, Python {machine['python']}; "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
        + f".\nMedians of {options['rounds']} timings of about {options['seconds']:g} s each, "
        f"{results['minutes']:.0f} minutes in all.\n",
        times(rows),
        "## Share of the machine's matrix product\n",
        peak(rows),
    ]
    if found := rates(rows):
        sizes = " and ".join(f"{size / 2**20:.0f}" for size in found.reading)
        reading = " and ".join(f"{rate / 1e9:.0f}" for rate in found.reading.values())
        products = ", ".join(f"{n / 1e9:.0f} ({p})" for p, n in found.multiply_adds.items())
        parts += [
            "## Floors\n",
            f"In a second, the machine does {products} · 10⁹ multiply-adds and "
            f"{found.exponentials / 1e9:.1f} · 10⁹ exponentials.\n"
            f"Again and again, it reads {sizes} MB at {reading} GB/s.\n",
            floors(rows, found),
        ]
    if results.get("footprint"):
        parts += ["## Around it\n", footprint(results["footprint"])]
    if plot(rows, folder / "scaling.svg"):
        parts += ["## Cost against size\n", "![Time of a training step](scaling.svg)\n"]
    if results["left_out"]:
        parts += ["Left out:\n", "\n".join(f"- {line}" for line in results["left_out"]) + "\n"]
    (folder / "RESULTS.md").write_text("\n".join(parts))
    print(f"\nwrote {folder / 'RESULTS.md'}")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
