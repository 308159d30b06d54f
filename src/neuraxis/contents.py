"""When two functions or objects share a compiled program: if all that they hold, and can reach, is equal.

A program is compiled for the values that its functions held at that time. A function is more than its code: it captures
values (its closure and defaults) and reads others (global variables), and both can change while it remains the same
object, as can the attributes of an object. Programs are therefore identified by the contents of what they depend on,
which are examined at every call. This takes a few microseconds; in return, two functions that were made in the same
way, such as those of two `optax.adam(1e-3)`, share a program.

Changes that a function itself makes while it is traced are ignored. Those that its host callbacks make are not: a list
to which `jax.debug.callback` appends differs at each call, whereas a `queue.SimpleQueue` always compares equal.

Installed packages are assumed not to change: their global variables, their classes, and their objects that compare by
identity. JAX arrays are immutable and compared by identity; NumPy arrays are compared by their bytes, and must not be
modified in place.
"""

import dataclasses
import dis
import functools
import hashlib
import sys
import sysconfig
import types
import weakref
from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax
import numpy as np

from neuraxis.errors import InputError

_LITERALS = frozenset({bool, int, str, bytes, range, type(None), type(Ellipsis), np.dtype})
_INSTALLED = tuple(
    {sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib")} | {str(Path(__file__).parent), "<frozen"}
)


def contents(thing: Any) -> Hashable:
    """Return a key that compares equal for equal contents."""
    if type(thing) in _LITERALS:
        return type(thing), thing
    found = tuple(_Walk(thing).found)
    return _same.get(found, found)


def treat_as_same(before: Hashable, after: Hashable) -> None:
    """Treat the contents `after` as equal to `before`."""
    _same[after] = before


_same: dict[Hashable, Hashable] = {}
_digests: dict[int, tuple[Callable[[], Any], bytes]] = {}  # of arrays that are still alive


class _Is:
    """Reference to an object, compared by identity whatever the object's own `__eq__`."""

    __slots__ = ("thing",)

    def __init__(self, thing: Any):
        self.thing = thing

    def __hash__(self) -> int:
        return id(self.thing)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Is) and self.thing is other.thing


class _Walk:
    """Traversal that lists objects one after the other, and what each holds by its place in that list."""

    def __init__(self, thing: Any):
        self.found: list[Hashable] = []
        self._places: dict[int, int] = {}
        self._things: list[Any] = []  # kept alive, so that no other object can reuse an id meanwhile
        self._refer(thing)
        for thing in self._things:  # grows during the loop
            self._look(type(thing), thing)

    def _refer(self, thing: Any) -> None:
        """Record a number or text by value, any other object by its place."""
        kind = type(thing)
        if kind in _LITERALS:
            self.found += (kind, thing)  # with its type: 1 differs from True
        elif isinstance(thing, float | complex):
            self.found += (kind, repr(thing))  # 0 differs from −0, and NaN equals NaN
        else:
            place = self._places.setdefault(id(thing), len(self._things))
            if place == len(self._things):
                self._things.append(thing)
            self.found += (_Walk, place)

    def _all(self, kind: Any, things: Iterable[Any]) -> None:
        things = tuple(things)
        self.found += (kind, len(things))
        for thing in things:
            self._refer(thing)

    def _look(self, kind: type, thing: Any) -> None:
        if isinstance(thing, types.FunctionType):
            self._function(thing)
        elif isinstance(thing, types.MethodType):
            self._all(kind, (thing.__func__, thing.__self__))
        elif isinstance(thing, np.generic):
            self.found += (kind, thing.dtype, thing.tobytes())
        elif isinstance(thing, np.ndarray):
            self._array(kind, thing)
        elif isinstance(thing, list | tuple):
            self._all(kind, thing)
        elif isinstance(thing, set | frozenset):
            self._all(kind, sorted(thing, key=repr))
        elif isinstance(thing, slice):
            self._all(kind, (thing.start, thing.stop, thing.step))
        elif isinstance(thing, dict):
            self._all(kind, (part for item in thing.items() for part in item))
        elif isinstance(thing, functools.partial):
            self._all(kind, (thing.func, thing.args, thing.keywords))
        elif isinstance(thing, type):
            self._class(thing)
        elif isinstance(thing, jax.Array | types.ModuleType):
            self.found.append(_Is(thing))
        else:
            self._object(kind, thing)

    def _function(self, function: types.FunctionType) -> None:
        self.found.append(function.__code__)
        cells = map(_content, function.__closure__ or ())
        self._all("function", (function.__defaults__, function.__kwdefaults__, vars(function) or None, *cells))
        for name, attributes in _globals_of(function.__code__):
            thing = function.__globals__.get(name, _Is)
            if isinstance(thing, types.ModuleType) and not _is_installed(thing):
                self._all(name, (vars(thing).get(attribute) for attribute in attributes))
            elif thing is not _Is:  # otherwise it is a builtin
                self.found.append(name)
                self._refer(thing)

    def _array(self, kind: type, array: np.ndarray) -> None:
        if array.dtype.hasobject:
            self._all(kind, array.ravel().tolist())
        else:
            self.found += (kind, array.dtype, array.shape, _digest(array))

    def _class(self, kind: type) -> None:
        self.found.append(_Is(kind))
        for base in kind.__mro__:
            if not _is_installed(base):
                for name, member in tuple(vars(base).items()):
                    if (function := _function_in(member)) is not None:
                        self._refer(function)
                    elif not name.startswith("__") and not isinstance(member, types.MemberDescriptorType):
                        self._refer(member)

    def _object(self, kind: type, thing: Any) -> None:
        held = _attributes(thing)
        if held is not None:
            self._refer(kind)
            self._refer(held)
        elif _hash_by_value(thing):
            self.found.append(thing)
        else:
            self.found.append(_Is(thing))
            self._refer(getattr(thing, "__wrapped__", None))  # the function inside a `jax.custom_jvp`


