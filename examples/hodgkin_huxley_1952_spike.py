"""Hodgkin & Huxley, Journal of Physiology 117:500 (1952): the action potential, and how often it repeats."""

import jax.numpy as jnp

from neuraxis import HodgkinHuxley, simulate

neuron = HodgkinHuxley()
current = jnp.array([0.0, 3.0, 10.0])  # nothing, one spike, repetitive firing [µA/cm²]
trace = simulate(neuron, current, dt=0.01, steps=50_000, record=lambda state, spikes: (state.v, spikes))
potential, spikes = trace.record
for j, amplitude in enumerate(current):
    print(
        f"{amplitude:4.0f} µA/cm²: {int(spikes[:, j].sum()):3d} spikes in 500 ms, peak {potential[:, j].max():6.1f} mV"
    )
