"""Oscillator: 1000 spiking neurons turn a vector of two dimensions for 10 s, once a second, in steps of 1 ms."""

import math

import jax.numpy as jnp

from benchmarks._recurrent_population import workload as recurrent_population
from benchmarks.harness import Workload

_OMEGA = 2e-3 * math.pi  # of 1 Hz [1/ms]
_KICK = 100.0  # time in which an input brings it from rest to its circle [ms]


def workload(quick: bool) -> Workload:
    """Build both sides."""

    def turn(y):
        return _OMEGA * jnp.stack([-y[..., 1], y[..., 0]], axis=-1)

    def kick(array, t):
        return array.where(t <= _KICK, 0.9 / _KICK, 0.0) * array.asarray([1.0, 0.0])

    return recurrent_population("Oscillator", turn, kick, 2, quick, 10.0)
