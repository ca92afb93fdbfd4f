"""Every backend is complete: it has the functions of the contract, as the contract writes them."""

import inspect

import pytest

from backend_cases import over_backends
from lstm.backends import BACKENDS, backend
from lstm.backends.contract import Ops

FUNCTIONS = [
    name for name, member in inspect.getmembers(Ops, inspect.isfunction) if not name.startswith("_")
]


def parameters(function: object) -> list[str]:
    return list(inspect.signature(function).parameters)  # type: ignore[arg-type]


def test_the_contract_is_found() -> None:
    assert {"array", "recurrent_forward", "recurrent_gates", "adam_step", "generate"} <= set(
        FUNCTIONS
    )


@over_backends
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_backend_has_every_function(ops: Ops, name: str) -> None:
    # Names as well as order: some calls name their arguments.
    assert parameters(getattr(ops, name)) == parameters(getattr(Ops, name))[1:]


@over_backends
def test_every_argument_must_be_given(ops: Ops) -> None:
    for name in FUNCTIONS:
        for parameter in inspect.signature(getattr(ops, name)).parameters.values():
            assert parameter.default is parameter.empty, name


@pytest.mark.parametrize("name", BACKENDS)
def test_a_backend_is_chosen_by_its_name(name: str) -> None:
    chosen = backend(name)
    assert chosen.ops is BACKENDS[name]
    assert chosen.name == name


@pytest.mark.parametrize("name", BACKENDS)
def test_a_backend_computes_in_float32_unless_asked(name: str) -> None:
    assert backend(name).dtype == "float32"
    for dtype in BACKENDS[name].DTYPES:
        assert backend(name, dtype).dtype == dtype
