"""What every experiment must have, so that the command line, the report and the documentation can use it."""

import contextlib
import dataclasses
import inspect
from typing import Literal
from xml.etree import ElementTree

import jax
import pytest

from neuraxis import experiments
from neuraxis.app import runs
from neuraxis.errors import InputError
from neuraxis.experiment import check_settings, check_steps


@pytest.fixture(params=experiments.names())
def module(request):
    return experiments.load(request.param)


def test_has_its_parts(module):
    assert dataclasses.is_dataclass(module.Settings)
    assert module.Settings.__dataclass_params__.frozen
    assert isinstance(module.QUICK, module.Settings)
    assert 0 < module.QUICK.memory() <= module.Settings().memory() < 2e9  # fits into a small machine
    assert next(iter(inspect.signature(module.run).parameters)) == "settings"
    assert list(inspect.signature(module.plot).parameters) == ["result"]


def test_has_equations(module):
    formulas = runs.equations(module)
    assert formulas
    for formula in formulas:
        assert "\\" not in formula, "a command that the converter does not know"
        ElementTree.fromstring(formula)


def test_every_setting_is_explained(module):
    source = inspect.getsource(module.Settings)
    for field in dataclasses.fields(module.Settings):
        after = source.partition(f"    {field.name}:")[2].partition("\n")[2].lstrip()
        assert after.startswith('"""'), field.name


def test_the_summary_needs_no_import(module):
    name = module.__name__.rpartition(".")[2].replace("_", "-")
    assert experiments.summary(name) == inspect.getdoc(module).partition("\n")[0]


def test_an_unknown_name_is_refused():
    with pytest.raises(InputError, match="unknown experiment 'hopfeld'; did you mean 'hopfield'"):
        experiments.load("hopfeld")


@dataclasses.dataclass(frozen=True)
class Made:
    count: int = 1
    size: float = 1.0
    sizes: tuple[int, ...] = (1,)
    kind: Literal["a", "b"] = "a"
    seed: int = 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"count": 1.0}, "^count must be an integer, but is 1.0$"),
        ({"count": True}, "^count must be an integer, but is True$"),
        ({"count": 10**9 + 1}, "^count must be at most 1e9 in magnitude, but is 1000000001$"),
        ({"size": "1"}, "^size must be a number, but is '1'$"),
        ({"size": None}, "^size must be a number, but is None$"),
        ({"size": float("nan")}, "^size must be 0 or between 1e-12 and 1e12 in magnitude, but is nan$"),
        ({"size": 10**400}, "^size must be 0 or between 1e-12 and 1e12 in magnitude, but is 10"),
        ({"sizes": [1]}, r"^sizes must be a tuple of values, but is the list \[1\]|\[1\]$"),
        ({"sizes": (1, "2")}, "^sizes must be an integer, but is '2'$"),
        ({"kind": "c"}, "^kind must be one of a, b, but is 'c'$"),
        ({"kind": ["a"]}, "^kind must be one of a, b, but is"),
        ({"seed": -1}, "^seed must be an integer from 0 to 2³² − 1, but is -1$"),
        ({"seed": 2**32}, "^seed must be an integer from 0 to 2³² − 1, but is 4294967296$"),
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_is_named(as_user, settings, message):
    with pytest.raises(InputError, match=message):
        check_settings(Made(**settings))


def test_settings_that_can_be():
    for settings in ({}, {"size": 3}, {"size": -1e-12}, {"size": 0}, {"sizes": ()}, {"seed": 2**32 - 1}, {"kind": "b"}):
        check_settings(Made(**settings))


def test_the_largest_seed_is_the_last_that_differs():
    assert jax.random.key(2**32 - 1) != jax.random.key(0)
    assert jax.random.key(2**32) == jax.random.key(0)  # which is why it is refused


@pytest.mark.parametrize(("duration", "holds"), [(0.3, True), (0.1, True), (0.09, False), (1e9, False)])
def test_lengths_hold_steps(duration, holds):
    refused = pytest.raises(InputError, match=r"^duration must be between 1 and 1e\+09 steps of dt = 0.1 ms")
    with contextlib.nullcontext() if holds else refused:
        check_steps(0.1, duration=duration)
