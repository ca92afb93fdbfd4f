"""PyTorch: fused Adam, inference_mode, and the layers and loops that suit it best.

`nn.LSTM` has two biases. Their sum is what others learn as one, so the second is fixed at zero: it
costs no less, and the models stay equal. There is no LSTM with a linear activation, so that of the
addition is written out, its input product for all steps at once.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from cases import EPSILON, LEARNING_RATE, TEMPERATURE
from protocol import FIRST_STEPS, Ready, Steps, Workload, repeated, serve
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence


class CharacterModel(nn.Module):
    def __init__(self, V: int, E: int, H: int, layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(V, E)
        self.lstm = nn.LSTM(E, H, layers, batch_first=True)
        self.output = nn.Linear(H, V)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.output(self.lstm(self.embedding(tokens))[0])

    def packed(self, tokens: PackedSequence) -> Tensor:
        """Logits of all real tokens, in the order of the packed ones."""
        vectors = tokens._replace(data=self.embedding(tokens.data))
        return self.output(self.lstm(vectors)[0].data)

    @torch.jit.export
    def generate(self, token: Tensor, count: int, temperature: float) -> Tensor:
        h = torch.zeros(self.lstm.num_layers, 1, self.lstm.hidden_size)
        c = torch.zeros_like(h)
        drawn: list[Tensor] = []
        for _ in range(count):
            y, (h, c) = self.lstm(self.embedding(token), (h, c))
            p = torch.softmax(self.output(y[:, 0]) / temperature, -1)
            token = torch.multinomial(p, 1)
            drawn.append(token)
        return torch.cat(drawn, 1)


class Adder(nn.Module):
    def __init__(self, weights: Sequence[Any]) -> None:
        super().__init__()
        self.weights = nn.ParameterList([torch.from_numpy(w.copy()) for w in weights])
        self.conv1, self.conv2 = nn.Conv1d(2, 8, 1), nn.Conv1d(8, 4, 1)
        kernel1, bias1, kernel2, bias2, kernel, recurrent, bias, out, out_bias = self.weights
        self.conv1.weight, self.conv1.bias = _parameter(kernel1[0].T[..., None]), bias1
        self.conv2.weight, self.conv2.bias = _parameter(kernel2[0].T[..., None]), bias2
        self.kernel, self.recurrent, self.bias = kernel, recurrent, bias
        self.out, self.out_bias = out, out_bias
        del self.weights

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.conv1(x.transpose(1, 2)))
        x = torch.relu(self.conv2(x)).transpose(1, 2)
        h = torch.zeros(x.size(0), self.recurrent.size(0))
        c = torch.zeros_like(h)
        ys: list[Tensor] = []
        for z in torch.unbind(x @ self.kernel + self.bias, 1):
            i, f, g, o = (z + h @ self.recurrent).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * g
            h = torch.sigmoid(o) * c
            ys.append(h)
        return torch.sigmoid(torch.stack(ys, 1) @ self.out + self.out_bias)


def _parameter(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values.detach().contiguous())


def prepare(work: Workload) -> Ready:
    torch.set_num_threads(work.threads)
    torch.backends.mkldnn.enabled = "no oneDNN" not in work.form
    kinds = {"addition": addition, "forward": forward, "step": step, "generation": generation}
    return kinds.get(work.case.kind, language_model)(work)


def load(layer: nn.LSTM, weights: Sequence[Sequence[Any]]) -> nn.LSTM:
    """Give an LSTM the weights of Keras."""
    with torch.no_grad():
        for k, (kernel, recurrent, bias) in enumerate(weights):
            getattr(layer, f"weight_ih_l{k}").copy_(torch.from_numpy(kernel.T.copy()))
            getattr(layer, f"weight_hh_l{k}").copy_(torch.from_numpy(recurrent.T.copy()))
            getattr(layer, f"bias_ih_l{k}").copy_(torch.from_numpy(bias))
            getattr(layer, f"bias_hh_l{k}").zero_().requires_grad_(False)
    return layer


def character_model(work: Workload) -> CharacterModel:
    case = work.case
    model = CharacterModel(case.V, case.E, case.H, case.layers)
    load(model.lstm, work.lstm_weights)
    with torch.no_grad():
        model.embedding.weight.copy_(torch.from_numpy(work.weights[0]))
        model.output.weight.copy_(torch.from_numpy(work.weights[-2].T.copy()))
        model.output.bias.copy_(torch.from_numpy(work.weights[-1]))
    return model


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
    return trained(model, lambda: cross_entropy(model(x).flatten(0, 1), y.flatten()))


def addition(work: Workload) -> Ready:
    model = Adder(work.weights)
    x, y = torch.from_numpy(work.x), torch.from_numpy(work.y)
    predict = torch.jit.script(model) if work.form == "script" else model
    return trained(model, lambda: mse_loss(predict(x), y), compiled=work.form == "compile")


def forward(work: Workload) -> Ready:
    layer = load(nn.LSTM(work.case.E, work.case.H, batch_first=True), work.lstm_weights).eval()
    x = torch.from_numpy(work.x)

    def run() -> Tensor:
        with torch.inference_mode():
            return layer(x)[0]

    return Ready(run()[0, -1].tolist(), repeated(run))


def step(work: Workload) -> Ready:
    case = work.case
    stack = nn.LSTM(case.E, case.H, case.layers, batch_first=True)
    load(stack, work.lstm_weights).eval()
    x = torch.from_numpy(work.x)

    def run(count: int) -> list[float]:
        first, state = [], None
        with torch.inference_mode():
            for k in range(count):
                y, state = stack(x, state)
                if k < FIRST_STEPS:
                    first.append(y[0, 0, 0].item())
        return first

    return Ready(run(FIRST_STEPS), lambda count: lambda: run(count))


def generation(work: Workload) -> Ready:
    model = character_model(work).eval()
    x, y = torch.from_numpy(work.x[:, :8]), work.y[0]
    with torch.inference_mode():
        log_p = torch.log_softmax(model(x)[0], -1)
    writer = torch.jit.script(model) if work.form.startswith("script") else model
    start = torch.zeros(1, 1, dtype=torch.int64)

    def steps(count: int) -> Steps:
        def run() -> None:
            with torch.inference_mode():
                writer.generate(start, count, TEMPERATURE)

        return run

    return Ready([log_p[t, y[t]].item() for t in range(8)], steps)


if __name__ == "__main__":
    serve(prepare)
