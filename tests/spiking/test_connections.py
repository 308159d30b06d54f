import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis import process
from neuraxis.errors import InputError
from neuraxis.spiking.connections import DenseConnections, SparseConnections, connect
from neuraxis.spiking.connectivity import fixed_probability
from neuraxis.spiking.projection import Projection

A, B = (
    Projection(np.array([0, 0, 2]), np.array([1, 2, 0]), weight=2.0),
    Projection(np.array([1]), np.array([1]), weight=-3.0, receptor=1),
)


def arrivals(connections, spikes):
    """What arrives, and when: (delay in steps, receptor, neuron)."""
    pending = jnp.zeros((connections.depth, connections.receptors, connections.size))
    return np.asarray(connections.deliver(pending, jnp.asarray(spikes, pending.dtype), jnp.int32(0)))


def test_projections_are_joined():
    connections = connect(A, B, size=3)
    assert (connections.receptors, connections.depth, connections.dt) == (2, 1, None)
    assert connections.weights.shape == (4,)
    np.testing.assert_array_equal(arrivals(connections, [1, 1, 1])[0], [[2, 2, 2], [0, -3, 0]])
    np.testing.assert_array_equal(arrivals(connections, [1, 0, 0])[0], [[0, 2, 2], [0, 0, 0]])


def test_pairs_listed_twice_count_twice_and_weights_may_differ():
    twice = Projection(np.array([0, 0, 0]), np.array([1, 1, 0]), weight=np.array([1.0, 2.0, 5.0]))
    np.testing.assert_array_equal(arrivals(connect(twice, size=2), [1, 0])[0, 0], [5, 3])


@pytest.mark.usefixtures("as_user")
def test_connections_are_listed_as_they_were_given():
    a = Projection([2, 0, 0], [1, 1, 0], weight=[1.0, 2.0, 3.0], delay=[0.3, 0.1, 0.0])
    b = Projection([1], [2], weight=-4.0, delay=0.2, receptor=1)
    found = connect(a, b, size=3, dt=0.1).listed()
    wanted = {(2, 1, 1.0, 0.3, 0), (0, 1, 2.0, 0.1, 0), (0, 0, 3.0, 0.0, 0), (1, 2, -4.0, 0.2, 1)}
    rows = [(int(i), int(j), float(w), round(float(d), 6), int(r)) for i, j, w, d, r in zip(*found, strict=True)]
    assert set(rows) == wanted
    assert len(rows) == 4


def test_a_hub_takes_memory_for_its_own_connections_only():
    ring = np.arange(5000)
    hub = connect(Projection(ring, (ring + 1) % 5000), Projection(0 * ring, ring, weight=-0.5), size=5000)
    arrays = hub.weights, hub.addresses, hub.sources, hub.offsets
    assert sum(x.nbytes for x in arrays) == 12 * 10_000 + 4 * 5001
    spikes = np.arange(5000) == 0
    np.testing.assert_array_equal(arrivals(hub, spikes)[0, 0], -0.5 + (ring == 1))


def test_a_network_without_connections():
    np.testing.assert_array_equal(arrivals(connect(size=3), [1, 1, 1]), np.zeros((1, 1, 3)))


def test_delays_are_rounded_to_the_nearest_step():
    delays = [0.0, 0.04, 0.05, 0.31, 0.3]
    connections = connect(Projection(np.zeros(5, int), np.arange(5), delay=np.array(delays)), size=5, dt=0.1)
    assert connections.depth == 4
    steps, _, neurons = np.nonzero(arrivals(connections, [1, 0, 0, 0, 0]))
    assert dict(zip(neurons.tolist(), steps.tolist(), strict=True)) == {0: 0, 1: 0, 2: 1, 3: 3, 4: 3}


def test_all_neurons_firing_at_once_equal_the_dense_product():
    whole = slice(0, 500)
    parts = [
        fixed_probability(whole, whole, 0.1, key=jax.random.key(k), weight=w, receptor=k) for k, w in ((0, 1), (1, -2))
    ]
    sparse = connect(*parts, size=500)
    weights = np.zeros((2, 500, 500), np.float32)
    for k, part in enumerate(parts):
        weights[k][part.source, part.target] = part.weight
    dense = DenseConnections(jnp.asarray(weights))
    for spikes in (np.ones(500), np.random.default_rng(0).random(500) < 0.5):
        np.testing.assert_allclose(arrivals(sparse, spikes), arrivals(dense, spikes), rtol=1e-6)
    assert np.abs(arrivals(sparse, np.ones(500))).sum() == sum(np.abs(p.weight) * len(p.source) for p in parts)


