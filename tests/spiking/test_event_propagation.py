import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuraxis import kernels
from neuraxis.errors import InputError
from neuraxis.spiking import event_paths, event_propagation
from neuraxis.spiking.bits import pack
from neuraxis.spiking.event_propagation import Table, propagate

COMPILED = kernels.compiled("events", *event_paths.KERNELS.values())
PATHS = (event_paths.by_kernel, event_paths.by_loop, event_paths.at_once, event_paths.by_list)


def network(neurons, fan_out, depth, size, seed, hub=0):
    """A random table of connections, many of one neuron, and the same as a matrix (neuron, depth · size)."""
    rng = np.random.default_rng(seed)
    fan_outs = rng.integers(fan_out + 1, size=neurons)
    fan_outs[rng.integers(neurons)] += 1 + hub
    sources = np.repeat(np.arange(neurons), fan_outs)
    addresses = rng.integers(depth * size, size=len(sources))
    weights = rng.normal(size=len(sources)).astype(np.float32)
    matrix = np.zeros((neurons, depth * size))
    np.add.at(matrix, (sources, addresses), weights)
    offsets = np.concatenate([[0], np.cumsum(fan_outs)])
    indices = (jnp.asarray(x, jnp.int32) for x in (addresses, sources, offsets))
    return Table(jnp.asarray(weights), *indices), matrix, rng


def expected(buffer, spikes, matrix, start):
    """The same by a full product, with the ring of slots turned by `start`."""
    depth, size = buffer.shape[-2:]
    arriving = (spikes @ matrix).reshape(*spikes.shape[:-1], depth, size)
    return buffer + np.roll(arriving, start, axis=-2)


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.__name__)
def test_no_path_loses_an_event(path, copies, monkeypatch):
    if path is event_paths.by_kernel and not COMPILED:
        pytest.skip("no C++ compiler")
    # So that 300 neurons fill many windows and lists.
    monkeypatch.setattr(event_paths, "_WINDOW", 16)
    monkeypatch.setattr(event_paths, "_LIST", 64)
    table, matrix, rng = network(300, 4, 3, 7, seed=1, hub=100)
    compiled = jax.jit(path)
    for share in (0.0, 0.02, 0.5, 1.0):  # up to a burst of all neurons
        spikes = rng.random((copies, 300)) < share
        buffer = rng.normal(size=(copies, 3, 7)).astype(np.float32)
        words = pack(jnp.asarray(spikes))
        for start in (0, 2):
            found = compiled(jnp.asarray(buffer), words, jnp.asarray(spikes), table, jnp.int32(start))
            np.testing.assert_allclose(found, expected(buffer, spikes, matrix, start), atol=1e-4)


def test_a_table_may_have_fewer_connections_than_a_window():
    table, matrix, _ = network(3, 1, 1, 5, seed=0)
    for path in PATHS[1:]:
        spikes = np.ones((1, 3), bool)
        arguments = jnp.zeros((1, 1, 5)), pack(jnp.asarray(spikes)), jnp.asarray(spikes), table, jnp.int32(0)
        np.testing.assert_allclose(path(*arguments), expected(np.zeros((1, 1, 5)), spikes, matrix, 0), atol=1e-6)


@given(
    neurons=st.sampled_from([1, 70, 1100]),
    share=st.sampled_from([0.0, 0.02, 1.0]),
    depth=st.integers(1, 4),
    lead=st.sampled_from([(), (3,), (2, 2)]),
    seed=st.integers(0, 99),
)
@settings(max_examples=8, deadline=None)
def test_events_are_a_product(neurons, share, depth, lead, seed):
    table, matrix, rng = network(neurons, 4, depth, 7, seed)
    spikes = (rng.random((*lead, neurons)) < share).astype(np.float32)
    buffer = rng.normal(size=(*lead, depth, 7)).astype(np.float32)
    start = int(rng.integers(depth))
    found = jax.jit(propagate)(buffer, spikes, table, jnp.int32(start))
    np.testing.assert_allclose(found, expected(buffer, spikes, matrix, start), atol=3e-4)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="the kernel is for CPUs")
