"""Eliasmith & Anderson, Neural Engineering, MIT Press (2003), chapter 2: many noisy neurons represent a number well.

Weights found by least squares read it from their rates. What noise adds to the squared error falls as 1/N with the
number of neurons.
"""

import jax
import jax.numpy as jnp

from neuraxis import Ensemble, solve_decoders

keys = jax.random.split(jax.random.key(0))
x = jnp.linspace(-1.0, 1.0, 1000)[:, None]
rates = Ensemble(1000, 1, key=keys[0]).rates(x)  # tuning curves (point, neuron) [Hz]
noise = 0.1 * rates.max() * jax.random.normal(keys[1], rates.shape)
for count in (10, 100, 1000):
    decoders = solve_decoders(rates[:, :count], x, noise=0.1)  # a share of the largest rate
    error = jnp.mean((noise[:, :count] @ decoders) ** 2)
    print(f"{count} neurons: mean squared error by noise {error:.5f}, times N {count * error:.2f}")
