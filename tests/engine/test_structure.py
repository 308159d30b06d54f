import dataclasses
import functools
import json
import sys
from collections import namedtuple
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import structure
from neuraxis.errors import CheckpointError
from neuraxis.feedforward import MLP
from neuraxis.functions import activations
from neuraxis.functions.surrogates import Arctan

Pair = namedtuple("Pair", "first second")


class Net(eqx.Module):
    weight: Any
    function: Any
    size: Any = eqx.field(static=True, default=3)


def own_activation(x):
    return x


def again(tree, own=()):
    """Write down and read as a file does."""
    return structure.rebuild(json.loads(json.dumps(structure.describe(tree))), own)


@pytest.mark.parametrize(
    "tree",
    [
        None,
        [],
        {1: None, 3: ({"b": []},)},
        Pair(None, [None]),
        Net(None, jnp.tanh, size=(1, "same", None, 2.5, True)),
        Net(None, jax.nn.relu, size={"nested": [Arctan(3.0), activations.relu, np.dtype("float32")]}),
        Net(Net(None, np.tanh), jax.nn.gelu, size=Net),
        Net(None, jnp.add, size=Pair(1, float("inf"))),
        Net(None, activations.softmax),
    ],
)
def test_what_is_no_leaf_comes_back(tree):
    made = again(tree)
    assert made == tree
    assert jax.tree.structure(made) == jax.tree.structure(tree)


def test_leaves_are_marked_by_their_kind():
    tree = [jnp.ones(2), np.ones(2), np.float32(1), 1.0, True, "text", 1j, np.float64(1)]
    kinds = ["jax", "numpy", "scalar", "plain", "plain", "plain", "plain", "plain"]
    assert again(tree) == [structure.Leaf(kind) for kind in kinds]


def test_a_function_with_arguments_comes_back():
    function = again(functools.partial(jax.nn.leaky_relu, negative_slope=0.25))
    assert function.func is jax.nn.leaky_relu
    assert function.keywords == {"negative_slope": 0.25}


def test_public_names_are_written():
    described = structure.describe(MLP((2, 3), key=jax.random.key(0), activation=jax.nn.silu))
    assert described["class"] == "neuraxis.feedforward:MLP"
    assert described["fields"]["activation"] == {"function": "jax.nn:silu"}


def test_what_one_owns_is_handed_over():
    class Local(eqx.Module):
        function: Any

    with pytest.raises(CheckpointError, match=r"the model\.function is the function \S+:own_activation, which"):
        again(Net(1.0, own_activation))
    assert again(Net(1.0, own_activation), own=[own_activation]).function is own_activation
    nameless = lambda x: x
    with pytest.raises(CheckpointError, match=r"Local, which was not found: import it first, or list it in own="):
        again(Local(None))
    made = again(Local(nameless), own=[Local, nameless])
    assert type(made) is Local
    assert made.function is nameless
    with pytest.raises(CheckpointError, match=r"the model\[0\]\.function is a object, which cannot be found"):
        again([Net(1.0, object())])


@dataclasses.dataclass
class Odd:
    inside: Any = None
    __module__ = 3


def test_anything_can_be_written_down():
    for odd in (Odd(), Odd, object(), {object(): 1}, [lambda: 0], set(), b"bytes", jax.devices()[0], sys):
        described = structure.describe(Net(odd, odd, size=odd))
        json.dumps(described)
        with pytest.raises(CheckpointError, match=r"the model\.\w+"):
            structure.rebuild(described)
    odd = Odd()
    odd.inside = odd
    Odd.__module__ = __name__
    assert structure.describe(Net(1, odd)) == {"unknown": "a structure without an end"}


CALLED = []


class Trap(eqx.Module):
    command: str

    def __init__(self, command):
        CALLED.append(command)

    def __check_init__(self):
        CALLED.append("checked")


@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "posix:system",
        "builtins:eval",
        "subprocess:run",
        "pickle:loads",
        "jax.numpy:save",
        "jax.numpy:load",
        "numpy:load",
        "jax:pure_callback",
        "neuraxis.files:write_atomically",
        "neuraxis.engine.checkpoint:save",
        "neuraxis.engine.checkpoint:os.system",
        "neuraxis.kernels.build:subprocess.run",
        "neuraxis.app.cli:main",
        "neuraxis.__main__:main",
        "neuraxis:__getattr__",
        "neuraxis.layers:Linear.__init__.__globals__",
        ":",
        "",
    ],
)
def test_no_function_of_a_file_can_do_anything_but_calculate(name):
    for described in ({"function": name}, {"partial": {"function": name}, "args": {"tuple": ["x"]}, "keywords": {}}):
        with pytest.raises(CheckpointError, match="the model is "):
            structure.rebuild(described)
    with pytest.raises(CheckpointError, match=r"the model is (of )?\S*,? which"):
        structure.rebuild({"class": name, "fields": {}})


def test_no_module_is_imported_but_those_of_models():
    before = set(sys.modules)
    for home in ("antigravity", "this", "neuraxis.experiments.lif", "neuraxis.__main__"):
        with pytest.raises(CheckpointError, match="was not found"):
            structure.rebuild({"class": f"{home}:Anything", "fields": {}})
        assert set(sys.modules) == before
    with pytest.raises(CheckpointError, match="a CartPole, lacks the field"):
        structure.rebuild({"class": "neuraxis.reinforcement:CartPole", "fields": {}})


def test_classes_are_not_called():
    made = structure.rebuild({"class": f"{__name__}:Trap", "fields": {"command": "delete everything"}}, own=[Trap])
    assert made.command == "delete everything"
    assert CALLED == []


@pytest.mark.parametrize(
    ("described", "message"),
    [
        ({"class": "neuraxis.layers:Dropout", "fields": {"rate": 0.5}}, "a Dropout, lacks the field 'inference'"),
        (
            {"class": "neuraxis.layers:Dropout", "fields": {"rate": 0.5, "inference": True, "more": 1}},
            "a Dropout, has no field 'more': it was saved by another version",
        ),
        ({"class": "neuraxis.layers.gone:Layer", "fields": {}}, "is of neuraxis.layers.gone, which this version"),
        ({"class": "neuraxis.layers:Gone", "fields": {}}, "neuraxis.layers:Gone, which was not found"),
        ({"class": "fractions:Fraction", "fields": {}}, "which is neither an equinox.Module nor a named tuple"),
        ({"new": 1}, "is described in a way unknown to"),
    ],
)
def test_what_this_version_does_not_have_is_said(described, message):
    with pytest.raises(CheckpointError, match=message):
        structure.rebuild(described)
