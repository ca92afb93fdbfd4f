"""The table that `summary()` prints."""

from lstm.backends import Backend
from lstm.interface import overrides_computation
from lstm.layers.symbolic import Shape
from lstm.models.program import Program
from lstm.models.quantization import quantized_lines
from lstm.terminal import visible_name


def summary_lines(program: Program, backend: Backend, kind: str, fused: str) -> list[str]:
    """Return one line per call of a layer: name, class, output shape, parameters.

    Args:
        program: the program of the model.
        backend: the backend of the model.
        kind: class of the model.
        fused: what is computed together with the loss, if anything.
    """
    graph = program.graph
    rows = [("Layer (class)", "Output shape", "Parameters")]
    rows += [(t.node.name or "input (Input)", _shape(t.shape), "0") for t in graph.inputs]
    seen = set()
    for node in graph.nodes:
        layer = node.path[-1]
        size = sum(weight.size for weight in layer.own_weights.values())
        shapes = ", ".join(_shape(tensor.shape) for tensor in node.outputs)
        count = "shared" if layer in seen and size else f"{size:,}"
        rows.append((f"{graph.names[node]} ({type(layer).__name__})", shapes, count))
        seen.add(layer)
    widths = [max(len(row[k]) for row in rows) for k in range(3)]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows]
    rule = "─" * (sum(widths) + 4)
    weights = graph.weights.values()
    total = sum(weight.size for weight in weights)
    frozen = sum(weight.size for weight in weights if not weight.trainable)
    size = sum(weight.nbytes for weight in weights)
    end = [f"{total:,} parameters ({_bytes(size)})" + (f", {frozen:,} frozen" if frozen else "")]
    end.append(f"Backend: {backend}")
    end += quantized_lines(graph)
    name_of = {layer: name for name, layer in graph.layers.items()}
    end += [
        f"Tied: kernel of {name} to {name_of[owner]}"
        for layer, name in name_of.items()
        for owner in layer.tied_to.values()
    ]
    end += [f"Fused: {part}" for step in program.steps for part in step.fused]
    if fused:
        end.append(f"Fused in training: {fused}, into the loss")
    end += [
        f"No plan: {name} is a layer of your own, so passes are computed step by step"
        for layer, name in name_of.items()
        if overrides_computation(type(layer)) and backend.ops.recording([], fixed=True) is not None
    ]
    lines = [kind, rule, lines[0], rule, *lines[1:], rule, *end]
    return [visible_name(line) for line in lines]  # The names may come from a file.


def _shape(shape: Shape) -> str:
    return "(" + ", ".join("None" if size is None else str(size) for size in shape) + ")"


def _bytes(size: int) -> str:
    return f"{size / 1024:.1f} KiB" if size < 1 << 20 else f"{size / (1 << 20):.1f} MiB"
