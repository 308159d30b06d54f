"""Lapicque, Journal de Physiologie 9:620 (1907): a leaky membrane with a threshold, and how fast it fires."""

import jax.numpy as jnp

from neuraxis import LIF, simulate

neuron = LIF(tau_m=20.0, tau_ref=2.0)  # [ms]
drive = jnp.array([0.9, 1.1, 1.5, 2.0, 4.0])  # 1 is the threshold
spikes = simulate(neuron, drive, dt=1.0, steps=10_000).record  # (time, neuron)
for each, counted, formula in zip(drive, spikes.sum(0) / 10.0, neuron.firing_rate(drive), strict=True):
    print(f"drive {each:.1f}: {counted:5.1f} Hz in ten seconds of simulation, {formula:5.1f} Hz by the formula")
