"""The end of a step by a kernel must be that of JAX alone, to the last bit and in every way it is used."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from neuraxis import kernels
from neuraxis.neurons.synaptic_lif import CurrentLIF
from neuraxis.spiking import event_propagation, firing_kernel
from neuraxis.spiking.bits import unpack
from neuraxis.spiking.connections import connect
from neuraxis.spiking.firing_kernel import fire_and_propagate, has_kernel
from neuraxis.spiking.firing_rule import FiringRule, fire
from neuraxis.spiking.projection import Projection
from neuraxis.spiking.spiking_network import SpikingNetwork

SIZE, DT = 300, 0.1  # more than a block of the kernel, and no whole number of words
RNG = np.random.default_rng(0)
needs_kernel = pytest.mark.skipif(
    jax.default_backend() != "cpu" or not kernels.compiled("events", *firing_kernel._KERNELS.values()),
    reason="no C++ compiler, or no AVX2",
)


def connections(delay, seed=0):
    """Excitation and inhibition at random, and a neuron that reaches all others."""
    rng = np.random.default_rng(seed)
    parts = []
    for receptor, weight in enumerate((4.0, -5.0)):
        source, target = rng.integers(SIZE, size=(2, 10 * SIZE))
        source, target = np.append(source, np.full(SIZE, 7)), np.append(target, np.arange(SIZE))
        weights = weight * rng.uniform(0.5, 1.5, size=source.size)
        parts.append(
            Projection(source, target, weight=weights, delay=delay * rng.random(source.size), receptor=receptor)
        )
    return connect(*parts, size=SIZE, dt=DT)


def network(delay=0.0, **fields):
    return SpikingNetwork(CurrentLIF(**({"tau_s": (5.0, 10.0), "tau_ref": 2.03} | fields)), connections(delay))


def without_kernels(monkeypatch):
    for module in (event_propagation, firing_kernel):
        monkeypatch.setattr(module, "compiled", lambda *names: False)


def run(net, lead=(), steps=120, *, kernel):
    """Run under a drive that now and then makes all neurons fire at once; a new program for each call."""
    state = net.init_state((*lead, SIZE))
    state = state._replace(v=jnp.asarray(np.random.default_rng(3).random(state.v.shape), state.v.dtype))
    drive = jnp.asarray(1.2 + 1e4 * (np.arange(steps) % 50 == 20), state.v.dtype)

    def program(state, drive):
        def step(state, current):
            state, spikes = net.step(state, current, DT)
            return state, (state.v, state.charge, state.refractory, state.fired, spikes)

        return lax.scan(step, state, drive)[1]

    assert ("neuraxis_fire" in str(jax.make_jaxpr(program)(state, drive))) == kernel
    return [np.asarray(x) for x in jax.jit(program)(state, drive)]


def test_the_rule_by_hand():
    moved, v = jnp.asarray([0.75, 1.0, 5.0, 5.0, jnp.nan]), jnp.asarray([0.0, 0.0, 0.5, 0.5, 0.0])
    after, refractory, fired = fire(moved, v, jnp.asarray([0, 0, 2, 0, 0], jnp.int32), FiringRule(1.0, -1.0, 20))
    np.testing.assert_array_equal(after, [0.75, -1.0, 0.5, -1.0, np.nan])
    np.testing.assert_array_equal(refractory, [0, 20, 1, 20, 0])
    np.testing.assert_array_equal(fired, [False, True, False, True, False])


@needs_kernel
@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize(
    ("lead", "delay", "one_each"), [((), 0.0, False), ((3,), 0.9, False), ((), 0.9, True), ((2, 2), 0.0, True)]
)
def test_the_kernel_is_what_jax_does_to_the_last_bit(lead, delay, one_each, double):
    with jax.enable_x64(double):
        table = connections(delay)
        shape = (*lead, table.depth, 2, SIZE) if table.depth > 1 else (*lead, 2, SIZE)
        spread = (lambda x: jnp.asarray(x * RNG.uniform(0.5, 1.5, SIZE))) if one_each else float
        rule = FiringRule(spread(1.0), spread(-1.0), jnp.asarray(spread(20.0), jnp.int32))
        numbers = jnp.result_type(float)
        start = jnp.int32(table.depth - 1)
        ways = {}
        for way in (firing_kernel._by_kernel, firing_kernel._by_jax):
            ways[way] = jax.jit(lambda *x, way=way: way(*x[:3], *firing_kernel._parts(rule, x[1]), *x[3:]))
        for top in (0.4, 1.5, 1e3):  # none fire, some, and all that are not held
            moved, v = ((top * RNG.uniform(0.9, 1.1, (*lead, SIZE))).astype(numbers) for _ in range(2))
            moved[..., ::7] = np.broadcast_to(rule.threshold, moved.shape)[..., ::7]
            moved[..., 5] = np.nan
            refractory = RNG.integers(3, size=v.shape, dtype=np.int32)
            buffer = RNG.normal(size=shape).astype(numbers)
            given = moved, v, refractory, buffer, *table.table(numbers), start
            for found, expected in zip(*(way(*given) for way in ways.values()), strict=True):
                assert found.dtype == expected.dtype
                np.testing.assert_array_equal(found, expected)


@needs_kernel
@pytest.mark.parametrize(("lead", "delay"), [((), 0.0), ((), 1.3), ((2,), 1.3)])
def test_networks_fire_the_same_spikes_without_a_compiler(lead, delay, monkeypatch):
    net = network(delay)
    found = run(net, lead, kernel=True)
    assert found[-1].mean() > 0.01
    assert (found[-1].sum(-1) > 0.9 * SIZE).any()
    with monkeypatch.context() as patch:
        without_kernels(patch)
        expected = run(net, lead, kernel=False)
    np.testing.assert_array_equal(found[-1], expected[-1])
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(unpack(found[3]), np.nonzero(found[-1]))


def test_refractory_periods_are_rounded_to_whole_steps():
    """2.03 ms and 2.07 ms are 20 and 21 steps: the time from a spike to the next, where the drive lasts."""
    net = SpikingNetwork(CurrentLIF(tau_ref=np.where(np.arange(SIZE) % 2, 2.07, 2.03)), connect(size=SIZE))
    state, times = net.init_state(), []
    step = jax.jit(lambda state: net.step(state, 1e5, DT))
    for k in range(50):
        state, spikes = step(state)
        times += [(k, *spikes[:2].tolist())] if spikes.any() else []
    np.testing.assert_array_equal([k for k, even, _ in times if even], [0, 21, 42])
    np.testing.assert_array_equal([k for k, _, odd in times if odd], [0, 22, 44])


def values(table, seed=1):
    rng = np.random.default_rng(seed)
    v = jnp.asarray(rng.uniform(0.5, 1.5, SIZE), jnp.float32)
    charge = jnp.asarray(rng.normal(size=(2, SIZE)), jnp.float32)
    return v, jnp.asarray(rng.integers(2, size=SIZE), jnp.int32), charge, table.table(jnp.float32)


@needs_kernel
def test_batches_of_states_rules_and_weights_are_one_after_another():
    v, refractory, charge, table = values(connections(0.0))
    factors = jnp.asarray([1.0, 0.6, -2.0])
    states = lambda f: (f * v, v, refractory, FiringRule(1.0, 0.0, jnp.int32(9)), charge, table, jnp.int32(0))
    rules = lambda f: (v, v, refractory, FiringRule(f, -f, jnp.int32(9)), charge, table, jnp.int32(0))
    one_each = lambda f: (v, f * v, refractory, FiringRule(f, v - 3, jnp.int32(9)), charge, table, jnp.int32(0))
    weights = lambda f: (*states(1.0)[:5], table._replace(weights=f * table.weights), jnp.int32(0))
    for given in (states, rules, one_each, weights):
        found = jax.jit(jax.vmap(lambda f, g=given: fire_and_propagate(*g(f))))(factors)
        for k, factor in enumerate(factors):
            for a, b in zip(found, fire_and_propagate(*given(factor)), strict=True):
                np.testing.assert_array_equal(a[k], b)


@needs_kernel
@pytest.mark.parametrize("batch", [False, True])
def test_derivatives_are_those_of_jax_alone(batch):
    v, refractory, charge, table = values(connections(0.0))
    target = jnp.asarray(RNG.normal(size=charge.shape), jnp.float32)

    def loss(way):
        def value(moved, v, reset, charge, weights):
            own = table._replace(weights=weights)
            parts = jnp.asarray(1.0), reset, jnp.int32(9)
            after, _, arrived, _ = way(moved, v, refractory, *parts, charge, *own, jnp.int32(0))
            return (after**2).sum() + ((arrived - target) ** 2).sum()

        return jax.grad(value, argnums=(0, 1, 2, 3, 4))

    given = 1.1 * v, v, jnp.asarray(0.3), charge, table.weights
    ways = [loss(firing_kernel._ended), loss(firing_kernel._by_jax)]
    if batch:
        given = 1.1 * jnp.stack([v, -v]), *given[1:]
        ways = [jax.vmap(way, (0, None, None, None, None)) for way in ways]
    found, expected = (jax.jit(way)(*given) for way in ways)
    for a, b in zip(found, expected, strict=True):
        assert np.any(np.asarray(b) != 0)
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_connections_with_a_delivery_of_their_own_are_left_to_it():
    whole = connections(0.0)

    class Losing(type(whole)):
        def deliver(self, pending, spikes, start):
            return super().deliver(pending, spikes.at[7].set(0), start)

    losing = Losing(*(getattr(whole, f.name) for f in dataclasses.fields(whole)))
    arrived = []
    for own in (whole, losing):
        net = SpikingNetwork(CurrentLIF(tau_s=(5.0, 10.0)), own)
        state = net.init_state()
        step = jax.jit(lambda state, net=net: net.step(state, None, DT)[0].charge)
        arrived.append(step(state._replace(v=state.v.at[7].set(2.0))))
    assert np.all(arrived[0] != 0)
    assert not np.any(arrived[1])


def test_numbers_of_another_kind_go_without_the_kernel():
    v, refractory, charge, _ = values(connections(0.0))
    with jax.enable_x64(True):
        for change in ({"rule": FiringRule(jnp.ones(SIZE), 0.0, 9)}, {"moved": v.astype(float)}, {"v": v[:5]}):
            given = {"moved": v, "v": v, "refractory": refractory, "rule": FiringRule(1.0, 0.0, 9), "buffer": charge}
            assert not has_kernel(**(given | change))
