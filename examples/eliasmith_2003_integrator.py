"""Eliasmith & Anderson, Neural Engineering, MIT Press (2003), chapter 8: spiking neurons hold numbers.

A population that feeds back what it represents integrates its input and keeps the result. It drifts, more slowly the
more neurons there are.
"""

import jax
import jax.numpy as jnp

from neuraxis import Ensemble, RecurrentPopulation, simulate


def at_rest(y):
    """Return the dy/dt that is asked for without an input."""
    return jnp.zeros_like(y)


numbers = jnp.linspace(-0.8, 0.8, 9)[:, None]  # nine runs at once: (run, dimension)
during = jnp.arange(3000) < 500  # the input lasts half a second, in steps of 1 ms
pulses = jnp.where(during[:, None, None], numbers / 500, 0.0)  # (time, run, dimension) [1/ms]
for neurons in (50, 800):
    population = RecurrentPopulation(Ensemble(neurons, 1, key=jax.random.key(0)), at_rest, tau_s=100.0)
    held = simulate(population, pulses, dt=1.0).record
    drift = jnp.abs(held[-100:].mean(0) - held[900:1000].mean(0)).max()
    print(f"{neurons} neurons: numbers up to 0.8 drift by at most {drift:.3f} in two seconds")
