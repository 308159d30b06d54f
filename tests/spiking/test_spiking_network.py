import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import Total, record_nothing, record_output, simulate
from neuraxis.errors import InputError
from neuraxis.neurons.lif import LIF
from neuraxis.neurons.synaptic_lif import ConductanceLIF, CurrentLIF
from neuraxis.spiking.connections import DenseConnections, connect
from neuraxis.spiking.connectivity import fixed_fan_out, fixed_probability
from neuraxis.spiking.poisson import PoissonInput
from neuraxis.spiking.projection import Projection
from neuraxis.spiking.spiking_network import SpikingNetwork, packed_events, record_packed

DT, KEY = 0.1, jax.random.key(0)
PAIR = Projection(np.array([0]), np.array([1]), weight=7.0)  # neuron 0 drives neuron 1


def record_all(state, spikes):
    return state.v, state.charge, spikes


def random_network(size=60, *, dense=False, **connection):
    """Excitation and inhibition, strong enough that activity feeds on itself; with a delay of 3 steps."""
    whole, dt = slice(0, size), DT
    parts = [
        fixed_probability(whole, whole, 0.3, key=jax.random.key(k), weight=weight, delay=0.3, receptor=k, **connection)
        for k, weight in ((0, 4.0), (1, -5.0))
    ]
    neuron = CurrentLIF(tau_s=(5.0, 10.0))
    if not dense:
        return SpikingNetwork(neuron, connect(*parts, size=size, dt=dt))
    weights = np.zeros((2, size, size), np.float32)
    for k, part in enumerate(parts):
        weights[k][part.source, part.target] = part.weight
    return SpikingNetwork(neuron, DenseConnections(jnp.asarray(weights), 0.3, dt))


@pytest.mark.parametrize("delay", [0.0, 1.3])
def test_a_spike_adds_its_weight_over_tau_s_when_its_delay_has_passed(delay):
    tau_m, tau_s = 20.0, 5.0
    one = Projection(PAIR.source, PAIR.target, weight=7.0, delay=delay)
    network = SpikingNetwork(CurrentLIF(tau_m, (tau_s,), v_threshold=10.0), connect(one, size=2, dt=DT))
    drive = np.zeros((400, 2), np.float32)
    drive[20, 0] = 1e5  # makes neuron 0 fire at the end of step 20
    v, charge, spikes = simulate(network, jnp.asarray(drive), dt=DT, record=record_all).record
    np.testing.assert_array_equal(np.argwhere(spikes), [[20, 0]])
    t = np.maximum(DT * (np.arange(400) - 20) - delay, 0)  # since the arrival
    jump = np.where(DT * (np.arange(400) - 20) >= delay - 1e-6, 7.0 / tau_s, 0)
    np.testing.assert_allclose(charge[:, 0, 1] / tau_s, jump * np.exp(-t / tau_s), rtol=2e-5)
    closed = 7.0 / tau_s * tau_s / (tau_m - tau_s) * (np.exp(-t / tau_m) - np.exp(-t / tau_s))
    np.testing.assert_allclose(v[:, 1], closed, atol=2e-6)


@pytest.mark.parametrize("dt", [0.1, 0.5])
def test_spikes_come_at_the_closed_form_on_the_grid(dt):
    network = SpikingNetwork(CurrentLIF(20.0, (5.0,), tau_ref=3.0), connect(size=3))
    drive = np.array([0.99, 1.5, 4.0])
    trace = simulate(network, jnp.asarray(drive), dt=dt, steps=round(300 / dt), record=record_packed)
    times, neurons = packed_events(trace.record, dt)
    assert set(neurons) == {1, 2}
    for k in (1, 2):
        rise = np.ceil(20 * np.log(drive[k] / (drive[k] - 1)) / dt) * dt  # the crossing, noticed at the end of its step
        np.testing.assert_allclose(times[neurons == k], np.arange(rise, 300 + dt / 2, rise + 3.0), atol=1e-6)


