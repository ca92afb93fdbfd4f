"""The cases that are timed, and the goals."""

from dataclasses import replace

from cases import PEAK_SIZE, READINGS, Case, Goal


def _language_model(H: int, pytorch: float, tensorflow: float, jax: float) -> Case:
    goals = Goal("pytorch", pytorch), Goal("keras_tensorflow", tensorflow), Goal("keras_jax", jax)
    title = f"Character model, training step: two layers, H={H}, B=64, T=100"
    return Case(f"lm{H}", title, "language model", E=H // 2, H=H, goals=goals, all_forms=H == 128)


def _addition(name: str, lstm: str, activation: str, *goals: Goal) -> Case:
    title = f"Binary addition, step of `fit`: two Conv1D, {lstm} of 4 units, B=100, T=10"
    sizes = {"H": 4, "B": 100, "T": 10, "layers": 1}
    return Case(name, title, "addition", **sizes, activation=activation, goals=goals)


def _regression(H: int, B: int, T: int, D: int, pytorch: float) -> Case:
    title = f"Regression, step of `fit`: LSTM({H}) + Dense, B={B}, T={T}, D={D}"
    sizes = {"E": D, "H": H, "B": B, "T": T, "layers": 1}
    goals = (Goal("pytorch", pytorch),)
    return Case(f"lstm{H}", title, "regression", **sizes, goals=goals, all_forms=H == 8)


def _step(layers: int, H: int, *goals: Goal) -> Case:
    title = f"One step of one sequence, with its state: {layers} × {H} units"
    sizes = {"E": H, "H": H, "B": 1, "T": 1, "layers": layers}
    return Case(f"step{H}", title, "step", **sizes, goals=goals)


def _bfloat16(case: Case, *goals: Goal) -> Case:
    title = f"{case.title}; bfloat16"
    name = f"{case.name}_bf16"
    return replace(case, name=name, title=title, precision="bfloat16", goals=goals, all_forms=True)


def _busy(case: Case) -> Case:
    """The same while another program has one core: as fast as alone, within a factor of two."""
    return replace(
        case,
        name=f"{case.name}_busy",
        title=f"{case.title}; another program has one core",
        busy=True,
        goals=(Goal("ours", 0.5, case=case.name),),
        all_forms=False,
    )


def _example(name: str, what: str, H: int, B: int, ratio: float = 1) -> Case:
    """A program of examples/, which is to be faster than in Keras, whatever computes there."""
    title = f"`examples/{name}.py`, step of `fit`: {what}, H={H}, B={B}"
    goals = Goal("keras_tensorflow", ratio), Goal("keras_jax", ratio)
    return Case(name, title, "example", H=H, B=B, goals=goals)


REFERENCE = _language_model(128, 2.2, 5, 2.5)
FORWARD = Case(
    "forward",
    "LSTM forward, no gradient: D=H=128, B=1, T=100",
    "forward",
    E=128,
    B=1,
    layers=1,
    goals=(Goal("pytorch", 2.9), Goal("onnx_runtime", 2), Goal("openvino", 2.3)),
)
STEPS = (
    _step(1, 32, Goal("onnx_runtime", 3.7)),
    _step(2, 128, Goal("onnx_runtime", 2.4), Goal("openvino", 2.7)),
    _step(2, 512, Goal("onnx_runtime", 1.6), Goal("openvino", 1.6)),
)
GENERATION = Case(
    "generate512",
    "Generation, a token: one stream, two layers, E=128, H=512",
    "generation",
    E=128,
    H=512,
    B=1,
    goals=(Goal("pytorch", 5), Goal("onnx_runtime", 1.3)),
)
AHEAD = (Goal("pytorch", 1), Goal("keras_tensorflow", 1), Goal("keras_jax", 1))

MACHINE = (
    Case("product", "Product of two matrices of 1024 × 1024", "product", size=PEAK_SIZE**3),
    Case(
        "product_bf16",
        "Product of two matrices of 1024 × 1024; bfloat16",
        "product",
        size=PEAK_SIZE**3,
        precision="bfloat16",
    ),
    Case("exponentials", "Sigmoid of 512 KB, shared by the cores", "exponentials", size=1 << 17),
    Case("reading_1mb", "Reading of 1 MB, 16 times", "reading", size=READINGS << 18),
    Case("reading_16mb", "Reading of 16 MB, 16 times", "reading", size=READINGS << 22),
)

CASES = {
    case.name: case
    for case in (
        *MACHINE,
        REFERENCE,
        _language_model(256, 1.7, 3, 2),
        _language_model(512, 1.35, 2.5, 1.5),
        _bfloat16(_language_model(256, 1.7, 3, 2), Goal("pytorch", 1.6)),
        replace(
            _bfloat16(_language_model(512, 1.35, 2.5, 1.5), Goal("pytorch", 1.5)), all_forms=False
        ),
        Case(
            "lm_small",
            "Character model, training step: one layer, H=128, B=32, T=64",
            "language model",
            B=32,
            T=64,
            layers=1,
            goals=(Goal("pytorch", 2.5),),
            all_forms=False,
        ),
        _addition(
            "addition",
            "LSTM with a linear activation",
            "linear",
            Goal("pytorch", 45),
            Goal("keras_tensorflow", 60),
            Goal("keras_jax", 8),
        ),
        _addition("addition_tanh", "LSTM", "tanh", Goal("pytorch", 25)),
        _regression(8, 32, 24, 3, pytorch=20),
        _regression(50, 32, 60, 1, pytorch=3),
        _regression(32, 256, 120, 7, pytorch=6),
        Case(
            "cnn",
            "Two Conv1D of 64 filters and a Dense, step of `fit`: K=5, B=64, T=100, 64 channels",
            "CNN",
            H=64,
            goals=AHEAD,
        ),
        Case(
            "cnn_lstm",
            "TimeDistributed(Conv1D(64, 5)) + LSTM(64) + Dense, step of `fit`: "
            "B=64, 10 chunks of 10 steps, 64 channels",
            "CNN-LSTM",
            H=64,
            T=10,
            layers=1,
            goals=AHEAD,
        ),
        _example("decimal_addition", "encoder and decoder, 7 and 4 steps", 128, 64, ratio=3),
        _example("translation", "encoder and decoder, padded", 128, 32),
        _example("sentiment", "Bidirectional, padded", 32, 32),
        _example("weather", "LSTM + Dense, 24 steps", 32, 128),
        _example("anomaly_detection", "autoencoder, 48 steps", 32, 64),
        _example("attention", "LSTM and attention by hand, padded", 64, 32),
        _example("ctc_lines", "Bidirectional and CTC, 96 steps", 48, 32),
        Case(
            "prediction",
            "LSTM(64) + Dense, forward only: B=1024, T=50, D=8",
            "prediction",
            E=8,
            H=64,
            B=1024,
            T=50,
            layers=1,
            goals=(Goal("pytorch", 2), Goal("openvino", 2)),
        ),
        FORWARD,
        *STEPS,
        _bfloat16(FORWARD, Goal("openvino", 2.4)),
        _bfloat16(STEPS[1], Goal("openvino", 2.2)),
        _bfloat16(STEPS[2], Goal("openvino", 1.1)),
        *(_busy(case) for case in (FORWARD, *STEPS)),
        Case(
            "generate128",
            "Generation, a token: one stream, two layers, E=64, H=128",
            "generation",
            B=1,
            goals=(Goal("pytorch", 12), Goal("onnx_runtime", 3)),
        ),
        GENERATION,
        _bfloat16(
            GENERATION,
            Goal("pytorch", 12, case="generate512"),
            Goal("onnx_runtime", 2.7, case="generate512"),
        ),
        replace(
            GENERATION,
            name="generate512_int8",
            title=f"{GENERATION.title}; int8",
            precision="int8",
            goals=(
                Goal("pytorch", 20, case="generate512"),
                Goal("onnx_runtime", 4.3, case="generate512"),
            ),
        ),
        Case(
            "ragged",
            "Sequences of 1 to 200 steps, training step: one layer, H=128, B=64",
            "ragged",
            T=200,
            layers=1,
            goals=(Goal("pytorch", 5, "PackedSequence"),),
        ),
    )
}

# One size at a time is varied from the reference, for the plot.
SWEEP = [
    replace(REFERENCE, name=f"{axis}={value}", title="", goals=(), all_forms=False, **{axis: value})
    for axis, values in (("B", (1, 8, 256)), ("T", (10, 400)))
    for value in values
]
