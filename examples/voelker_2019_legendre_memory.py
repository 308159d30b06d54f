"""Voelker, Kajić & Eliasmith, NeurIPS 2019: a few numbers hold the last thousand steps of a signal.

They are coefficients of Legendre polynomials, updated in every step by one fixed matrix; nothing is learnt. The more
numbers there are, the finer the detail that they hold. Errors are relative to the size of the signal.
"""

import jax
import jax.numpy as jnp

from neuraxis import Synapse
from neuraxis.functions import legendre_readout
from neuraxis.recurrent import LegendreMemory

noise = jax.random.normal(jax.random.key(0), (4000, 1))
signal = Synapse(tau_s=50.0, order=2).convolve(noise, dt=1.0)  # smooth: (time, channel)
signal = signal / jnp.std(signal)
for order in (6, 12, 24, 48):
    memory = LegendreMemory(order, theta=1000)(signal)[1000:, 0]  # (time, order)
    errors = []
    for delay in (250, 500, 1000):  # steps
        past = memory @ legendre_readout(order, delay / 1000)
        errors.append(jnp.std(past - signal[1000 - delay : -delay, 0]))
    print("{} numbers: error {:.2f} after 250 steps, {:.2f} after 500, {:.2f} after 1000".format(order, *errors))