def test_sparse_equals_dense_however_hard_it_is_driven():
    state, runs = None, []
    drive = jnp.full(60, 1.5) + 1e4 * (jnp.arange(400)[:, None] % 100 == 0)  # all fire at once
    for dense in (False, True):
        network = random_network(dense=dense)
        if state is None:
            state = network.init_state()._replace(v=jax.random.uniform(KEY, (60,)))
        runs.append(simulate(network, drive, dt=DT, state=state, record=record_output).record)
    assert (np.sum(runs[0], axis=1) == 60).any()
    assert np.asarray(runs[0]).mean() > 0.005
    np.testing.assert_array_equal(*runs)


def test_leading_axes_are_copies_and_vmap_does_the_same():
    network = random_network()
    v = jax.random.uniform(KEY, (3, 60))
    run = lambda v, drive: (
        simulate(network, drive, dt=DT, steps=300, state=network.init_state(v.shape)._replace(v=v)).record
    )
    copies = np.asarray(run(v, jnp.full(60, 1.8)))
    assert copies.shape == (300, 3, 60)
    assert np.any(copies[:, 0] != copies[:, 1])
    for k in range(3):
        np.testing.assert_array_equal(copies[:, k], run(v[k], jnp.full(60, 1.8)))
    mapped = jax.vmap(lambda v: run(v, jnp.full(60, 1.8)))(v)
    np.testing.assert_array_equal(np.moveaxis(mapped, 0, 1), copies)


def test_copies_have_their_own_poisson_spikes_and_under_vmap_with_their_own_keys():
    connections = connect(size=60)

    def run(key, v):
        network = SpikingNetwork(CurrentLIF(), connections, (PoissonInput(5000.0, 0.5, key),))
        return simulate(network, dt=DT, steps=300, state=network.init_state(v.shape)._replace(v=v)).record

    copies = run(KEY, jnp.zeros((2, 60)))
    assert np.any(copies[:, 0] != copies[:, 1])
    shared = jax.vmap(run, (None, 0))(KEY, jnp.zeros((2, 60)))
    np.testing.assert_array_equal(*shared)
    own = jax.vmap(run)(jax.random.split(KEY), jnp.zeros((2, 60)))
    assert np.any(own[0] != own[1])


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(("own", "other"), [(0.0, 1.0), (1.0, 0.0), (1.0, 5.0)])
def test_the_state_of_another_network_is_refused(own, other):
    def network(size, delay):
        return SpikingNetwork(
            CurrentLIF(), connect(Projection(np.array([0]), np.array([1]), delay=delay), size=size, dt=DT)
        )

    with pytest.raises(InputError, match="one of this network, with pending of shape"):
        simulate(network(3, own), 1.5, dt=DT, steps=5, state=network(3, other).init_state())
    for size in (2, 200):
        with pytest.raises(InputError, match=rf"with v of shape \(3,\), not \({size},\)"):
            simulate(network(3, own), 1.5, dt=DT, steps=5, state=network(size, own).init_state())


def test_total_counts_the_spikes_of_a_network_with_delays():
    projection = Projection(np.array([0, 1]), np.array([1, 2]), delay=1.0)
    network = SpikingNetwork(CurrentLIF(), connect(projection, size=3, dt=DT))
    spikes = simulate(network, 1.5, dt=DT, steps=500).record
    total = simulate(Total(network), 1.5, dt=DT, steps=500, record=record_nothing).state[1]
    np.testing.assert_array_equal(total, spikes.sum(0))
    assert total.sum() > 0


def test_a_run_can_be_cut_anywhere():
    network = random_network()
    network = SpikingNetwork(network.neuron, network.connections, (PoissonInput(5000.0, 0.5, KEY),))
    whole = simulate(network, dt=DT, steps=300, record=record_packed)
    first = simulate(network, dt=DT, steps=130, record=record_packed)
    second = simulate(network, dt=DT, steps=170, state=first.state, record=record_packed, chunk=50)
    np.testing.assert_array_equal(whole.record, np.concatenate([first.record, second.record]))
    assert np.asarray(whole.record).any()


