"""The backends and dtypes that the tests of the contract run over."""

import pytest

from lstm.backends import BACKENDS

over_backends = pytest.mark.parametrize("ops", BACKENDS.values(), ids=BACKENDS)

over_dtypes = pytest.mark.parametrize(
    ("ops", "dtype"),
    [
        pytest.param(ops, dtype, id=f"{name}-{dtype}")
        for name, ops in BACKENDS.items()
        for dtype in ops.DTYPES
    ],
)

# Central differences need twice the digits that they are to confirm.
in_float64 = pytest.mark.parametrize(
    "ops",
    [pytest.param(ops, id=name) for name, ops in BACKENDS.items() if "float64" in ops.DTYPES],
)
