"""The results of `lstm inspect`, as a summary for readers and as JSON for programs."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from lstm.cli.surprises import surprise_table
from lstm.inspection import Examination, colored_text
from lstm.inspection.memory import NOTICEABLE
from lstm.inspection.saturation import GATES
from lstm.inspection.units import FEWEST, UnitScore
from lstm.screen import Screen

_LINE, _SAMPLES = 150, 3
"""Tokens of a coloured line, and the number of units that get one."""


def show(screen: Screen, what: str, found: Examination, surprises: list[dict[str, Any]]) -> None:
    """Print the summary for a reader."""
    sample = found.reading
    part = f"the first {len(sample.text):,} of " if sample.sampled else ""
    read = f"{part}{sample.characters:,} characters, {len(sample.tokens):,} tokens"
    if found.model.vocabulary.unknown is not None:
        read += f", {100 * found.unknown_share:.1f} % unknown (each counts as one character)"
    screen.print(f"{what}: {read}")
    screen.print(f"{found.nats:.4f} nats, {found.bits:.4f} bits a token")
    if surprises:
        screen.print("\nMost surprising")
        screen.print(surprise_table(surprises))
    if found.units:
        screen.print("\nUnits that follow a property of the text")
        screen.print(_unit_table(found.units))
        if screen.color_system is not None:
            for score in found.units[:_SAMPLES]:
                values = sample.layers[score.layer][score.quantity][:, score.unit]
                screen.print(f"\n{score.property}: {_name(score)}", style="dim")
                screen.print(colored_text(sample.pieces[:_LINE], values[:_LINE]))
    elif len(sample.tokens) < FEWEST:
        screen.print(f"\nThe text is too short to look for units: fewer than {FEWEST} tokens")
    else:
        screen.print("\nNo property to look for varies within this text")
    gates = _gate_table(found)
    if gates.row_count:  # A SimpleRNN has no gates.
        screen.print("\nGates, over all units and tokens")
        screen.print(gates)
    if found.memory is not None:
        far = f"up to {found.memory.length} tokens later" if found.memory.length else "nowhere"
        screen.print(f"\nMemory: a token changes the loss by {NOTICEABLE} nats or more {far}")
    if found.context is not None:
        context = found.context.smoothed()
        shown = dict.fromkeys((0, len(context.nats) // 2, len(context.nats) - 1))
        costs = (f"{context.nats[k]:.2f} nats after {context.lengths[k]}" for k in shown)
        screen.print(f"Context: {', '.join(costs)} tokens")


def _name(score: UnitScore) -> str:
    return f"{score.layer}/{score.unit}/{score.quantity}"


def _unit_table(scores: Sequence[UnitScore]) -> Table:
    table = Table("property", box=None)
    table.add_column("unit", no_wrap=True, min_width=max(len(_name(score)) for score in scores))
    for title in ("correlation", "by chance", "deviations above"):
        table.add_column(title)
    for score in scores:
        table.add_row(
            score.property,
            _name(score),
            f"{score.score:.2f}",
            f"{score.control:.2f} ± {score.deviation:.3f}",
            str(round(score.sigmas)),
        )
    return table


def _gate_table(found: Examination) -> Table:
    table = Table("layer", "gate", "shut (below 0.1)", "open (above 0.9)", box=None)
    for layer, gates in found.saturation.items():
        for letter, gate in gates.items():
            if letter in GATES:
                shares = (f"{100 * part.mean():.0f} %" for part in (gate.low, gate.high))
                table.add_row(layer, f"{letter} ({GATES[letter]})", *shares)
    return table


def as_json(found: Examination, surprises: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the results as JSON values, for a program."""
    sample, memory, context, flow = found.reading, found.memory, found.context, found.gradient
    return {
        "characters": sample.characters,
        "characters_read": len(sample.text),
        "sampled": sample.sampled,
        "tokens_read": len(sample.tokens),
        "unknown_share": found.unknown_share,
        "nats": found.nats,
        "bits": found.bits,
        "surprises": surprises,
        "units": [asdict(score) | {"sigmas": score.sigmas} for score in found.units],
        "gates": {
            layer: {
                letter: {"low": float(gate.low.mean()), "high": float(gate.high.mean())}
                for letter, gate in gates.items()
            }
            for layer, gates in found.saturation.items()
        },
        "memory": None
        if memory is None
        else {
            "lags": memory.lags.tolist(),
            "change": memory.change.tolist(),
            "length": memory.length,
        },
        "context": None
        if context is None
        else {"lengths": context.lengths.tolist(), "nats": context.nats.tolist()},
        "gradient": None
        if flow is None
        else {
            "lags": flow.lags.tolist(),
            "norms": {
                layer: {letter: norms.tolist() for letter, norms in states.items()}
                for layer, states in flow.norms.items()
            },
        },
    }
