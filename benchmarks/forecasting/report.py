"""RESULTS.md, made from the results."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median

import results
from contenders import CONTENDERS
from results import Result
from suite import TASKS, Task

HEAD = """# Results

[README.md](README.md) says how these were measured. Each number is the median of the seeds, with
the lowest and the highest in brackets. *Published* are figures of others, which were not measured
here. *fit* and *predict all* are seconds for the whole data set; *one* is the forecast of one
series, or the label of one sequence, in milliseconds, with what has been learned. A star marks
seconds of a machine that was busy with other programs, too: they are too long.
"""


def write(found: Sequence[Result], folder: Path, pictures: Sequence[Path]) -> None:
    """Write RESULTS.md into a folder, with pictures that are there."""
    parts = [HEAD]
    for name, task in TASKS.items():
        of_task = results.groups(found, name)
        if of_task:
            parts.append(f"## {task.title}\n\n" + table(task, of_task))
    parts += [f"![{TITLES[picture.stem]}]({picture.name})\n" for picture in pictures]
    parts.append("## Machines and versions\n\n" + made_with(found))
    (folder / "RESULTS.md").write_text("\n".join(parts), encoding="utf-8")


TITLES = {
    "comparison": "All contenders on all data sets: a dot for each seed, a bar at their median",
    "ablation": "What the defaults are made of, on M4 hourly",
}


def table(task: Task, groups: dict[tuple[str, str], list[Result]]) -> str:
    """Return the table of a data set: contenders from the best to the worst, then the ablation."""
    head = ["", *task.measures, "seeds", "fit, s", "predict all, s", "one, ms", "measured"]
    main = task.measures[0]
    sign = -1 if main == "accuracy" else 1
    rows = []
    for (contender, method), runs in groups.items():
        values = median(run["measures"][main] for run in runs)
        rows.append((contender == "ablation", sign * values, row(task, contender, method, runs)))
    for name, figures in task.published.items():
        cells = ["" if x is None else number(x) for x in figures]
        rows.append((False, sign * (figures[0] or 0), [f"{name}, *published*", *cells, *[""] * 5]))
    lines = [cells for _, _, cells in sorted(rows, key=lambda entry: entry[:2])]
    text = "".join(f"| {' | '.join(cells)} |\n" for cells in [head, ["---"] * len(head), *lines])
    return text + (f"\nPublished: {task.source}.\n" if task.published else "")


def row(task: Task, contender: str, method: str, runs: Sequence[Result]) -> list[str]:
    """Return the cells of one method."""
    title = CONTENDERS[contender].methods[method].title
    cells = [f"ablation: {title}" if contender == "ablation" else title]
    cells += [spread([run["measures"][name] for run in runs]) for name in task.measures]
    fit, predict, one = (median(r["seconds"][p] for r in runs) for p in ("fit", "predict", "one"))
    dates = sorted({run["date"] for run in runs})
    star = "\\*" if any(busy(run) for run in runs) else ""
    seconds = [
        s and s + star for s in (short(fit) if fit else "", short(predict), short(1e3 * one))
    ]
    return [*cells, str(len(runs)), *seconds, " – ".join(dict.fromkeys((dates[0], dates[-1])))]


def busy(run: Result) -> bool:
    """Whether more programs computed than the machine has cores."""
    return (run.get("load") or 0) > run["machine"]["cores"]


def spread(values: Sequence[float]) -> str:
    """Return the median, and the lowest and highest value where there are several."""
    middle = number(median(values))
    low, high = number(min(values)), number(max(values))
    return middle if low == high else f"{middle} ({low} – {high})"


def number(value: float) -> str:
    """Return a number with four digits or so."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 100 else f"{value:.2f}" if value >= 20 else f"{value:.3f}"


def short(value: float) -> str:
    """Return a time with two digits, or more where it is large."""
    if value < 0.001:
        return "< 0.001"
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def made_with(found: Sequence[Result]) -> str:
    """Return the machines and versions, each once."""
    lines = []
    for result in found:
        machine, versions = result["machine"], result["versions"]
        named = ", ".join(f"{package} {version}" for package, version in versions.items())
        where = f"{machine['processor']}, {machine['cores']} cores, {machine['system']}"
        lines.append(f"- {named}; {machine['threads']} thread(s) on {where}\n")
    return "".join(dict.fromkeys(lines)) or "Nothing has been run yet.\n"
