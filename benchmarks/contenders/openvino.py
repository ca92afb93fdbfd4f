"""OpenVINO, for inference, with the graphs of ONNX."""

from dataclasses import replace
from typing import Any

import numpy as np
import openvino
from openvino import Tensor
from openvino._offline_transformations import apply_make_stateful_transformation
from protocol import Ready, Workload, serve

from contenders import onnx_models
from contenders.onnx_models import after, input_of, model_of, state_names


def read(work: Workload) -> openvino.Model:
    return openvino.Core().read_model(model_of(work).SerializeToString())


def compiled(model: openvino.Model, hint: str, work: Workload) -> openvino.CompiledModel:
    threads = work.threads
    settings = {
        "PERFORMANCE_HINT": hint,
        "NUM_STREAMS": 1 if hint == "LATENCY" else threads,
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "bf16" if work.case.precision == "bfloat16" else "f32",
    }
    return openvino.Core().compile_model(model, "CPU", settings)


class Latency:
    """One request after the other; the states of one step are the memory of those of the next."""

    def __init__(self, work: Workload) -> None:
        model, names = compiled(read(work), "LATENCY", work), state_names(work.case)
        zero = np.zeros((1, 1, work.case.H), np.float32)
        sets = [{name: Tensor(zero.copy()) for name in names} for _ in range(2)]
        x = Tensor(input_of(work))
        self._requests = []
        for before, behind in (sets, sets[::-1]) if names else (sets,):
            request = model.create_infer_request()
            request.set_tensor("x", x)
            for name in names:
                request.set_tensor(name, before[name])
                request.set_tensor(after(name), behind[name])
            self._requests.append(request)
        self._states, self._turn, self._x = sets[0], 0, x.data

    def reset(self) -> None:
        self._turn = 0
        for state in self._states.values():
            state.data[...] = 0

    def __call__(self, x: Any) -> Any:
        self._x[...] = x
        request = self._requests[self._turn]
        self._turn = (self._turn + 1) % len(self._requests)
        request.infer()
        return request.get_output_tensor(0).data


class StatesInside:
    """Variables of the model hold the states."""

    def __init__(self, work: Workload) -> None:
        model, x = read(work), Tensor(input_of(work))
        names = {name: after(name) for name in state_names(work.case)}
        apply_make_stateful_transformation(model, names)
        self._request = compiled(model, "LATENCY", work).create_infer_request()
        self._request.set_tensor("x", x)
        self._x = x.data
        self.reset = self._request.reset_state

    def __call__(self, x: Any) -> Any:
        self._x[...] = x
        self._request.infer()
        return self._request.get_output_tensor(0).data


class Throughput:
    """A stream for each thread, and as many parts of the sequences, computed side by side."""

    def __init__(self, work: Workload) -> None:
        part = replace(work, x=work.x[: len(work.x) // work.threads])
        model = compiled(read(part), "THROUGHPUT", work)
        self._requests = [model.create_infer_request() for _ in range(work.threads)]
        self._parts = [request.get_input_tensor().data for request in self._requests]

    def reset(self) -> None:
        """There are no states."""

    def __call__(self, x: Any) -> Any:
        parts = np.split(x, len(self._parts), 1)
        for request, given, part in zip(self._requests, self._parts, parts, strict=True):
            given[...] = part
            request.start_async()
        for request in self._requests:
            request.wait()
        return np.concatenate([request.get_output_tensor(0).data for request in self._requests])


FORMS = {"latency": Latency, "states inside": StatesInside, "throughput": Throughput}


def prepare(work: Workload) -> Ready:
    return onnx_models.prepare(work, FORMS[work.form])


if __name__ == "__main__":
    serve(prepare)
