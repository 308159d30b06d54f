"""Structure of a pytree in JSON: classes, containers and functions by name, from which it can be rebuilt.

Nothing that a file contains is executed. Classes are looked up, not called: they are `equinox.Module`s and named tuples
that the program has already imported, or of neuraxis, of which only packages with models are imported here. Functions,
and callable constants, are looked up in these packages and among the purely numerical functions of JAX and NumPy.
Anything else, such as a custom activation, has to be passed by the caller.
"""

import dataclasses
import functools
import importlib
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from neuraxis.errors import CheckpointError

_LITERALS = (bool, int, float, str)
_NUMBERS = "biuf"  # kinds of NumPy scalars
_WITH_FUNCTIONS = (
    "functions",
    "layers",
    "neurons",
    "spiking",
    "feedforward",
    "energy",
    "reinforcement",
    "recurrent",
    "language",
    "generative",
)
_WITH_CLASSES = (*_WITH_FUNCTIONS, "engine", "kinds")
_OF_JAX = ("jax.nn", "jax.lax", "jax.numpy")  # public modules of functions that are defined elsewhere


@dataclasses.dataclass(frozen=True)
class Leaf:
    """Placeholder for a leaf: an array of JAX ("jax") or NumPy ("numpy", "scalar"), or a Python number or string."""

    kind: str


def describe(tree: PyTree) -> Any:
    """Describe the structure of a pytree; its arrays and numbers are leaves, which are stored elsewhere."""
    try:
        return _describe(tree, static=False)
    except RecursionError:  # a static field contains itself
        return {"unknown": "a structure without an end"}


def _describe(value: Any, static: bool) -> Any:
    if value is None or (static and type(value) in _LITERALS):
        return value
    if not static and (kind := _kind_of_leaf(value)):
        return {"leaf": kind}
    if isinstance(value, np.generic) and value.dtype.kind in _NUMBERS and type(value.item()) in _LITERALS:
        return {"number": value.item(), "dtype": value.dtype.name}
    if isinstance(value, np.dtype):
        return {"dtype": value.name}
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return {type(value).__name__: [_describe(item, static) for item in value]}
    if type(value) is dict:
        return {"dict": [[_describe(key, static=True), _describe(item, static)] for key, item in value.items()]}
    if type(value) is functools.partial:
        keywords = {name: _describe(item, static=True) for name, item in value.keywords.items()}
        return {"partial": _describe(value.func, True), "args": _describe(value.args, True), "keywords": keywords}
    if callable(value) and not isinstance(value, eqx.Module) and (name := _name(value)):
        return {"type" if isinstance(value, type) else "function": name}
    if _is_made_of_fields(type(value)) and (name := _name(type(value))):
        return {"class": name, "fields": {n: _describe(v, static or s) for n, v, s in _fields(value)}}
    return {"unknown": getattr(value, "__qualname__", f"a {type(value).__qualname__}")}


def _kind_of_leaf(value: Any) -> str | None:
    if isinstance(value, (*_LITERALS, complex)):
        return "plain"
    kinds = {"jax": jax.Array, "numpy": np.ndarray, "scalar": np.generic}
    return next((name for name, kind in kinds.items() if isinstance(value, kind)), None)


def _is_made_of_fields(kind: type) -> bool:
    return dataclasses.is_dataclass(kind) or (issubclass(kind, tuple) and hasattr(kind, "_fields"))


def _field_names(kind: type) -> dict[str, bool]:
    """Return the fields of a class by name, and whether each is static."""
    if not dataclasses.is_dataclass(kind):
        return dict.fromkeys(getattr(kind, "_fields"), False)  # noqa: B009 (a named tuple has it)
    all_static = not issubclass(kind, eqx.Module)
    return {field.name: all_static or field.metadata.get("static", False) for field in dataclasses.fields(kind)}


def _fields(value: Any) -> Iterator[tuple[str, Any, bool]]:
    for name, static in _field_names(type(value)).items():
        if hasattr(value, name):
            yield name, getattr(value, name), static


def _name(thing: Any) -> str | None:
    """Return the name of a class, function or constant in the most public module that has it; None without a name.

    An object that is in no module, such as a nested function, gets the name under which a caller can pass it.
    """
    module, name = (getattr(thing, attribute, None) for attribute in ("__module__", "__qualname__"))
    name = name or getattr(thing, "__name__", None)
    if not isinstance(module, str):
        return None
    if not isinstance(name, str):
        name = next((n for n, found in vars(sys.modules.get(module, sys)).items() if found is thing), "")
    parts = module.split(".")
    shortest = 2 if parts[0] == "neuraxis" else 1  # names in the top package are imported lazily
    homes = (".".join(parts[:length]) for length in range(shortest, len(parts) + 1))
    for home in (*_OF_JAX, *homes):
        if _at(home, name) is thing:
            return f"{home}:{name}"
    return f"{module}:{name}" if name and _at(module, name) is None else None


