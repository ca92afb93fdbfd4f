"""Who takes part, and in which forms.

A form is a way to do the work that users of that library could choose. The runner times all forms,
each with its best number of threads.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Contender:
    """A library.

    Attributes:
        title: its name in reports.
        packages: distributions that must be installed.
        forms: for each kind of case, the forms it takes part in.
    """

    title: str
    packages: tuple[str, ...]
    forms: dict[str, tuple[str, ...]]


CONTENDERS = {
    "ours": Contender(
        "lstm",
        ("lstm-kit", "numpy"),
        {
            "language model": ("fit",),
            "ragged": ("fit",),
            **dict.fromkeys(("addition", "regression", "CNN", "CNN-LSTM", "example"), ("fit",)),
            **dict.fromkeys(("prediction", "forward"), ("predict_on_batch",)),
            "step": ("stream", "step"),
            "generation": ("LanguageModel",),
            "language model, bfloat16": ("fit",),
            "forward, bfloat16": ("predict_on_batch",),
            "step, bfloat16": ("stream", "step"),
            **dict.fromkeys(("generation, bfloat16", "generation, int8"), ("LanguageModel",)),
        },
    ),
    "pytorch": Contender(
        "PyTorch",
        ("torch",),
        {
            "language model": ("eager",),
            "ragged": ("PackedSequence", "padded"),
            "addition": ("eager", "script", "compile"),
            "regression": ("eager", "eager, no oneDNN", "compile"),
            **dict.fromkeys(("CNN", "CNN-LSTM"), ("eager", "compile")),
            **dict.fromkeys(("prediction", "forward", "step"), ("eager", "eager, no oneDNN")),
            "generation": ("eager", "eager, no oneDNN", "script, no oneDNN"),
            "language model, bfloat16": ("autocast", "autocast, compile"),
            "generation, bfloat16": ("eager", "eager, no oneDNN", "script, no oneDNN"),
            "generation, int8": ("quantize_dynamic", "quantize_dynamic, script"),
        },
    ),
    "keras_tensorflow": Contender(
        "Keras/TensorFlow",
        ("keras", "tensorflow-cpu"),
        {
            "language model": ("graph", "XLA"),
            "addition": ("graph", "XLA", "XLA, 32 steps a call"),
            **dict.fromkeys(("regression", "CNN", "CNN-LSTM", "example"), ("graph", "XLA")),
        },
    ),
    "keras_jax": Contender(
        "Keras/JAX",
        ("keras", "jax"),
        dict.fromkeys(
            ("language model", "addition", "regression", "CNN", "CNN-LSTM", "example"), ("XLA",)
        ),
    ),
    "onnx_runtime": Contender(
        "ONNX Runtime",
        ("onnxruntime", "onnx"),
        dict.fromkeys(
            ("prediction", "forward", "step", "generation", "generation, int8"),
            ("session", "bound"),
        ),
    ),
    "openvino": Contender(
        "OpenVINO",
        ("openvino", "onnx"),
        {
            "prediction": ("latency", "throughput"),
            **dict.fromkeys(("forward", "forward, bfloat16"), ("latency",)),
            **dict.fromkeys(
                ("step", "generation", "step, bfloat16", "generation, bfloat16"),
                ("latency", "states inside"),
            ),
        },
    ),
    # No library, but what the machine can do.
    "peak": Contender(
        "the machine",
        ("lstm-kit", "numpy"),
        {
            **dict.fromkeys(("product", "language model", "exponentials"), ("numpy", "lstm")),
            "reading": ("numpy",),
            "product, bfloat16": ("lstm",),
        },
    ),
}
