"""Brette et al., Journal of Computational Neuroscience 23:349 (2007), benchmark 2: 4000 neurons in irregular firing."""

import jax

from neuraxis.engine import simulate
from neuraxis.neurons import CurrentLIF
from neuraxis.spiking import SpikingNetwork, connect, fixed_probability, packed_events, record_packed

excitatory, inhibitory, everyone = slice(0, 3200), slice(3200, 4000), slice(0, 4000)
keys = jax.random.split(jax.random.key(0), 3)
neuron = CurrentLIF(tau_m=20.0, tau_s=(5.0, 10.0), tau_ref=5.0, v_rest=-49.0, v_threshold=-50.0, v_reset=-60.0)
connections = connect(
    fixed_probability(excitatory, everyone, 0.02, key=keys[0], weight=1.62 * 5),  # charges [mV ms]
    fixed_probability(inhibitory, everyone, 0.02, key=keys[1], weight=-9.0 * 10, receptor=1),
    size=4000,
    dt=0.1,
)
network = SpikingNetwork(neuron, connections)
state = network.init_state((4000,))
state = state._replace(v=jax.random.uniform(keys[2], (4000,), minval=-60.0, maxval=-50.0))
trace = simulate(network, dt=0.1, steps=5000, state=state, record=record_packed)
times, neurons = packed_events(trace.record, dt=0.1)
print(f"{len(times)} spikes in half a second, {len(times) / 4000 / 0.5:.1f} Hz")
