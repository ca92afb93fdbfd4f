"""Writes golden.safetensors: what PyTorch computes, for tests/test_golden.py to compare with.

Needs PyTorch (the `torch` extra), which the tests themselves do not; run by hand, from anywhere:

    python tests/golden/make_golden.py

Everything is float64 and random, from one seed, on one thread, so that the same PyTorch writes the
same file. Weights are stored in the layout of this library: kernels transposed, the
blocks of a GRU in our order, its two biases as rows, and of LSTM and RNN the sum of the two, on
which the outputs depend alone. Gradients are those of Σ dy·y over all outputs y, with dy random
too; the gradient of a weight w is stored as dw.
"""

from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

B, T, D, H = 3, 6, 4, 5
STEPS = 4
EPSILON = 1e-30
"""So small that it does not matter where it is added, which is not where Keras and we do."""

golden: dict[str, np.ndarray] = {}


def keep(case: str, **arrays: Tensor) -> None:
    """Store arrays under "case/name"."""
    for name, array in arrays.items():
        golden[f"{case}/{name}"] = array.detach().numpy().copy(order="C")


def leaf(*shape: int) -> Tensor:
    """A random tensor whose gradient is wanted."""
    return torch.randn(shape, requires_grad=True)


def pull(outputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Random gradients for the outputs, after going backwards from them."""
    given = {f"d{name}": torch.randn_like(y) for name, y in outputs.items()}
    torch.autograd.backward(list(outputs.values()), list(given.values()))
    return given


def grad(tensor: Tensor) -> Tensor:
    assert tensor.grad is not None
    return tensor.grad


def random_lstm(bidirectional: bool = False) -> nn.LSTM:
    layer = nn.LSTM(D, H, batch_first=True, bidirectional=bidirectional)
    for weight in layer.parameters():
        nn.init.normal_(weight, std=0.5)
    return layer


def lstm_weights(layer: nn.LSTM, suffix: str = "") -> dict[str, Tensor]:
    """Weights and their gradients in our layout: w, r and b, or w_back … the other way."""
    own = "_back" if suffix else ""
    w, r, b, other_b = (
        getattr(layer, f"{name}_l0{suffix}")
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    return {
        f"w{own}": w.T,
        f"r{own}": r.T,
        f"b{own}": b + other_b,
        f"dw{own}": grad(w).T,
        f"dr{own}": grad(r).T,
        f"db{own}": grad(b),
    }


def lstm() -> None:
    layer, x = random_lstm(), leaf(B, T, D)
    y, (h_n, c_n) = layer(x)
    outputs = {"y": y, "h_n": h_n[0], "c_n": c_n[0]}
    given = pull(outputs)
    keep("lstm", x=x, dx=grad(x), **outputs, **given, **lstm_weights(layer))


def lstm_with_state() -> None:
    layer, x, h0, c0 = random_lstm(), leaf(B, T, D), leaf(B, H), leaf(B, H)
    y, (h_n, c_n) = layer(x, (h0[None], c0[None]))
    outputs = {"y": y, "h_n": h_n[0], "c_n": c_n[0]}
    given = pull(outputs)
    gradients = {"dx": grad(x), "dh0": grad(h0), "dc0": grad(c0)}
    keep("lstm_with_state", x=x, h0=h0, c0=c0, **outputs, **given, **gradients)
    keep("lstm_with_state", **lstm_weights(layer))


def lstm_with_lengths() -> None:
    layer, x, lengths = random_lstm(), leaf(B, T, D), torch.tensor([4, 6, 1])
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    y, (h_n, c_n) = layer(packed)
    outputs = {
        "y": pad_packed_sequence(y, batch_first=True)[0],
        "h_n": h_n[0],
        "c_n": c_n[0],
    }
    given = pull(outputs)
    keep("lstm_with_lengths", x=x, dx=grad(x), lengths=lengths, **outputs, **given)
    keep("lstm_with_lengths", **lstm_weights(layer))


def bidirectional() -> None:
    layer, x = random_lstm(bidirectional=True), leaf(B, T, D)
    y, (h_n, c_n) = layer(x)
    outputs = {"y": y, "h_n": h_n[0], "c_n": c_n[0], "h_n_back": h_n[1], "c_n_back": c_n[1]}
    given = pull(outputs)
    keep("bidirectional", x=x, dx=grad(x), **outputs, **given)
    keep("bidirectional", **lstm_weights(layer), **lstm_weights(layer, "_reverse"))


def recurrent() -> None:
    # From PyTorch's order of a GRU's blocks, reset, update and candidate, to ours.
    ours = [*range(H, 2 * H), *range(H), *range(2 * H, 3 * H)]
    for case, kind, columns in (("rnn", nn.RNN, [*range(H)]), ("gru", nn.GRU, ours)):
        layer, x, h0 = kind(D, H, batch_first=True), leaf(B, T, D), leaf(B, H)
        for weight in layer.parameters():
            nn.init.normal_(weight, std=0.5)
        y, h_n = layer(x, h0[None])
        outputs = {"y": y, "h_n": h_n[0]}
        given = pull(outputs)
        keep(case, x=x, h0=h0, **outputs, **given, dx=grad(x), dh0=grad(h0))
        w, r, *b = layer.parameters()
        keep(case, w=w.T[:, columns], r=r.T[:, columns])
        keep(case, dw=grad(w).T[:, columns], dr=grad(r).T[:, columns])
        if case == "gru":
            b, db = torch.stack(b)[:, columns], torch.stack([grad(v) for v in b])[:, columns]
        else:
            b, db = b[0] + b[1], grad(b[0])
        keep(case, b=b, db=db)


def conv1d() -> None:
    for case, K, stride, dilation, padding in (
        ("conv1d", 3, 1, 1, 0),
        ("conv1d_stride", 3, 2, 1, 0),
        ("conv1d_dilation", 2, 1, 3, 0),
        ("conv1d_padding", 4, 3, 2, 5),
    ):
        x, w, b = leaf(B, 11, D), leaf(K, D, H), leaf(H)
        y = nn.functional.conv1d(
            x.transpose(1, 2), w.permute(2, 1, 0), b, stride, padding, dilation
        ).transpose(1, 2)
        given = pull({"y": y})
        keep(case, x=x, w=w, b=b, y=y, **given, dx=grad(x), dw=grad(w), db=grad(b))
        keep(case, options=torch.tensor([stride, dilation, padding]))


def linear() -> None:
    x, w, b = leaf(B, T, D), leaf(D, H), leaf(H)
    y = nn.functional.linear(x, w.T, b)
    given = pull({"y": y})
    keep("linear", x=x, w=w, b=b, y=y, **given, dx=grad(x), dw=grad(w), db=grad(b))


def losses() -> None:
    def store(case: str, y: Tensor, target: Tensor, loss: Tensor, **more: Tensor) -> None:
        loss.backward()
        keep(case, y=y, target=target, loss=loss, dy=grad(y), **more)

    F, V = nn.functional, 7

    y, target = leaf(B, T, V), torch.randint(V, (B, T))
    loss = F.cross_entropy(y.reshape(-1, V), target.reshape(-1))
    store("cross_entropy", y, target, loss)

    y, target = leaf(B, T, V), torch.randn(B, T, V).softmax(-1)
    loss = F.cross_entropy(y.reshape(-1, V), target.reshape(-1, V))
    store("cross_entropy_of_distributions", y, target, loss)

    y, target, weight = leaf(B, T, V), torch.randint(V, (B, T)), torch.rand(B, T)
    each = F.cross_entropy(y.reshape(-1, V), target.reshape(-1), reduction="none")
    store("cross_entropy_weighted", y, target, (each * weight.reshape(-1)).sum(), weight=weight)

    y = torch.randn(B, T, V).softmax(-1).requires_grad_()
    target = torch.randint(V, (B, T))
    shares = y / y.sum(-1, keepdim=True)
    loss = F.nll_loss(shares.log().reshape(-1, V), target.reshape(-1))
    store("cross_entropy_of_probabilities", y, target, loss)

    y = torch.rand(B, T).requires_grad_()
    target = torch.rand(B, T)
    store("binary_cross_entropy", y, target, F.binary_cross_entropy(y, target))

    y, target = leaf(B, T), torch.rand(B, T)
    loss = F.binary_cross_entropy_with_logits(y, target)
    store("sigmoid_cross_entropy", y, target, loss)

    for case, function in (
        ("squared_error", F.mse_loss),
        ("absolute_error", F.l1_loss),
        ("huber", lambda y, target: F.huber_loss(y, target, delta=0.7)),
    ):
        y, target = leaf(B, T), torch.randn(B, T)
        store(case, y, target, function(y, target))


def optimizers() -> None:
    for case, make in (
        ("sgd", lambda p: torch.optim.SGD([p], 0.03)),
        ("sgd_momentum", lambda p: torch.optim.SGD([p], 0.03, momentum=0.8)),
        ("sgd_nesterov", lambda p: torch.optim.SGD([p], 0.03, momentum=0.8, nesterov=True)),
        ("rmsprop", lambda p: torch.optim.RMSprop([p], 0.03, alpha=0.9, eps=EPSILON)),
        ("adam", lambda p: torch.optim.Adam([p], 0.03, (0.9, 0.99), eps=EPSILON)),
        (
            "adamw",
            lambda p: torch.optim.AdamW([p], 0.03, (0.9, 0.99), eps=EPSILON, weight_decay=0.3),
        ),
    ):
        p, gradients = leaf(9), torch.randn(STEPS, 9)
        optimizer, before, after = make(p), p.detach().clone(), []
        for g in gradients:
            p.grad = g.clone()
            optimizer.step()
            after.append(p.detach().clone())
        keep(case, before=before, gradients=gradients, after=torch.stack(after))

    p, g = leaf(9), 10 * torch.randn(9)
    p.grad = g.clone()
    norm = nn.utils.clip_grad_norm_([p], 1.5)
    # PyTorch divides by norm + 1e-6, we by the norm.
    keep("clip_by_global_norm", g=g, norm=norm, clipped=grad(p) * (norm + 1e-6) / norm)


def training() -> None:
    """A model from its first weights to those after some steps of Adam on one batch."""
    layer, head = random_lstm(), nn.Linear(H, 2)
    # Adam would move each of PyTorch's two biases by a whole step.
    layer.bias_hh_l0.requires_grad_(False)
    x, target = torch.randn(B, T, D), torch.randn(B, 2)

    def weights() -> dict[str, Tensor]:
        return {
            "w": layer.weight_ih_l0.T,
            "r": layer.weight_hh_l0.T,
            "b": layer.bias_ih_l0 + layer.bias_hh_l0,
            "head_w": head.weight.T,
            "head_b": head.bias,
        }

    keep("training", x=x, target=target, **weights())
    learned = [w for w in (*layer.parameters(), *head.parameters()) if w.requires_grad]
    optimizer, losses = torch.optim.Adam(learned, 0.03, eps=EPSILON), []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(head(layer(x)[1][0][0]), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    keep("training", losses=torch.stack(losses))
    keep("training", **{f"{name}_after": w for name, w in weights().items()})


def main() -> None:
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(1997)
    for case in (
        lstm,
        lstm_with_state,
        lstm_with_lengths,
        bidirectional,
        conv1d,
        linear,
        losses,
        optimizers,
        training,
        recurrent,
    ):
        case()
    save_file(
        golden,
        Path(__file__).with_name("golden.safetensors"),
        {"written_by": f"make_golden.py with PyTorch {torch.__version__.split('+')[0]}"},
    )


if __name__ == "__main__":
    main()
