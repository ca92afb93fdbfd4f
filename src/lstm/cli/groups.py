"""Groups of options: each option is declared once, and the command gets one value a group."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from inspect import Parameter
from types import MappingProxyType
from typing import Annotated, Any, get_args, get_type_hints

import typer

from lstm.cli.running import given


def option(help: str, default: str | None = None, panel: str = "Training") -> Any:
    """Describe an option for `--help`; `default` in words, where it is not a value."""
    shown: Any = True if default is None else default
    return typer.Option(help=help, show_default=shown, rich_help_panel=panel)


def grouped(
    described: Mapping[str, Any] = MappingProxyType({}),
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator for commands with dataclasses as parameters: each field is an option.

    Each field of the dataclasses in `**options: Annotated[Any, Options]` is an option as well. The
    command gets only those that are on the command line.

    Args:
        described: the description of each option of the latter kind. A default in words stands for
            a value that is chosen later.
    """

    def decorator(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(command, include_extras=True)
        parameters = inspect.signature(command).parameters
        groups = {name: hints[name] for name in parameters if is_dataclass(hints[name])}
        loose = [
            _described(parameter, described[parameter.name])
            for name, p in parameters.items()
            if p.kind is p.VAR_KEYWORD
            for kind in get_args(hints[name])[1:]
            for parameter in _options_of(kind)
        ]
        single = [p.replace(annotation=hints[name]) for name, p in parameters.items()]
        flat = [
            *(p for p in single if p.kind is p.POSITIONAL_OR_KEYWORD),
            *(parameter for kind in groups.values() for parameter in _options_of(kind)),
            *loose,
            *(p for p in single if p.kind is p.KEYWORD_ONLY and p.name not in groups),
        ]

        @wraps(command)
        def run(context: typer.Context, *args: Any, **values: Any) -> None:
            made = {
                name: kind(**{field.name: values.pop(field.name) for field in fields(kind)})
                for name, kind in groups.items()
            }
            chosen = {p.name: values.pop(p.name) for p in loose}
            wanted = given(context)
            chosen = {name: value for name, value in chosen.items() if name in wanted}
            command(context, *args, **values, **made, **chosen)

        vars(run)["__signature__"] = inspect.Signature(flat)
        run.__annotations__ = {p.name: p.annotation for p in flat}
        return run

    return decorator


def _options_of(kind: Any) -> Iterator[Parameter]:
    """Yield the fields of a dataclass as keyword parameters."""
    hints = get_type_hints(kind, include_extras=True)
    for field in fields(kind):
        default = Parameter.empty if field.default is MISSING else field.default
        yield Parameter(
            field.name, Parameter.KEYWORD_ONLY, default=default, annotation=hints[field.name]
        )


def _described(parameter: Parameter, option: Any) -> Parameter:
    """Return a parameter with its description for `--help`."""
    if option.show_default is True:
        return parameter.replace(annotation=Annotated[parameter.annotation, option])
    return parameter.replace(
        annotation=Annotated[parameter.annotation | None, option], default=None
    )
