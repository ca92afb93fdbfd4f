"""The models in PyTorch, with the layers that suit it best.

`nn.LSTM` has two biases. Their sum is what others learn as one, so the second is fixed at zero: it
costs no less, and the models stay equal. There is no LSTM with a linear activation, so that of the
addition is written out, its input product for all steps at once.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from protocol import Workload
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence


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
        h = self.embedding.weight.new_zeros(self.lstm.num_layers, 1, self.lstm.hidden_size)
        c = torch.zeros_like(h)
        drawn: list[Tensor] = []
        for _ in range(count):
            y, (h, c) = self.lstm(self.embedding(token), (h, c))
            p = torch.softmax(self.output(y[:, 0]) / temperature, -1)
            token = torch.multinomial(p, 1)
            drawn.append(token)
        return torch.cat(drawn, 1)


class Adder(nn.Module):
    def __init__(self, work: Workload) -> None:
        super().__init__()
        kernel1, bias1, kernel2, bias2 = work.weights[:4]
        self.conv1, self.conv2 = convolution(kernel1, bias1), convolution(kernel2, bias2)
        self.out = dense(*work.weights[-2:])
        self.lstm = nn.LSTM(4, work.case.H, batch_first=True)
        load(self.lstm, work.lstm_weights)
        if work.case.activation == "linear":
            self.lstm = LinearLSTM(*work.lstm_weights[0])

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.conv1(x.transpose(1, 2)))
        x = torch.relu(self.conv2(x)).transpose(1, 2)
        return torch.sigmoid(self.out(self.lstm(x)[0]))


class LinearLSTM(nn.Module):
    def __init__(self, kernel: Any, recurrent: Any, bias: Any) -> None:
        super().__init__()
        self.kernel, self.recurrent, self.bias = map(_parameter, (kernel, recurrent, bias))

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h = torch.zeros(x.size(0), self.recurrent.size(0))
        c = torch.zeros_like(h)
        ys: list[Tensor] = []
        for z in torch.unbind(x @ self.kernel + self.bias, 1):
            i, f, g, o = (z + h @ self.recurrent).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * g
            h = torch.sigmoid(o) * c
            ys.append(h)
        return torch.stack(ys, 1), (h, c)


class Regression(nn.Module):
    def __init__(self, work: Workload) -> None:
        super().__init__()
        self.lstm = nn.LSTM(work.lstm_weights[0][0].shape[0], work.case.H, batch_first=True)
        load(self.lstm, work.lstm_weights)
        self.out = dense(*work.weights[-2:])

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.lstm(x)[0][:, -1])


class Convolutions(nn.Module):
    """Each followed by relu: (B, T, C) -> (B, T, filters)."""

    def __init__(self, weights: Sequence[Any]) -> None:
        super().__init__()
        pairs = zip(weights[::2], weights[1::2], strict=True)
        self.layers = nn.ModuleList([convolution(*pair) for pair in pairs])

    def forward(self, x: Tensor) -> Tensor:
        x = x.transpose(1, 2)
        for layer in self.layers:
            x = torch.relu(layer(x))
        return x.transpose(1, 2)


class ChunkReader(nn.Module):
    def __init__(self, work: Workload) -> None:
        super().__init__()
        self.convolutions = Convolutions(work.weights[:2])
        self.regression = Regression(work)

    def forward(self, x: Tensor) -> Tensor:
        B, T = x.shape[:2]
        return self.regression(self.convolutions(x.flatten(0, 1)).reshape(B, T, -1))


def convolution(kernel: Any, bias: Any) -> nn.Conv1d:
    """One with the weights (K, C, filters) and (filters) of Keras, and its padding "same"."""
    layer = nn.Conv1d(*kernel.shape[1:], kernel.shape[0], padding="same")
    layer.weight, layer.bias = _parameter(kernel.transpose(2, 1, 0)), _parameter(bias)
    return layer


def dense(kernel: Any, bias: Any) -> nn.Linear:
    """One with the weights of Keras."""
    layer = nn.Linear(*kernel.shape)
    layer.weight, layer.bias = _parameter(kernel.T), _parameter(bias)
    return layer


def _parameter(values: Any) -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(values.copy()).contiguous())


def cnn(work: Workload) -> nn.Module:
    return nn.Sequential(Convolutions(work.weights[:-2]), dense(*work.weights[-2:]))


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


LEARNERS: dict[str, Callable[[Workload], nn.Module]] = {
    "addition": Adder,
    "regression": Regression,
    "CNN": cnn,
    "CNN-LSTM": ChunkReader,
}