@pytest.mark.skipif(not COMPILED, reason="no C++ compiler")
@pytest.mark.parametrize("double", [False, True])
def test_the_kernel_equals_the_loop_to_the_last_bit(double):
    table, _, rng = network(1100, 4, 3, 7, seed=5, hub=300)
    with jax.enable_x64(double):
        table = table._replace(weights=jnp.asarray(np.asarray(table.weights), float))
        flags = jnp.asarray(rng.random((2, 1100)) < 0.3)
        buffer, start = jnp.asarray(rng.normal(size=(2, 3, 7)), float), jnp.asarray(1, jnp.int32)
        arguments = buffer, pack(flags), flags, table, start
        found = jax.jit(event_paths.by_kernel)(*arguments)
        assert found.dtype == (np.float64 if double else np.float32)
        np.testing.assert_array_equal(found, jax.jit(event_paths.by_loop)(*arguments))


@pytest.mark.parametrize("most", [0, 10**6])
def test_without_a_kernel_and_on_other_devices_all_is_the_same(most, monkeypatch):
    table, matrix, rng = network(40, 3, 2, 5, seed=2)
    spikes = (rng.random((2, 40)) < 0.5).astype(np.float32)
    monkeypatch.setattr(event_propagation, "compiled", lambda *names: False)
    monkeypatch.setattr(event_propagation, "_AT_ONCE", most)
    for chosen in ("cpu", "default"):
        with monkeypatch.context() as patch:
            patch.setattr(event_propagation.lax, "platform_dependent", lambda *xs, _c=chosen, **paths: paths[_c](*xs))
            found = propagate(jnp.zeros((2, 2, 5)), jnp.asarray(spikes), table, jnp.int32(1))
        np.testing.assert_allclose(found, expected(np.zeros((2, 2, 5)), spikes, matrix, 1), atol=1e-5)


def test_vmap_is_a_leading_axis():
    table, matrix, rng = network(40, 3, 3, 5, 0)
    spikes = (rng.random((4, 40)) < 0.3).astype(np.float32)
    buffer = jnp.zeros((3, 5))
    start = jnp.int32(2)
    found = jax.jit(jax.vmap(lambda s: propagate(buffer, s, table, start)))(spikes)
    np.testing.assert_array_equal(found, propagate(jnp.zeros((4, 3, 5)), jnp.asarray(spikes), table, start))
    np.testing.assert_allclose(found, expected(np.zeros((4, 3, 5)), spikes, matrix, 2), atol=1e-5)


def test_vmap_over_networks_that_differ():
    table, matrix, rng = network(40, 3, 2, 5, 0)
    spikes = (rng.random((2, 40)) < 0.3).astype(np.float32)
    scale, starts = jnp.asarray([1.0, -2.0]), jnp.asarray([0, 1], jnp.int32)

    def run(spikes, factor, start):
        return propagate(jnp.zeros((2, 5)), spikes, table._replace(weights=factor * table.weights), start)

    found = np.asarray(jax.jit(jax.vmap(run))(spikes, scale, starts))
    for k in range(2):
        wanted = expected(np.zeros((2, 5)), spikes[k], scale[k] * matrix, int(starts[k]))
        np.testing.assert_allclose(found[k], wanted, atol=1e-5)


@pytest.mark.parametrize("lead", [(), (3,)])
def test_gradients_are_those_of_the_product(lead):
    table, _, rng = network(30, 3, 2, 6, 1)
    spikes = jnp.asarray((rng.random((*lead, 30)) < 0.4).astype(np.float32))
    buffer, target = jnp.asarray(rng.normal(size=(2, *lead, 2, 6)).astype(np.float32))
    start = jnp.int32(1)

    def by_events(buffer, spikes, weights):
        return ((propagate(buffer, spikes, table._replace(weights=weights), start) - target) ** 2).sum()

    def by_product(buffer, spikes, weights):
        matrix = jnp.zeros((30, 12)).at[table.sources, table.addresses].add(weights)
        arriving = jnp.roll((spikes @ matrix).reshape(*lead, 2, 6), 1, axis=-2)
        return ((buffer + arriving - target) ** 2).sum()

    found = jax.jit(jax.grad(by_events, argnums=(0, 1, 2)))(buffer, spikes, table.weights)
    wanted = jax.jit(jax.grad(by_product, argnums=(0, 1, 2)))(buffer, spikes, table.weights)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), found, wanted)


def test_too_many_slots_are_refused(monkeypatch):
    table, _, _ = network(3, 1, 1, 5, seed=0)
    monkeypatch.setattr(event_propagation, "SLOTS", 4)
    with pytest.raises(InputError, match="at most 4 slots for arriving spikes, but has 5"):
        propagate(jnp.zeros((1, 5)), jnp.ones(3), table, jnp.int32(0))
