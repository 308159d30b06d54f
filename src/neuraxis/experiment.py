"""What every experiment gives back: numbers, the claims they must meet, and the arrays its figures are drawn from."""

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np

from neuraxis import check
from neuraxis.errors import InputError

Relation = Literal["<=", "<", ">=", ">"]
_MOST = 10**9  # of whatever is counted: well within the 32 bits with which JAX counts
_SMALLEST, _LARGEST = 1e-12, 1e12
_KINDS = {int: int | np.integer, float: int | float | np.integer | np.floating, str: str}
_WORDS = {int: "an integer", float: "a number", str: "text"}
_HOLDS = {"<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt}


@dataclass(frozen=True)
class Claim:
    """A bound that a metric must keep, such as `Claim("accuracy", ">=", 0.98, quick=0.9)`."""

    metric: str
    relation: Relation
    bound: float  # of a run at default settings
    quick: float | None = None  # of a run at quick settings, where it differs

    def of_quick(self) -> "Claim":
        """Return what is claimed of a run at quick settings."""
        return Claim(self.metric, self.relation, self.bound if self.quick is None else self.quick)

    def holds(self, metrics: Mapping[str, float]) -> bool:
        """Tell whether the metric keeps the bound (NaN never does)."""
        return bool(_HOLDS[self.relation](metrics[self.metric], self.bound))


@dataclass(frozen=True)
class Result:
    """What `run(settings)` of an experiment returns and `plot(result)` draws."""

    metrics: dict[str, float]
    claims: tuple[Claim, ...]
    arrays: dict[str, Any] = field(default_factory=dict)  # whatever `plot` needs
    model: Any = None  # what was trained, saved into the run folder
    data: str = ""  # the data that were used, in words


@dataclass(frozen=True)
class Session:
    """How to run, as against what: for experiments that train long enough to be interrupted or shared out."""

    folder: Path | None = None  # where checkpoints go; None keeps none
    resume: bool = False  # go on from the checkpoint in `folder`
    mesh: Any = None  # a `jax.sharding.Mesh` over whose axis "data" batches are sharded
    progress: bool = True  # show a progress bar

    def training(self, label: str, name: str = "checkpoint") -> dict[str, Any]:
        """Return the arguments of `fit` that follow from this session: its checkpoint, mesh and progress bar."""
        return {
            "checkpoint": self.folder / f"{name}.safetensors" if self.folder else None,
            "resume": self.resume,
            "mesh": self.mesh,
            "progress": label if self.progress else None,
        }


def check_settings(settings: Any) -> None:
    """Check that every setting is of the type that its field declares, and a number that can be calculated with.

    Whole numbers lie within ±10⁹, others are 0 or from 10⁻¹² to 10¹² in size, so that sums, products and squares of
    them can be had in single precision. A `seed` is one as `check.seed` has it.

    Raises:
        InputError: for the first that is not; the message begins with the setting's name.
    """
    kinds = get_type_hints(type(settings))
    for each in fields(settings):
        _check_setting(each.name, getattr(settings, each.name), kinds[each.name])


def _check_setting(name: str, value: Any, kind: Any) -> None:
    if get_origin(kind) is tuple:
        if not isinstance(value, tuple):
            raise InputError(f"{name} must be several values, as a tuple, but is {check.received(value)}")
        for entry in value:
            _check_setting(name, entry, get_args(kind)[0])
    elif get_origin(kind) is Literal:
        if not isinstance(value, str) or value not in get_args(kind):
            raise InputError(f"{name} must be one of {', '.join(get_args(kind))}, but is {check.received(value)}")
    elif isinstance(value, bool) or not isinstance(value, _KINDS[kind]):
        raise InputError(f"{name} must be {_WORDS[kind]}, but is {check.received(value)}")
    elif kind is str:
        pass
    elif kind is float:
        if not (value == 0 or _SMALLEST <= abs(value) <= _LARGEST):
            raise InputError(f"{name} must be 0 or between 1e-12 and 1e12 in magnitude, but is {check.received(value)}")
    elif name == "seed":
        check.seed(value)
    elif abs(value) > _MOST:
        raise InputError(f"{name} must be at most 1e9 in magnitude, but is {check.received(value)}")


def check_range(least: int | float, most: int | float, **values: int | float) -> None:
    """Check that every value lies from `least` to `most`.

    Raises:
        InputError: where one does not; the message begins with its name.
    """
    for name, value in values.items():
        if not least <= value <= most:
            raise InputError(f"{name} must be between {least:g} and {most:g}, but is {check.received(value)}")


def check_steps(dt: int | float, least: int = 1, **lengths: int | float) -> None:
    """Check that every length of time holds at least `least` steps of dt, and no more than can be waited for.

    Raises:
        InputError: where one does not; the message begins with its name.
    """
    for name, length in lengths.items():
        if not least <= round(length / dt, 6) <= _MOST:
            raise InputError(
                f"{name} must be between {least:g} and {_MOST:g} steps of dt = {dt:g} ms, but is {length:g} ms"
            )


def check_some(**values: tuple[Any, ...]) -> None:
    """Check that no setting of several values is empty.

    Raises:
        InputError: where one is; the message begins with its name.
    """
    for name, value in values.items():
        if not value:
            raise InputError(f"{name} must name at least one value, but is empty")
