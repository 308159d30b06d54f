"""What `help` shows for a model: its docstring, and its parameters with their defaults, meanings and units."""

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
    """Return the meaning of each field of a class, with its unit: the docstrings of fields, which Python discards.

    Inherited fields are included.
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
    """Append the parameters of all models in the namespace of a package to their docstrings.

    Models whose docstring has an `Args:` section, and those without fields, are left unchanged.
    """
    import equinox as eqx  # imports JAX, which is not needed for `meanings` alone

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
    """Format a parameter, as in "tau_m = 20.0: Membrane time constant [ms]."."""
    name, default = parameter.name, parameter.default
    begin = name if default is parameter.empty else f"{name} = {getattr(default, '__name__', repr(default))}"
    return f"{begin}: {meaning}" if meaning else begin


def _source(cls: type) -> str:
    """Return the source of a class; `inspect` processes the whole file for it, which takes ten times as long."""
    file = getattr(sys.modules[cls.__module__], "__file__", None) or ""
    at_the_top = re.search(rf"^class {cls.__qualname__}\b.*?(?=^\w|^@|\Z)", "".join(linecache.getlines(file)), _LINES)
    return at_the_top[0] if at_the_top else inspect.getsource(cls)