def _digest(array: np.ndarray) -> bytes:
    """Return a digest of the bytes of an array.

    Raises:
        InputError: if the bytes have changed, since JAX takes such an array for the one that it has already seen.
    """
    found = hashlib.sha256(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data).digest()
    known, before = _digests.get(id(array), (lambda: None, found))
    if known() is array and before != found:
        raise InputError(
            f"a NumPy array of shape {array.shape} that a function or object holds was changed in place, which JAX does"
            " not notice; make a new array, or pass it as an argument or in a field of an equinox.Module"
        )
    place = id(array)
    _digests[place] = weakref.ref(array, lambda _: _digests.pop(place, None)), found
    return found


def _hash_by_value(thing: Any) -> bool:
    if type(thing).__hash__ in (None, object.__hash__):
        return False
    try:
        hash(thing)
    except TypeError:
        return False
    return True


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # the cell is empty: the variable has not been assigned yet
        return None


def _attributes(thing: Any) -> dict[str, Any] | None:
    """Return the attributes by which an object is compared, or None if it is compared as a whole."""
    kind = type(thing)
    if dataclasses.is_dataclass(kind):
        return {field.name: getattr(thing, field.name, None) for field in dataclasses.fields(kind)}
    if kind.__hash__ is not None and (_is_installed(kind) or kind.__hash__ is not object.__hash__):
        return None
    slots = (name for base in kind.__mro__ for name in getattr(base, "__slots__", ()))
    return {**{name: getattr(thing, name, None) for name in slots}, **getattr(thing, "__dict__", {})} or None


def _function_in(member: Any) -> types.FunctionType | None:
    """Return the function inside a member of a class, which descriptors and equinox wrap."""
    for name in ("__func__", "fget", "func", "method"):
        member = getattr(member, name, member) if not isinstance(member, types.FunctionType) else member
    return member if isinstance(member, types.FunctionType) else None


@lru_cache(4096)
def _is_installed(thing: Any) -> bool:
    """Return whether a class or module is built in, or in an installed package."""
    module = sys.modules.get(thing.__module__) if isinstance(thing, type) else thing
    name, file = getattr(module, "__name__", ""), getattr(module, "__file__", None)
    return name in sys.builtin_module_names or (file is not None and file.startswith(_INSTALLED))


@lru_cache(4096)
def _globals_of(code: types.CodeType) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the names of the global variables that a function reads, each with all attribute names in the code."""
    if code.co_filename.startswith(_INSTALLED):
        return ()
    codes = [code]
    for outer in codes:
        codes += [constant for constant in outer.co_consts if isinstance(constant, types.CodeType)]
    read = {
        i.argval for inner in codes for i in dis.get_instructions(inner) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    }
    attributes = tuple(sorted({name for inner in codes for name in inner.co_names}))
    return tuple((name, attributes) for name in sorted(read))


@lru_cache(4096)
def changeable_parts(structure: Any) -> tuple[Any, ...]:
    """Return what a tree holds besides its leaves: classes defined by the user, and static fields that may change."""
    found: dict[int, Any] = {}
    nodes = [structure]
    for node in nodes:
        nodes += node.children()
        kind, fields = node.node_data() or (tuple, None)
        if not _is_installed(kind):
            found[id(kind)] = kind
        if isinstance(fields, tuple):
            found |= {id(field): field for field in fields if type(field) not in _LITERALS}
    return tuple(found.values())
