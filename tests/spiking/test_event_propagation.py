import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuraxis.spiking import event_propagation, kernels
from neuraxis.spiking.event_propagation import NOWHERE, pack, propagate, unpack


def network(neurons, fan_out, depth, size, seed, shared=False):
    """A random table with padded rows, and the same as a full matrix (neuron, depth · size)."""
    rng = np.random.default_rng(seed)
    addresses = rng.integers(depth * size, size=(neurons, fan_out)).astype(np.int32)
    addresses[rng.random((neurons, fan_out)) < 0.2] = NOWHERE
    weights = rng.normal(size=(neurons, 1 if shared else fan_out)).astype(np.float32)
    matrix = np.zeros((neurons, depth * size))
    there = addresses < NOWHERE
    rows = np.broadcast_to(np.arange(neurons)[:, None], addresses.shape)
    np.add.at(matrix, (rows[there], addresses[there]), np.broadcast_to(weights, addresses.shape)[there])
    return jnp.asarray(weights), jnp.asarray(addresses), matrix, rng


def expected(buffer, spikes, matrix, start):
    """The same by a full product, with the ring of slots turned by `start`."""
    depth, size = buffer.shape[-2:]
    arriving = (spikes @ matrix).reshape(*spikes.shape[:-1], depth, size)
    return buffer + np.roll(arriving, start, axis=-2)


@given(
    neurons=st.sampled_from([1, 5, 32, 70, 1100]),
    share=st.sampled_from([0.0, 0.02, 0.5, 1.0]),
    depth=st.integers(1, 4),
    lead=st.sampled_from([(), (3,), (2, 2)]),
    shared=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=12, deadline=None)
def test_no_event_is_lost(neurons, share, depth, lead, shared, seed):
    weights, addresses, matrix, rng = network(neurons, 4, depth, 7, seed, shared)
    spikes = (rng.random((*lead, neurons)) < share).astype(np.float32)
    buffer = rng.normal(size=(*lead, depth, 7)).astype(np.float32)
    start = int(rng.integers(depth))
    found = propagate(jnp.asarray(buffer), jnp.asarray(spikes), weights, addresses, jnp.asarray(start, jnp.int32))
    np.testing.assert_allclose(found, expected(buffer, spikes, matrix, start), atol=3e-4)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="the kernel is for CPUs")
@pytest.mark.skipif(not kernels.compiled("propagate", *event_propagation._KERNELS.values()), reason="no C++ compiler")
@given(
    neurons=st.sampled_from([1, 33, 1100]),
    share=st.sampled_from([0.0, 0.1, 1.0]),
    depth=st.integers(1, 3),
    copies=st.integers(1, 2),
    shared=st.booleans(),
    double=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=8, deadline=None)
def test_the_kernel_equals_the_loop_to_the_last_bit(neurons, share, depth, copies, shared, double, seed):
    weights, addresses, _, rng = network(neurons, 4, depth, 7, seed, shared)
    with jax.enable_x64(double):
        flags = jnp.asarray(rng.random(copies * neurons) < share)
        buffer = jnp.asarray(rng.normal(size=(copies, depth, 7)), float)
        start = jnp.asarray(rng.integers(depth), jnp.int32)
        arguments = buffer, pack(flags), jnp.asarray(np.asarray(weights), float), addresses, start
        found = jax.jit(event_propagation._by_kernel)(*arguments)
        assert found.dtype == (np.float64 if double else np.float32)
        np.testing.assert_array_equal(found, jax.jit(event_propagation._by_loop)(*arguments))


@given(
    neurons=st.sampled_from([1, 40, 1100]),
    share=st.sampled_from([0.0, 0.02, 1.0]),
    depth=st.integers(1, 3),
    copies=st.integers(1, 3),
    seed=st.integers(0, 99),
)
@settings(max_examples=8, deadline=None)
def test_without_a_kernel_no_event_is_lost_either(neurons, share, depth, copies, seed):
    weights, addresses, matrix, rng = network(neurons, 3, depth, 5, seed)
    spikes = (rng.random((copies, neurons)) < share).astype(np.float32)
    start = int(rng.integers(depth))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_propagation, "compiled", lambda *names: False)
        buffer = jnp.zeros((copies, depth, 5))
        found = propagate(buffer, jnp.asarray(spikes), weights, addresses, jnp.asarray(start, jnp.int32))
    np.testing.assert_allclose(found, expected(np.zeros((copies, depth, 5)), spikes, matrix, start), atol=3e-4)


def test_vmap_is_a_leading_axis():
    weights, addresses, matrix, rng = network(40, 3, 3, 5, 0)
    spikes = (rng.random((4, 40)) < 0.3).astype(np.float32)
    buffer = jnp.zeros((3, 5))
    start = jnp.int32(2)
    found = jax.jit(jax.vmap(lambda s: propagate(buffer, s, weights, addresses, start)))(spikes)
    np.testing.assert_array_equal(
        found, propagate(jnp.zeros((4, 3, 5)), jnp.asarray(spikes), weights, addresses, start)
    )
    np.testing.assert_allclose(found, expected(np.zeros((4, 3, 5)), spikes, matrix, 2), atol=1e-5)


def test_vmap_over_networks_that_differ():
    weights, addresses, matrix, rng = network(40, 3, 2, 5, 0)
    spikes = (rng.random((2, 40)) < 0.3).astype(np.float32)
    scale, starts = jnp.asarray([1.0, -2.0]), jnp.asarray([0, 1], jnp.int32)
    run = lambda spikes, factor, start: propagate(jnp.zeros((2, 5)), spikes, factor * weights, addresses, start)
    found = jax.vmap(run)(jnp.asarray(spikes), scale, starts)
    for k in range(2):
        wanted = expected(np.zeros((2, 5)), spikes[k], scale[k] * matrix, int(starts[k]))
        np.testing.assert_allclose(found[k], wanted, atol=1e-5)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("lead", [(), (3,)])
def test_gradients_are_those_of_the_product(shared, lead):
    weights, addresses, _, rng = network(30, 3, 2, 6, 1, shared)
    spikes = jnp.asarray((rng.random((*lead, 30)) < 0.4).astype(np.float32))
    buffer, target = jnp.asarray(rng.normal(size=(2, *lead, 2, 6)).astype(np.float32))
    start = jnp.int32(1)

    def by_events(buffer, spikes, weights):
        return ((propagate(buffer, spikes, weights, addresses, start) - target) ** 2).sum()

    def by_product(buffer, spikes, weights):
        entries = jnp.where(addresses < NOWHERE, jnp.broadcast_to(weights, addresses.shape), 0)
        matrix = jnp.zeros((30, 12)).at[jnp.arange(30)[:, None], addresses].add(entries, mode="drop")
        arriving = jnp.roll((spikes @ matrix).reshape(*lead, 2, 6), 1, axis=-2)
        return ((buffer + arriving - target) ** 2).sum()

    found = jax.grad(by_events, argnums=(0, 1, 2))(buffer, spikes, weights)
    wanted = jax.grad(by_product, argnums=(0, 1, 2))(buffer, spikes, weights)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), found, wanted)


@given(shape=st.sampled_from([(1,), (31,), (32,), (5, 33), (4, 2, 100)]), seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_packed_flags_are_unpacked(shape, seed):
    flags = np.random.default_rng(seed).random(shape) < 0.3
    words = pack(jnp.asarray(flags))
    assert words.shape == (*shape[:-1], -(-shape[-1] // 32))
    for found, wanted in zip(unpack(np.asarray(words)), np.nonzero(flags), strict=True):
        np.testing.assert_array_equal(found, wanted)
