import dataclasses
import functools
import types

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from neuraxis.contents import changeable_parts, contents
from neuraxis.errors import InputError

factor = 1.0
table = np.ones(2)
settings = types.SimpleNamespace(rate=1.0)


def key(tree):
    leaves, structure = jax.tree.flatten(tree)
    return [contents(part) for part in (*leaves, *changeable_parts(structure))]


class Plain:
    shared = 1.0

    def __init__(self, tau):
        self.tau = tau

    def step(self, x):
        return x * self.tau * factor


class Slots:
    __slots__ = ("tau",)

    def __init__(self, tau):
        self.tau = tau


@dataclasses.dataclass(frozen=True)
class Frozen:
    weight: object


class Leak(eqx.Module):
    tau: float = 1.0
    name: object = eqx.field(static=True, default="leak")

    def step(self, x):
        return x * factor


def reads_a_global(x):
    return x * factor


def reads_through_another(x):
    return reads_a_global(x) + 1


def reads_an_array(x):
    return x * table


def reads_an_attribute(x):
    return x * settings.rate


def makes(kind):
    """Return a function that holds a list."""
    held = [kind]
    return held, lambda x: x * held[0]


def change_global(value):
    globals()["factor"] = value


held, holds_a_list = makes(1.0)
plain, slots = Plain(1.0), Slots(1.0)

# Each: something, and how to change what it holds or can reach, to a value and back.
CHANGES = {
    "a global": (reads_a_global, change_global),
    "a global of a function in a global": (reads_through_another, change_global),
    "an array in a global": (reads_an_array, lambda value: globals().__setitem__("table", np.full(2, value))),
    "an attribute of a global": (reads_an_attribute, lambda value: setattr(settings, "rate", value)),
    "a list in a closure": (holds_a_list, lambda value: held.__setitem__(0, value)),
    "an attribute": (plain, lambda value: setattr(plain, "tau", value)),
    "an attribute of the class": (plain, lambda value: setattr(Plain, "shared", value)),
    "a global of a method": (plain, change_global),
    "an attribute of the object of a method": (plain.step, lambda value: setattr(plain, "tau", value)),
    "an attribute in slots": (slots, lambda value: setattr(slots, "tau", value)),
    "an argument of a partial": (functools.partial(lambda a, x: a, held), lambda value: held.__setitem__(0, value)),
    "a global of a module's method": (Leak(), change_global),
    "a global of a function in a static field": (Leak(name=reads_a_global), change_global),
    "a global in a jax.custom_jvp": (jax.custom_jvp(reads_a_global), change_global),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_can_be_reached_counts(what):
    thing, change = CHANGES[what]
    before = key(thing)
    assert key(thing) == before
    change(5.0)
    try:
        assert key(thing) != before
    finally:
        change(1.0)
    assert key(thing) == before


def rate(value):
    return lambda t: value * t


@pytest.mark.parametrize(
    "make",
    [
        lambda value: optax.adam(value),
        lambda value: optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(optax.cosine_decay_schedule(value, 100))),
        lambda value: rate(value),
        lambda value: functools.partial(reads_a_global, value),
        lambda value: Plain(value),
        lambda value: Frozen(np.full(2, value)),
        lambda value: {"a": Plain([value, (1, {2, 3}, slice(value))])}["a"],
    ],
)
def test_what_is_made_in_the_same_way_is_the_same(make):
    assert key(make(0.5)) == key(make(0.5))
    assert list(map(hash, key(make(0.5)))) == list(map(hash, key(make(0.5))))
    assert key(make(0.5)) != key(make(0.25))


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, True), (0.0, -0.0), (1, 1.0), ((), []), (np.zeros(2), np.zeros((2, 1))), (jnp.sin, jnp.cos), ("1", b"1")],
)
def test_what_only_looks_alike_is_not_the_same(one, other):
    assert key(Frozen(one)) != key(Frozen(other))


def test_an_array_that_changes_in_place_is_refused():
    array = np.ones(3)
    thing = Frozen(array)
    key(thing)
    array[0] = 2.0
    with pytest.raises(InputError, match=r"array of shape \(3,\) .* was changed in place, which JAX does not notice"):
        key(thing)
    key(Frozen(array.copy()))


def test_nan_is_the_same_and_arrays_of_jax_are_themselves():
    x = jnp.ones(2)
    assert key(Frozen(float("nan"))) == key(Frozen(float("nan")))
    assert key(Frozen(x)) == key(Frozen(x)) != key(Frozen(x + 0))


def test_things_that_hold_themselves_come_to_an_end():
    def ring():
        one, two = Plain(None), Plain([])
        one.tau, two.tau = two, [one, two]
        return one

    assert key(ring()) == key(ring())


def test_a_long_chain_of_functions_that_share_each_other_is_short():
    functions = [lambda x: x]
    for _ in range(200):
        functions.append(lambda x, a=functions[-1], b=functions[-1]: a(x) + b(x))
    assert len(key(functions[-1])[0]) < 10_000
