"""The networks of Vogels and Abbott against Brian2: the same connections, start and equations, spike by spike."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import simulate
from neuraxis.neurons.synaptic_lif import ConductanceLIF, CurrentLIF
from neuraxis.spiking.connections import connect
from neuraxis.spiking.connectivity import fixed_probability
from neuraxis.spiking.projection import Projection
from neuraxis.spiking.spiking_network import SpikingNetwork, packed_events, record_packed

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import brian2
    from brian2 import Network, NeuronGroup, SpikeMonitor, Synapses, ms, mV

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Brian2's use of its own dependencies

SIZE, EXCITATORY, DT = 4000, 3200, 0.1
RNG = np.random.default_rng(5)


def listed(probability=0.02):
    """Lists of excitatory and inhibitory connections."""
    keys = jax.random.split(jax.random.key(2))
    whole = slice(0, SIZE)
    return [
        fixed_probability(population, whole, probability, key=key)
        for population, key in zip((slice(0, EXCITATORY), slice(EXCITATORY, SIZE)), keys, strict=True)
    ]


def ours(neuron, projections, v, steps, charge=None):
    network = SpikingNetwork(neuron, connect(*projections, size=SIZE, dt=DT))
    state = network.init_state()
    state = state._replace(v=jnp.asarray(v), charge=state.charge if charge is None else jnp.asarray(charge))
    trace = simulate(network, dt=DT, steps=steps, state=state, record=record_packed)
    return packed_events(trace.record, DT)


def theirs(equations, names, projections, v, steps, *, refractory, method, weights, delays=(0.0, 0.0), start=None):
    brian2.prefs.codegen.target = "numpy"
    brian2.defaultclock.dt = DT * ms
    group = NeuronGroup(
        SIZE, equations, threshold="v > -50*mV", reset="v = -60*mV", refractory=refractory * ms, method=method
    )
    group.v = v * mV
    for name, values in (start or {}).items():
        setattr(group, name, values)
    parts = [group]
    for name, projection, weight, delay in zip(names, projections, weights, delays, strict=True):
        synapses = Synapses(group, group, "w : 1", on_pre=f"{name} += w*{'mV' if method == 'exact' else '1'}")
        synapses.connect(i=projection.source, j=projection.target)
        synapses.w = weight
        synapses.delay = np.asarray(delay) * ms
        parts.append(synapses)
    monitor = SpikeMonitor(group)
    network = Network(*parts, monitor)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network.run(steps * DT * ms)
    # Brian2 writes the time at which the step began.
    return np.asarray(monitor.t / ms) + DT, np.asarray(monitor.i)


CUBA = """
dv/dt = (-49*mV - v + ge + gi)/(20*ms) : volt (unless refractory)
dge/dt = -ge/(5*ms) : volt
dgi/dt = -gi/(10*ms) : volt
"""
COBA = """
dv/dt = (-60*mV - v + ge*(0*mV - v) + gi*(-80*mV - v))/(20*ms) : volt (unless refractory)
dge/dt = -ge/(5*ms) : 1
dgi/dt = -gi/(10*ms) : 1
"""
# Brian2 holds a neuron for one step less than the refractory period, counted from the end of the step that spiked.
HELD = 5.0
CURRENT = CurrentLIF(20.0, (5.0, 10.0), HELD, v_rest=-49.0, v_threshold=-50.0, v_reset=-60.0)


def weighted(projections, areas, delays=(0.0, 0.0)):
    return [
        Projection(p.source, p.target, weight=area, delay=delay, receptor=k)
        for k, (p, area, delay) in enumerate(zip(projections, areas, delays, strict=True))
    ]


def agree(found, expected):
    """Compare spikes by step and neuron."""
    pairs = [np.stack([np.round(t / DT).astype(int), i]) for t, i in (found, expected)]
    pairs = [p[:, np.lexsort((p[1], p[0]))] for p in pairs]
    np.testing.assert_array_equal(*pairs)


@pytest.mark.parametrize("delayed", [False, True])
def test_every_spike_of_cuba_is_brian2s(delayed):
    lists, v = listed(), RNG.uniform(-60, -50, SIZE)
    # One delay for all, and one for each connection, none of them a multiple of the step.
    delays = (0.83, RNG.uniform(0.0, 3.0, len(lists[1].source))) if delayed else (0.0, 0.0)
    weights, areas = (1.62, -9.0), (1.62 * 5, -9.0 * 10)
    with jax.enable_x64(True):
        found = ours(CURRENT, weighted(lists, areas, delays), v, 1000)
    expected = theirs(
        CUBA, ("ge", "gi"), lists, v, 1000, refractory=HELD + DT, method="exact", weights=weights, delays=delays
    )
    assert len(expected[0]) > 1000
    agree(found, expected)


def test_every_spike_of_coba_is_brian2s():
    lists, v = listed(), RNG.uniform(-60, -50, SIZE)
    start = {"ge": RNG.uniform(0, 0.4, SIZE), "gi": RNG.uniform(0, 2.0, SIZE)}
    charge = 10 * np.stack([5 * start["ge"], 10 * start["gi"]])
    with jax.enable_x64(True):
        found = ours(ConductanceLIF(), weighted(lists, (6.0 * 5, 67.0 * 10)), v, 1000, charge)
    expected = theirs(
        COBA, ("ge", "gi"), lists, v, 1000,
        refractory=HELD + DT, method="exponential_euler", weights=(0.6, 6.7), start=start,
    )  # fmt: skip
    assert len(expected[0]) > 1000
    agree(found, expected)


def test_the_firing_rate_of_cuba_is_within_five_percent_in_single_precision():
    """Rounding lets the spikes part after a while, so rates are compared: the mean over three starts, 1 s each."""
    lists, starts = listed(), RNG.uniform(-60, -50, (3, SIZE))
    projections = weighted(lists, (1.62 * 5, -9.0 * 10))
    found = [len(ours(CURRENT, projections, v.astype(np.float32), 10_000)[0]) / SIZE for v in starts]
    run = {"refractory": HELD + DT, "method": "exact", "weights": (1.62, -9.0)}
    expected = [len(theirs(CUBA, ("ge", "gi"), lists, v, 10_000, **run)[0]) / SIZE for v in starts]
    assert 5 < np.mean(expected) < 6.2
    assert abs(np.mean(found) / np.mean(expected) - 1) < 0.05
