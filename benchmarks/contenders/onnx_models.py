"""The models as ONNX graphs, built by hand, and what is done with them in whichever runtime.

A runtime gives a `Session`. In a graph of single steps it holds the states; the others start from
zero in every call. NumPy samples from the logits.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from cases import TEMPERATURE, Case
from onnx import TensorProto, helper, numpy_helper
from protocol import FIRST_STEPS, Ready, Steps, Workload, compared, repeated

TYPES = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int64): TensorProto.INT64}


class Session(Protocol):
    """A model at work."""

    def reset(self) -> None:
        """Set the states to zero."""

    def __call__(self, x: Any) -> Any:
        """From x to y, or from a token to logits."""


def stateful(case: Case) -> bool:
    """Whether the states are inputs and outputs of the graph."""
    return case.kind in ("step", "generation")


def state_names(case: Case) -> list[str]:
    """Names of the inputs that are states."""
    return [f"{part}{k}" for k in range(case.layers) for part in "hc"] if stateful(case) else []


def after(name: str) -> str:
    """Name of the output that holds a state after the step."""
    return f"{name}_after"


def input_of(work: Workload) -> Any:
    """An input of the graph: a token, or x with the time first, which is how ONNX has it."""
    if work.case.kind == "generation":
        return np.zeros((1, 1), np.int64)
    return np.ascontiguousarray(work.x.transpose(1, 0, 2))


def _constant(name: str, values: Any) -> Any:
    return numpy_helper.from_array(np.ascontiguousarray(values), name)


def lstm_node(k: int, x: str, work: Workload) -> tuple[Any, list[Any]]:
    """Layer k, and its weights; its gates are i, o, f, c."""
    H = work.case.H

    def rows(matrix: Any) -> Any:
        i, f, g, o = np.split(matrix.T, 4)
        return np.concatenate([i, o, f, g])[None]

    kernel, recurrent, bias = work.lstm_weights[k]
    biases = np.concatenate([rows(bias), np.zeros((1, 4 * H), np.float32)], 1)
    weights = {"w": rows(kernel), "r": rows(recurrent), "b": biases}
    inputs = [x, *(f"{name}{k}" for name in weights)]
    if stateful(work.case):
        inputs += ["", f"h{k}", f"c{k}"]
    outputs = [f"y{k}", after(f"h{k}"), after(f"c{k}")]
    node = helper.make_node("LSTM", inputs, outputs, hidden_size=H)
    return node, [_constant(f"{name}{k}", values) for name, values in weights.items()]


def model_of(work: Workload) -> Any:
    """From x, and the states of a step, to what `work` wants, and the states after it."""
    case, x = work.case, "x"
    nodes, constants = [], [_constant("zero", np.array([0])), _constant("one", np.array([1]))]

    def add(operator: str, *inputs: str, output: str) -> str:
        nodes.append(helper.make_node(operator, inputs, [output]))
        return output

    if case.of_tokens:
        x = add("Gather", "embeddings", x, output="vectors")
        constants.append(_constant("embeddings", work.weights[0]))
    for k in range(case.layers):
        # The axis of directions is between those of time and of the batch.
        below = add("Squeeze", x, "one", output=f"{x}_flat") if k else x
        node, weights = lstm_node(k, below, work)
        nodes.append(node)
        constants += weights
        x = f"y{k}"
    if case.kind in ("generation", "prediction"):
        last = add("Squeeze", after(f"h{case.layers - 1}"), "zero", output="last")
        x = add("Add", add("MatMul", last, "w_out", output="product"), "b_out", output="output")
        constants += [_constant("w_out", work.weights[-2]), _constant("b_out", work.weights[-1])]

    def info(name: str, shape: Sequence[int] | None, kind: int = TensorProto.FLOAT) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    data, states = input_of(work), state_names(case)
    inputs = [info("x", data.shape, TYPES[data.dtype])]
    inputs += [info(name, (1, 1, case.H)) for name in states]
    outputs = [info(x, None), *(info(after(name), (1, 1, case.H)) for name in states)]
    graph = helper.make_graph(nodes, "model", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8  # what opset 17 came with; newer ones may be unknown to the runtime
    return model


def prepare(work: Workload, open_session: Callable[[Workload], Session]) -> Ready:
    session, x = open_session(work), input_of(work)
    if work.case.kind == "generation":
        return generation(work, session)
    if work.case.kind != "step":
        return Ready(compared(session(x)), repeated(lambda: session(x)))

    def take(count: int) -> list[float]:
        session.reset()
        outputs = []
        for k in range(count):
            y = session(x)
            if k == FIRST_STEPS - 1:
                outputs = compared(y)
        return outputs

    return Ready(take(FIRST_STEPS), lambda count: lambda: take(count))


def generation(work: Workload, session: Session) -> Ready:
    curve = []
    session.reset()
    for token, following in zip(work.x[0, :8], work.y[0], strict=False):
        z = session(np.array([[token]])).ravel()
        curve.append(z[following] - z.max() - np.log(np.exp(z - z.max()).sum()))

    def steps(count: int) -> Steps:
        def generate() -> None:
            token, drawn = input_of(work), []
            session.reset()
            for u in np.random.default_rng(0).random(count):
                z = session(token).ravel() / TEMPERATURE
                total = np.exp(z - z.max()).cumsum()
                token[0, 0] = total.searchsorted(u * total[-1])
                drawn.append(int(token[0, 0]))

        return generate

    return Ready(curve, steps)