def test_packed_records_are_of_all_neurons_or_of_some():
    def record(state, spikes):
        return spikes, record_packed(state, spikes), record_packed(state, spikes[:40])

    spikes, whole, part = simulate(random_network(), 1.8, dt=DT, steps=200, record=record).record
    for words, size in ((whole, 60), (part, 40)):
        step, neuron = np.nonzero(np.asarray(spikes)[:, :size])
        times, found = packed_events(words, DT)
        np.testing.assert_array_equal(found, neuron)
        np.testing.assert_allclose(times, (step + 1) * DT)
    assert len(times) > 0


def test_poisson_input_has_the_mean_and_spread_of_shot_noise():
    given = PoissonInput(rate=jnp.where(jnp.arange(4000) < 2000, 3000.0, 0.0), weight=2.0, key=KEY)
    neuron = CurrentLIF(20.0, (5.0,), v_threshold=1e3)
    state = simulate(
        SpikingNetwork(neuron, connect(size=4000), (given,)), dt=DT, steps=2000, record=record_nothing
    ).state
    assert not state.v[2000:].any()
    v = np.asarray(state.v[:2000])
    rate, w, m, s = 3.0, 2.0, 20.0, 5.0  # [1/ms]
    # Campbell: mean rate · ∫h, variance rate · ∫h² for the response h = w/(τ_m − τ_s) (e^(−t/τ_m) − e^(−t/τ_s)).
    np.testing.assert_allclose(v.mean(), rate * w, rtol=0.02)
    np.testing.assert_allclose(v.var(), rate * w**2 / (2 * (m + s)), rtol=0.15)


def test_a_population_is_a_slice_of_the_state():
    excitatory, inhibitory = slice(0, 40), slice(40, 50)
    network = SpikingNetwork(
        CurrentLIF(tau_s=(5.0, 10.0)),
        connect(
            fixed_fan_out(excitatory, inhibitory, 5, key=KEY, weight=20.0),
            fixed_fan_out(inhibitory, excitatory, 40, key=KEY, weight=-50.0, receptor=1),
            size=50,
        ),
    )
    drive = jnp.zeros(50).at[excitatory].set(1.6)
    total = simulate(Total(network), drive, dt=DT, steps=3000, record=record_nothing).state[1]
    alone = SpikingNetwork(network.neuron, connect(size=50, receptors=2))
    free = simulate(Total(alone), drive, dt=DT, steps=3000, record=record_nothing).state[1]
    assert free[inhibitory].sum() == 0 < total[inhibitory].min()
    assert total[excitatory].sum() < 0.8 * free[excitatory].sum()


def test_everything_but_the_number_of_spikes_is_differentiable():
    network = random_network()
    state = network.init_state()._replace(v=jax.random.uniform(KEY, (60,)))

    def loss(weights, drive, state=state):
        changed = eqx.tree_at(lambda n: n.connections.weights, network, weights)
        return (simulate(changed, drive, dt=DT, steps=60, state=state).state.v ** 2).mean()

    weights, drive = network.connections.weights, jnp.full(60, 1.8)
    found = jax.grad(loss, argnums=(0, 1))(weights, drive)
    assert all(np.isfinite(g).all() and np.any(np.asarray(g) != 0) for g in found)
    # Along a direction in which no spike comes or goes, finite differences agree.
    with jax.enable_x64(True):
        direction, h = np.random.default_rng(0).normal(size=weights.shape), 1e-6
        double = network.init_state()._replace(v=jnp.asarray(state.v, float))
        at = lambda k: loss(jnp.asarray(weights, float) + k * h * direction, jnp.asarray(drive, float), double)
        slope = (at(1) - at(-1)) / (2 * h)
    np.testing.assert_allclose((np.asarray(found[0]) * direction).sum(), slope, rtol=1e-3)


