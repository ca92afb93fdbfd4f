"""ONNX Runtime, for inference: a graph built by hand, and NumPy to sample from its logits."""

from typing import Any

import numpy as np
import onnxruntime
from cases import TEMPERATURE
from onnx import TensorProto, helper, numpy_helper
from protocol import FIRST_STEPS, Ready, Steps, Workload, repeated, serve


def _constant(name: str, values: Any) -> Any:
    return numpy_helper.from_array(np.ascontiguousarray(values), name)


def lstm_node(k: int, x: str, work: Workload) -> tuple[Any, list[Any]]:
    """Layer k, which starts from h{k} and c{k}, and its weights; its gates are i, o, f, c."""
    H = work.case.H

    def rows(matrix: Any) -> Any:
        i, f, g, o = np.split(matrix.T, 4)
        return np.concatenate([i, o, f, g])[None]

    kernel, recurrent, bias = work.lstm_weights[k]
    biases = np.concatenate([rows(bias), np.zeros((1, 4 * H), np.float32)], 1)
    weights = {"w": rows(kernel), "r": rows(recurrent), "b": biases}
    inputs = [x, *(f"{name}{k}" for name in weights), "", f"h{k}", f"c{k}"]
    outputs = [f"y{k}", f"h{k}_after", f"c{k}_after"]
    node = helper.make_node("LSTM", inputs, outputs, hidden_size=H)
    return node, [_constant(f"{name}{k}", values) for name, values in weights.items()]


def session(work: Workload) -> onnxruntime.InferenceSession:
    """From x (T, 1, E), or a token, and states to y0, or logits, and states."""
    case = work.case
    states = [f"{part}{k}" for k in range(case.layers) for part in "hc"]
    nodes, constants, x = [], [], "x"
    if case.kind == "generation":
        nodes.append(helper.make_node("Gather", ["embeddings", "x"], ["vectors"]))
        constants.append(_constant("embeddings", work.weights[0]))
        x = "vectors"
    for k in range(case.layers):
        node, weights = lstm_node(k, x, work)
        nodes.append(node)
        constants += weights
        x = f"y{k}"
        if k + 1 < case.layers or case.kind == "generation":
            nodes.append(helper.make_node("Squeeze", [x, "one"], [f"{x}_flat"]))
            x = f"{x}_flat"
    if case.kind == "generation":
        nodes.append(helper.make_node("MatMul", [x, "w_out"], ["product"]))
        nodes.append(helper.make_node("Add", ["product", "b_out"], ["logits"]))
        constants += [_constant("w_out", work.weights[-2]), _constant("b_out", work.weights[-1])]
        x = "logits"
    constants.append(_constant("one", np.array([1])))

    def info(name: str, shape: Any, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    if case.kind == "generation":
        data = info("x", (1, 1), TensorProto.INT64)
    else:
        data = info("x", (case.T, 1, case.E))
    inputs = [data, *(info(name, (1, 1, case.H)) for name in states)]
    outputs = [info(x, None), *(info(f"{name}_after", (1, 1, case.H)) for name in states)]
    graph = helper.make_graph(nodes, "model", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8  # what opset 17 came with; newer ones may be unknown to the runtime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = work.threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def stepping(run: Any, x: Any, names: list[str], start: dict[str, Any]) -> Ready:
    def after(count: int) -> list[float]:
        feeds, first = dict(start), []
        for k in range(count):
            y, *states = run(None, {"x": x, **feeds})
            feeds = dict(zip(names, states, strict=True))
            if k < FIRST_STEPS:
                first.append(y.ravel()[0])
        return first

    return Ready(after(FIRST_STEPS), lambda count: lambda: after(count))


def prepare(work: Workload) -> Ready:
    case, run = work.case, session(work).run
    zeros = np.zeros((1, 1, case.H), np.float32)
    names = [f"{part}{k}" for k in range(case.layers) for part in "hc"]
    start = dict.fromkeys(names, zeros)
    if case.kind == "forward":
        feeds = {"x": work.x.transpose(1, 0, 2).copy(), **start}
        return Ready(run(None, feeds)[0][-1].ravel(), repeated(lambda: run(None, feeds)))
    if case.kind == "step":
        return stepping(run, work.x, names, start)
    curve, feeds = [], dict(start)
    for token, following in zip(work.x[0, :8], work.y[0], strict=False):
        logits, *states = run(None, {"x": np.array([[token]]), **feeds})
        feeds = dict(zip(names, states, strict=True))
        z = logits.ravel()
        curve.append(z[following] - z.max() - np.log(np.exp(z - z.max()).sum()))

    def steps(count: int) -> Steps:
        def generate() -> None:
            feeds, token, drawn = dict(start), np.zeros((1, 1), np.int64), []
            for u in np.random.default_rng(0).random(count):
                logits, *states = run(None, {"x": token, **feeds})
                feeds = dict(zip(names, states, strict=True))
                z = logits.ravel() / TEMPERATURE
                total = np.exp(z - z.max()).cumsum()
                token[0, 0] = total.searchsorted(u * total[-1])
                drawn.append(int(token[0, 0]))

        return generate

    return Ready(curve, steps)


if __name__ == "__main__":
    serve(prepare)