def _at(home: str, name: str) -> Any:
    """Look a name up in an imported module, or in a class there, without executing anything."""
    first, *inner = name.split(".")
    found = getattr(sys.modules.get(home), "__dict__", {}).get(first)
    for part in inner:
        found = vars(found).get(part) if isinstance(found, type) else None
    return found


def rebuild(description: Any, own: Iterable[Any] = ()) -> PyTree:
    """Rebuild what `describe` described, with a `Leaf` for every leaf.

    Args:
        description: result of `describe`.
        own: classes and functions that take precedence over others of the same name.

    Raises:
        CheckpointError: for anything that cannot be found or is not allowed; the message says where it is.
    """
    return _Builder({getattr(thing, "__qualname__", ""): thing for thing in own}).make(description, "the model")


class _Builder:
    def __init__(self, own: dict[str, Any]):
        self._own = own

    def make(self, described: Any, where: str) -> Any:
        match described:
            case None | bool() | int() | float() | str():
                return described
            case {"leaf": kind}:
                return Leaf(kind)
            case {"number": number, "dtype": dtype} if np.dtype(dtype).kind in _NUMBERS:
                return np.dtype(dtype).type(number)
            case {"dtype": name}:
                return np.dtype(name)
            case {"list": items} | {"tuple": items}:
                made = [self.make(item, f"{where}[{i}]") for i, item in enumerate(items)]
                return made if "list" in described else tuple(made)
            case {"dict": items}:
                return {self.make(key, where): self.make(item, f"{where}[{key!r}]") for key, item in items}
            case {"class": name, "fields": fields}:
                made = {field: self.make(item, f"{where}.{field}") for field, item in fields.items()}
                return _object(self._class(name, where), made, where)
            case {"partial": function, "args": args, "keywords": keywords}:
                named = {name: self.make(item, where) for name, item in keywords.items()}
                return functools.partial(self.make(function, where), *self.make(args, where), **named)
            case {"type": name}:
                return self._class(name, where)
            case {"function": name}:
                return self._function(name, where)
            case {"unknown": what}:
                raise CheckpointError(f"{where} is {what}, which cannot be found by its name")
        raise CheckpointError(f"{where} is described in a way unknown to this version of neuraxis")

    def _class(self, name: str, where: str) -> type:
        found, is_vouched_for = self._find(name, where, _WITH_CLASSES)
        if not isinstance(found, type) or not _is_made_of_fields(found):
            raise CheckpointError(f"{where} is of {name}, which is neither an equinox.Module nor a named tuple")
        if not (is_vouched_for or issubclass(found, eqx.Module | tuple)):
            raise CheckpointError(f"{where} is of {name}, which is accepted only if own= lists it")
        return found

    def _function(self, name: str, where: str) -> Any:
        found, is_vouched_for = self._find(name, where, _WITH_FUNCTIONS)
        if not callable(found) or isinstance(found, type):
            raise CheckpointError(f"{where} is {name}, which is not a function")
        if not (is_vouched_for or _only_calculates(found)):
            raise CheckpointError(f"{where} is the function {name}, which is accepted only if own= lists it")
        return found

    def _find(self, name: str, where: str, packages: tuple[str, ...]) -> tuple[Any, bool]:
        """Return the object of that name, and whether the caller or neuraxis vouches for it."""
        home, _, qualified = name.partition(":")
        if qualified in self._own:
            return self._own[qualified], True
        if _is_of(home, packages) and home not in sys.modules:
            _import(home, where)
        found = _at(home, qualified)
        if found is None:
            raise CheckpointError(f"{where} is {name}, which was not found: import it first, or list it in own=")
        # A module also contains what it imports, so what counts is where an object is defined.
        return found, _is_of(getattr(found, "__module__", None) or "", packages)


def _is_of(module: str, packages: tuple[str, ...]) -> bool:
    top, *below = module.split(".")
    return top == "neuraxis" and below[:1] in [[package] for package in packages]


def _import(home: str, where: str) -> None:
    try:
        importlib.import_module(home)
    except ImportError as error:
        raise CheckpointError(f"{where} is of {home}, which this version of neuraxis does not have") from error


def _only_calculates(function: Any) -> bool:
    """Return whether a function is one of the purely numerical functions of JAX or NumPy."""
    if isinstance(function, np.ufunc | jnp.ufunc):
        return True
    home = (_name(function) or "").partition(":")[0]
    is_compiled = hasattr(function, "lower")  # which functions that load or save are not
    return home in _OF_JAX and (home != "jax.numpy" or is_compiled) and not isinstance(function, type)


def _object(kind: type, fields: dict[str, Any], where: str) -> Any:
    """Create an object as JAX does when it unflattens a tree: without calling its class."""
    expected = _field_names(kind).keys()
    if fields.keys() != expected:
        odd = min(fields.keys() ^ expected)
        how = "has no field" if odd in fields else "lacks the field"
        raise CheckpointError(f"{where}, a {kind.__name__}, {how} {odd!r}: it was saved by another version")
    if issubclass(kind, tuple):
        return tuple.__new__(kind, [fields[name] for name in expected])
    made = object.__new__(kind)
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    return made
