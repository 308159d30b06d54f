"""Eliasmith & Anderson, Neural Engineering, MIT Press (2003), chapter 2: many noisy neurons represent a number well.

Weights found by least squares read it from their rates. What noise adds to the squared error falls as 1/N with the
number of neurons.
"""

import jax
import jax.numpy as jnp

from neuraxis import Ensemble, solve_decoders

x = jnp.linspace(-1.0, 1.0, 1000)[:, None]
for neurons in (100, 1000):
    rates = Ensemble(neurons, 1, key=jax.random.key(0)).rates(x)  # tuning curves (point, neuron) [Hz]
    decoders = solve_decoders(rates, x, noise=0.1)  # as a share of the largest rate
    noise = 0.1 * rates.max() * jax.random.normal(jax.random.key(1), rates.shape)
    error = jnp.mean((noise @ decoders) ** 2)
    print(f"{neurons} neurons: mean squared error by noise {error:.5f}, times N {neurons * error:.2f}")
