"""Results of experiments: metrics, the claims that they must satisfy, and the arrays for the figures."""

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np

from neuraxis import check
from neuraxis.errors import InputError

Relation = Literal["<=", "<", ">=", ">"]
_MOST = 10**9  # largest integer setting and number of steps: well within JAX's 32-bit integers
_SMALLEST, _LARGEST = 1e-12, 1e12
_KINDS = {int: int | np.integer, float: int | float | np.integer | np.floating, str: str}
_WORDS = {int: "an integer", float: "a number", str: "text"}
_HOLDS = {"<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt}


@dataclass(frozen=True)
class Claim:
    """A bound that a metric must satisfy, such as `Claim("accuracy", ">=", 0.98, quick=0.9)`."""

    metric: str
    relation: Relation
    bound: float  # at default settings
    quick: float | None = None  # at quick settings, if different

    def of_quick(self) -> "Claim":
        """Return the claim for a run at quick settings."""
        return Claim(self.metric, self.relation, self.bound if self.quick is None else self.quick)

    def holds(self, metrics: Mapping[str, float]) -> bool:
        """Return whether the metric satisfies the bound (NaN never does)."""
        return bool(_HOLDS[self.relation](metrics[self.metric], self.bound))


@dataclass(frozen=True)
class Result:
    """What `run(settings)` of an experiment returns and `plot(result)` draws."""

    metrics: dict[str, float]
    claims: tuple[Claim, ...]
    arrays: dict[str, Any] = field(default_factory=dict)  # whatever `plot` needs
    model: Any = None  # trained model, saved in the run folder
    data: str = ""  # description of the data


@dataclass(frozen=True)
class Session:
    """How to run an experiment, as opposed to its settings: for training that may be interrupted or distributed."""

    folder: Path | None = None  # folder of the checkpoints; None writes none
    resume: bool = False  # continue from the checkpoint in `folder`
    mesh: Any = None  # a `jax.sharding.Mesh` over whose axis "data" batches are sharded
    progress: bool = True  # show a progress bar

    def training(self, label: str, name: str = "checkpoint") -> dict[str, Any]:
        """Return the arguments of `fit` that this session determines: checkpoint, mesh and progress bar."""
        return {
            "checkpoint": self.folder / f"{name}.safetensors" if self.folder else None,
            "resume": self.resume,
            "mesh": self.mesh,
            "progress": label if self.progress else None,
        }


def check_settings(settings: Any) -> None:
    """Check that every setting has the type that its field declares, and numbers a magnitude that is safe to use.

    Integers must lie within ±10⁹, other numbers must be 0 or from 10⁻¹² to 10¹² in magnitude, so that their sums,
    products and squares can be represented in single precision. A `seed` must pass `check.seed`.

    Raises:
        InputError: for the first setting that does not; the message begins with its name.
    """
    kinds = get_type_hints(type(settings))
    for each in fields(settings):
        _check_setting(each.name, getattr(settings, each.name), kinds[each.name])


def _check_setting(name: str, value: Any, kind: Any) -> None:
    if get_origin(kind) is tuple:
        if not isinstance(value, tuple):
            raise InputError(f"{name} must be a tuple of values, but is {check.received(value)}")
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
    """Check that every value lies between `least` and `most`.

    Raises:
        InputError: if one does not; the message begins with its name.
    """
    for name, value in values.items():
        if not least <= value <= most:
            raise InputError(f"{name} must be between {least:g} and {most:g}, but is {check.received(value)}")


def check_steps(dt: int | float, least: int = 1, **lengths: int | float) -> None:
    """Check that every duration [ms] holds between `least` and 10⁹ steps of dt [ms].

    Raises:
        InputError: if one does not; the message begins with its name.
    """
    for name, length in lengths.items():
        if not least <= round(length / dt, 6) <= _MOST:
            raise InputError(
                f"{name} must be between {least:g} and {_MOST:g} steps of dt = {dt:g} ms, but is {length:g} ms"
            )


def check_some(**values: tuple[Any, ...]) -> None:
    """Check that no tuple of values is empty.

    Raises:
        InputError: if one is; the message begins with its name.
    """
    for name, value in values.items():
        if not value:
            raise InputError(f"{name} must name at least one value, but is empty")