def test_a_dense_delay_is_a_place_in_the_ring():
    dense = DenseConnections(jnp.ones((1, 2, 2)), delay=0.3, dt=0.1)
    np.testing.assert_array_equal(arrivals(dense, [1, 0])[:, 0], [[0, 0], [0, 0], [0, 0], [1, 1]])


def table(addresses, sources, offsets):
    """One connection between two neurons, by hand."""
    indices = (jnp.asarray(x, jnp.int32) for x in (addresses, sources, offsets))
    return SparseConnections(jnp.ones(1), *indices, 2, 1, 1, None)


def test_more_connections_than_fit_the_memory_are_refused_before_the_work(monkeypatch):
    monkeypatch.setattr(process, "memory", lambda: 100.0)
    with pytest.raises(InputError, match="4 connections would take about 320 B of memory, but only 100 B are free"):
        connect(A, B, size=3)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: connect(A, size=2), "source must contain neurons from 0 to 1, but contains 2"),
        (
            lambda: connect(Projection(np.array([0]), np.array([7])), size=2),
            "target must contain neurons from 0 to 1, but contains 7",
        ),
        (lambda: connect(B, size=3, receptors=1), "receptor must be below 1"),
        (lambda: connect(size=0), "size must be an integer"),
        (lambda: connect(size=2**30), "at most 2²⁹ slots, but needs"),
        (lambda: connect(size=3, receptors=1.5), "receptors must be an integer"),
        (lambda: connect(Projection([0], [0], delay=1.0), size=1, dt=[0.1, 0.2]), "dt must be one number"),
        (lambda: connect(Projection([0], [0], delay=1.0), size=1, dt=1j), "dt must contain real numbers"),
        (lambda: SparseConnections(*[jnp.ones(2)] * 4, 2, 1, 1, None), "build them with connect"),
        (
            lambda: table([0], [5], [0, 1, 1]),
            "sources must be between 0 and 1",
        ),
        (
            lambda: table([4], [0], [0, 1, 1]),
            "addresses must be between 0",
        ),
        (
            lambda: table([0], [0], [0, 9, 1]),
            "offsets must be between 0",
        ),
        (lambda: DenseConnections(1j * jnp.ones((1, 2, 2))), "weights must contain real numbers"),
        (lambda: DenseConnections("text"), "weights must be an array of numbers"),
        (lambda: connect(Projection(np.array([0]), np.array([0]), delay=1.0), size=1), "delays need dt="),
        (lambda: connect(Projection(np.array([0]), np.array([0]), delay=1.0), size=1, dt=0.0), "dt must be positive"),
        (
            lambda: connect(Projection(np.array([0]), np.array([0]), delay=1e6), size=10**5, dt=0.1),
            "too large for 32-bit addresses",
        ),
        (lambda: connect(Projection([0], [0], delay=1e30), size=1, dt=0.1), "must be shorter than 2³¹ steps"),
        (lambda: connect([A, B], size=3), "takes projections one by one"),
        (lambda: DenseConnections(jnp.ones((1, 2, 2)), delay=[1.0, 2.0], dt=0.1), r"delay must be one number .*\(2,\)"),
        (lambda: DenseConnections(jnp.ones((2, 3))), r"weights must have shape \(receptor, neuron, neuron\)"),
        (lambda: DenseConnections(jnp.ones((1, 2, 3))), "weights must have shape"),
        (lambda: DenseConnections(jnp.full((1, 2, 2), jnp.nan)), "weights must be finite"),
        (lambda: DenseConnections(jnp.ones((1, 2, 2)), delay=1.0), "delays need dt="),
        (lambda: DenseConnections(jnp.ones((1, 2, 2)), delay=-1.0, dt=0.1), "delay must be finite and not negative"),
    ],
)
def test_bad_input_is_named(make, words):
    with pytest.raises(InputError, match=words):
        make()
