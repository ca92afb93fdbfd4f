"""An instruction set that everyone has to do with, as far as they let it be chosen."""

VARIABLES = {
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",  # PyTorch's own kernels
        "ONEDNN_MAX_CPU_ISA": "AVX2",  # PyTorch, TensorFlow, OpenVINO
        "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",  # JAX, and TensorFlow where it compiles
        "OPENBLAS_CORETYPE": "Haswell",  # NumPy's products; then its other loops
        "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    }
}
"""Environment variables that peers read when they start, for each instruction set."""


def choose(isa: str) -> None:
    """Compute with our kernels for this instruction set; "" for the best."""
    from lstm.backends import _kernels  # noqa: TID251 (tests alone choose it otherwise)

    if isa and not _kernels.set_instruction_set(isa):
        raise ValueError(f"no kernels for {isa}")
