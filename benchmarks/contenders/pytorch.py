"""PyTorch: fused Adam, inference_mode, and the loops that suit it best."""

from collections.abc import Callable
from typing import Any

import torch
from cases import EPSILON, LEARNING_RATE, TEMPERATURE
from protocol import FIRST_STEPS, Ready, Steps, Workload, compared, repeated, serve
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.nn.utils.rnn import pack_padded_sequence

from contenders.pytorch_models import LEARNERS, Regression, character_model, load


def prepare(work: Workload) -> Ready:
    torch.set_num_threads(work.threads)
    torch.backends.mkldnn.enabled = "no oneDNN" not in work.form
    kinds = {"forward": forward, "prediction": forward, "step": step, "generation": generation}
    of_tokens = language_model if work.case.of_tokens else regression
    return kinds.get(work.case.kind, of_tokens)(work)


def trained(model: nn.Module, loss_of: Callable[[], Tensor], *, compiled: bool = False) -> Ready:
    learned = [p for p in model.parameters() if p.requires_grad]
    if compiled:
        # A rate in a tensor: as a number it would be compiled anew for every value.
        optimizer = torch.optim.Adam(learned, torch.tensor(LEARNING_RATE), eps=EPSILON)
    else:
        optimizer = torch.optim.Adam(learned, LEARNING_RATE, eps=EPSILON, fused=True)

    def step() -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of()
        loss.backward()
        optimizer.step()
        return loss

    run = torch.compile(step) if compiled else step
    return Ready([run().item() for _ in range(FIRST_STEPS)], repeated(run))


def language_model(work: Workload) -> Ready:
    model = character_model(work)
    x, y = torch.from_numpy(work.x), torch.from_numpy(work.y)
    if work.form == "PackedSequence":
        lengths = torch.from_numpy(work.lengths)
        px, py = (pack_padded_sequence(part, lengths, batch_first=True) for part in (x, y))
        return trained(model, lambda: cross_entropy(model.packed(px), py.data))
    if work.lengths is not None:
        padding = torch.arange(work.case.T) >= torch.from_numpy(work.lengths)[:, None]
        y = y.masked_fill(padding, -100)  # which cross_entropy leaves out

    def loss() -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=work.case.precision == "bfloat16"):
            return cross_entropy(model(x).flatten(0, 1), y.flatten())

    return trained(model, loss, compiled="compile" in work.form)


def regression(work: Workload) -> Ready:
    model = LEARNERS[work.case.kind](work)
    x, y = torch.from_numpy(work.x), torch.from_numpy(work.y)
    predict = torch.jit.script(model) if work.form == "script" else model
    return trained(model, lambda: mse_loss(predict(x), y), compiled=work.form == "compile")


def forward(work: Workload) -> Ready:
    if work.case.kind == "prediction":
        model = Regression(work).eval()
    else:
        layer = nn.LSTM(work.case.E, work.case.H, batch_first=True)
        model = load(layer, work.lstm_weights).eval()
    x = torch.from_numpy(work.x)

    def run() -> Any:
        with torch.inference_mode():
            return model(x)

    outputs = run() if work.case.kind == "prediction" else run()[0]
    return Ready(compared(outputs), repeated(run))


def step(work: Workload) -> Ready:
    case = work.case
    stack = nn.LSTM(case.E, case.H, case.layers, batch_first=True)
    load(stack, work.lstm_weights).eval()
    x = torch.from_numpy(work.x)

    def run(count: int) -> list[float]:
        outputs, state = [], None
        with torch.inference_mode():
            for k in range(count):
                y, state = stack(x, state)
                if k == FIRST_STEPS - 1:
                    outputs = compared(y)
        return outputs

    return Ready(run(FIRST_STEPS), lambda count: lambda: run(count))


def generation(work: Workload) -> Ready:
    model = character_model(work).eval()
    if work.case.precision == "bfloat16":
        model.bfloat16()
    if work.case.precision == "int8":
        model = torch.ao.quantization.quantize_dynamic(model, {nn.LSTM, nn.Linear})
    x, y = torch.from_numpy(work.x[:, :8]), work.y[0]
    with torch.inference_mode():
        log_p = torch.log_softmax(model(x)[0], -1)
    writer = torch.jit.script(model) if "script" in work.form else model
    start = torch.zeros(1, 1, dtype=torch.int64)

    def steps(count: int) -> Steps:
        def run() -> None:
            with torch.inference_mode():
                writer.generate(start, count, TEMPERATURE)

        return run

    return Ready([log_p[t, y[t]].item() for t in range(8)], steps)


if __name__ == "__main__":
    serve(prepare)
