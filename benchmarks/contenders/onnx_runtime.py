"""ONNX Runtime, for inference."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnxruntime import OrtValue
from onnxruntime.quantization import QuantType, quantize_dynamic
from protocol import Ready, Workload, serve

from contenders import onnx_models
from contenders.onnx_models import after, input_of, model_of, state_names


def runtime(work: Workload) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = work.threads
    options.inter_op_num_threads = 1
    model = model_of(work)
    if work.case.precision == "int8":
        model = in_int8(model)
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def in_int8(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with weights of int8, and what they multiply quantized in each call."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "int8.onnx"
        quantize_dynamic(model, path, weight_type=QuantType.QInt8)
        return onnx.load(path)


class Fed:
    """Arrays in and out of every call."""

    def __init__(self, work: Workload) -> None:
        self._run, self._names = runtime(work).run, state_names(work.case)
        self._zero = np.zeros((1, 1, work.case.H), np.float32)
        self.reset()

    def reset(self) -> None:
        self._states = dict.fromkeys(self._names, self._zero)

    def __call__(self, x: Any) -> Any:
        y, *states = self._run(None, {"x": x, **self._states})
        self._states = dict(zip(self._names, states, strict=True))
        return y


class Bound:
    """Arrays that are bound once: two sets of states, each of which becomes the other."""

    def __init__(self, work: Workload) -> None:
        session, names = runtime(work), state_names(work.case)
        self._run = session.run_with_iobinding
        self._zero = np.zeros((1, 1, work.case.H), np.float32)
        x = input_of(work)
        y = session.run(None, {"x": x, **dict.fromkeys(names, self._zero)})[0]
        # A value shares the memory of its array.
        self._x, self._y = (OrtValue.ortvalue_from_numpy(each) for each in (x, y))
        sets = [
            {name: OrtValue.ortvalue_from_numpy(self._zero.copy()) for name in names}
            for _ in range(2)
        ]
        self._bindings = []
        for before, behind in (sets, sets[::-1]):
            binding = session.io_binding()
            binding.bind_ortvalue_input("x", self._x)
            binding.bind_ortvalue_output(session.get_outputs()[0].name, self._y)
            for name in names:
                binding.bind_ortvalue_input(name, before[name])
                binding.bind_ortvalue_output(after(name), behind[name])
            self._bindings.append(binding)
        self._states, self._turn = sets[0], 0

    def reset(self) -> None:
        self._turn = 0
        for state in self._states.values():
            state.update_inplace(self._zero)

    def __call__(self, x: Any) -> Any:
        self._x.update_inplace(x)
        self._run(self._bindings[self._turn])
        self._turn = 1 - self._turn
        return self._y.numpy()


FORMS = {"session": Fed, "bound": Bound}


def prepare(work: Workload) -> Ready:
    return onnx_models.prepare(work, FORMS[work.form])


if __name__ == "__main__":
    serve(prepare)
