"""What every experiment must have, so that the command line, the report and the documentation can use it."""

import dataclasses
import inspect

import pytest

from neuraxis import experiments
from neuraxis.errors import InputError


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