def test_conductances_stay_between_their_reversal_potentials():
    whole = slice(0, 200)
    parts = [
        fixed_probability(whole, whole, 0.5, key=jax.random.key(k), weight=w, receptor=k)
        for k, w in ((0, 3e3), (1, 7e3))
    ]
    network = SpikingNetwork(ConductanceLIF(), connect(*parts, size=200))
    v, _, spikes = simulate(network, jnp.full(200, 15.0), dt=DT, steps=500, record=record_all).record
    assert np.asarray(spikes).any()
    assert np.asarray(v).min() >= -80
    assert np.asarray(v).max() < -50


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SpikingNetwork(CurrentLIF(tau_s=(5.0, 10.0)), connect(PAIR, size=2)), "made for the 2 receptors"),
        (
            lambda: SpikingNetwork(CurrentLIF(), connect(size=2), (PoissonInput(1.0, 1.0, KEY, receptor=1),)),
            "receptor of an input must be from 0 to 0, but is 1",
        ),
        (lambda: random_network().init_state((61,)), r"inputs must have shape \(…, 60\), but have shape \(61,\)"),
        (lambda: simulate(random_network(), jnp.ones((10, 61)), dt=DT), r"inputs must have shape \(…, 60\)"),
        (lambda: simulate(random_network(), jnp.ones((10, 60)), dt=0.2), "steps of 0.1 ms, but .* dt = 0.2"),
        (
            lambda: random_network().step(random_network().init_state(), jnp.ones((2, 60)), DT),
            r"drive must broadcast to the state's shape \(60,\), but has shape \(2, 60\)",
        ),
        (lambda: SpikingNetwork(LIF(), connect(size=2)), r"must be like CurrentLIF\(\) .*, not LIF\("),
        (lambda: SpikingNetwork(CurrentLIF, connect(size=2)), "must be like CurrentLIF"),
        (lambda: SpikingNetwork(CurrentLIF(), np.ones((2, 2))), "or be DenseConnections, not ndarray"),
        (lambda: SpikingNetwork(CurrentLIF(), connect(size=2), PoissonInput(1.0, 1.0, KEY)), "must be a tuple"),
        (lambda: SpikingNetwork(CurrentLIF(tau_m=np.ones(3)), connect(size=2)), r"tau_m .* 2 neurons, .* \(3,\)"),
        (lambda: SpikingNetwork(CurrentLIF(tau_s=np.ones((1, 3))), connect(size=2)), r"tau_s .* 2 neur.* \(1, 3\)"),
        (
            lambda: SpikingNetwork(CurrentLIF(), connect(size=2), (PoissonInput(1.0, np.ones(3), KEY),)),
            r"weight must have one entry for each of 2 neurons, but has shape \(3,\)",
        ),
        (lambda: packed_events(np.zeros((2, 3, 4), np.uint32), DT), r"words \(time, word\), but has shape \(2, 3, 4\)"),
        (lambda: packed_events(np.zeros((2, 3)), DT), "words .* of float64"),
        (lambda: packed_events(np.zeros((2, 3), np.uint32), -1.0), "dt must be positive"),
        (lambda: packed_events("text", DT), "packed record must be an array"),
        (
            lambda: packed_events(
                simulate(random_network(), 1.8, dt=DT, steps=40, record=record_packed, every=10).record, DT
            ),
            "must contain every step, but omits some",
        ),
        (lambda: random_network().init_state("text"), "inputs must be one array"),
        (lambda: random_network().init_state((10**12, 60)), r"slots for arriving spikes, would take about .*iB"),
        (lambda: random_network().step(random_network().init_state(), "text", DT), "drive must be an array of numbers"),
        (lambda: random_network().step(random_network().init_state(), 1j, DT), "drive must contain real numbers"),
        (lambda: random_network().step(random_network().init_state(), np.nan, DT), "drive must be finite"),
        (lambda: random_network().step(random_network().init_state(), 1.0, 0.0), "dt must be positive"),
        (lambda: random_network().step(None, 1.0, DT), "state must be that of a network"),
    ],
)
def test_bad_input_is_named(make, words):
    with pytest.raises(InputError, match=words):
        make()
