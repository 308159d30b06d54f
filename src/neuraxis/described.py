"""What `help` says of a model: its docstring, and its parameters with their defaults, meanings and units."""

import ast
import inspect
import linecache
import re
import sys
import textwrap
from collections.abc import Mapping
from typing import Any

_LINES = re.MULTILINE | re.DOTALL


def meanings(cls: type) -> dict[str, str]:
    """Return what each field of a class means, with its unit, by name: the docstrings of fields, which Python drops.

    Inherited fields are among them.
    """
    bases = (base for base in reversed(cls.__mro__) if inspect.get_annotations(base))
    return {name: meaning for base in bases for name, meaning in _own_meanings(base).items()}


def _own_meanings(cls: type) -> dict[str, str]:
    (body,) = ast.parse(textwrap.dedent(_source(cls))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[ast.unparse(field.target)] = " ".join(str(text.value.value).split())
    return found


def describe(namespace: Mapping[str, Any]) -> None:
    """Add the parameters of all models in the namespace of a package to their docstrings.

    Left alone are those whose docstring has a section on the arguments of a constructor, and those without fields.
    """
    import equinox as eqx  # with JAX, which must not be imported by what only wants `meanings`

    for cls in namespace.values():
        if isinstance(cls, type) and issubclass(cls, eqx.Module) and "Args:" not in (text := cls.__doc__ or ""):
            cls.__doc__ = "\n".join([inspect.cleandoc(text), *_parameters(cls)])


def _parameters(cls: type) -> list[str]:
    said, taken = meanings(cls), inspect.signature(cls).parameters.values()
    if said.keys().isdisjoint(parameter.name for parameter in taken):
        return []
    lines = (_written(parameter, said.get(parameter.name, "")) for parameter in taken)
    wrapped = (textwrap.fill(line, 116, initial_indent="    ", subsequent_indent=" " * 8) for line in lines)
    return ["", "Parameters:", *wrapped]


def _written(parameter: inspect.Parameter, meaning: str) -> str:
    """Write a parameter as "tau_m = 20.0: Membrane time constant [ms]."."""
    name, default = parameter.name, parameter.default
    begin = name if default is parameter.empty else f"{name} = {getattr(default, '__name__', repr(default))}"
    return f"{begin}: {meaning}" if meaning else begin


def _source(cls: type) -> str:
    """Return the source of a class; `inspect` reads the whole file for it, and takes ten times as long."""
    file = getattr(sys.modules[cls.__module__], "__file__", None) or ""
    at_the_top = re.search(rf"^class {cls.__qualname__}\b.*?(?=^\w|^@|\Z)", "".join(linecache.getlines(file)), _LINES)
    return at_the_top[0] if at_the_top else inspect.getsource(cls)
