"""Types of what `cpp/bindings*.cpp` define: arrays to read, and to write, which they check."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_In = NDArray[np.float32]
_Out = NDArray[np.float32]
_Tokens = NDArray[np.int64]
_TokensOut = NDArray[np.int64]
_Uniforms = NDArray[np.float64]
_Mask = NDArray[np.bool_]

def instruction_set() -> str: ...
def set_instruction_set(arg: str, /) -> bool: ...
def logits_pitch(arg: int, /) -> int: ...
def force_teams(arg: bool, /) -> None: ...
def teams_so_far() -> int: ...
def num_threads() -> int: ...
def set_num_threads(arg: int, /) -> None: ...
def empty(shape: Sequence[int]) -> NDArray[np.float32]: ...
def cell_sizes(cell: int, options: int) -> tuple[int, int, int, bool]: ...
def recurrent_forward(
    cell: int,
    options: int,
    x: _In | None,
    tokens: _Tokens | None,
    w: _In,
    r: _In,
    b: _In | None,
    h0: _In | None,
    c0: _In | None,
    mask: _Mask | None,
    recurrent_mask: _In | None,
    reverse: bool,
    activation: int,
    recurrent_activation: int,
    gates: _Out | None,
    masked_h: _Out | None,
    c: _Out | None,
    y: _Out,
    framed: bool,
) -> None: ...
def recurrent_backward(
    cell: int,
    options: int,
    x: _In | None,
    tokens: _Tokens | None,
    w: _In,
    r: _In,
    h0: _In | None,
    c0: _In | None,
    mask: _Mask | None,
    recurrent_mask: _In | None,
    reverse: bool,
    activation: int,
    recurrent_activation: int,
    gates: _Out,
    masked_h: _In | None,
    c: _In | None,
    y: _In,
    dy: _In | None,
    dh: _Out,
    dc: _Out | None,
    dw: _Out | None,
    dr: _Out | None,
    db: _Out | None,
    dx: _Out | None,
    framed: bool,
) -> None: ...
def linear_forward(x: _In, w: _In, b: _In | None, activation: int, y: _Out) -> None: ...
def linear_backward(
    dy: _In,
    x: _In,
    w: _In,
    y: _In,
    activation: int,
    dz: _Out | None,
    dw: _Out | None,
    db: _Out | None,
    dx: _Out | None,
) -> None: ...
def conv1d_forward(
    x: _In, w: _In, b: _In | None, stride: int, dilation: int, before: int, activation: int, y: _Out
) -> None: ...
def conv1d_backward(
    dy: _In,
    x: _In,
    w: _In,
    y: _In,
    stride: int,
    dilation: int,
    before: int,
    activation: int,
    dz: _Out | None,
    dw: _Out | None,
    db: _Out | None,
    dx: _Out | None,
) -> None: ...
def activation_forward(x: _In, activation: int, y: _Out) -> None: ...
def activation_backward(dy: _In, y: _In, activation: int, dx: _Out) -> None: ...
def dropout(x: _In, u: _In, rate: float, y: _Out) -> None: ...
def scale_features(x: _In, factor: _In, y: _Out) -> None: ...
def embedding_forward(tokens: _Tokens, w: _In, y: _Out) -> None: ...
def embedding_backward(dy: _In, tokens: _Tokens, dw: _Out) -> None: ...
def softmax_cross_entropy_forward(
    z: _In, classes: _Tokens | None, rows: _In | None, weight: _In | None, log_p: _Out
) -> float: ...
def softmax_cross_entropy_backward(
    log_p: _In, classes: _Tokens | None, rows: _In | None, weight: _In | None, dz: _Out
) -> None: ...
def cross_entropy_forward(
    p: _In, classes: _Tokens | None, rows: _In | None, weight: _In | None
) -> float: ...
def cross_entropy_backward(
    p: _In, classes: _Tokens | None, rows: _In | None, weight: _In | None, dp: _Out
) -> None: ...
def linear_cross_entropy(
    x: _In,
    w: _In,
    b: _In | None,
    classes: _Tokens | None,
    rows: _In | None,
    weight: _In | None,
    z: _Out,
    dw: _Out | None,
    db: _Out | None,
    dx: _Out | None,
) -> float: ...
def pointwise_loss(
    loss: int, y: _In, target: _In, weight: _In | None, delta: float, dy: _Out
) -> float: ...
def clip_by_global_norm(g: _Out, max_norm: float) -> float: ...
def sgd_step(p: _Out, g: _In, v: _Out, lr: float, momentum: float, nesterov: bool) -> None: ...
def rmsprop_step(
    p: _Out,
    g: _In,
    s: _Out,
    m: _Out | None,
    v: _Out | None,
    lr: float,
    rho: float,
    momentum: float,
    eps: float,
) -> None: ...
def adam_step(
    p: _Out,
    g: _In,
    m: _Out,
    s: _Out,
    step: int,
    lr: float,
    beta_1: float,
    beta_2: float,
    eps: float,
    weight_decay: float,
) -> None: ...
def sample(
    z: _In,
    u: _Uniforms,
    recent: _Tokens,
    temperature: float,
    top_k: int,
    top_p: float,
    min_p: float,
    repetition_penalty: float,
    out: _TokensOut,
) -> None: ...
def generate(
    tokens: _Tokens,
    embedding: _In,
    w: Sequence[_In],
    r: Sequence[_In],
    b: Sequence[_In | None],
    h: Sequence[_Out],
    c: Sequence[_Out],
    w_out: _In,
    b_out: _In | None,
    recent: _Tokens,
    u: _Uniforms,
    temperature: float,
    top_k: int,
    top_p: float,
    min_p: float,
    repetition_penalty: float,
    drawn: _TokensOut,
) -> None: ...
def matmul(a: _In, b: _In, c: _Out) -> None: ...
