"""Integrator: 1000 spiking neurons integrate a cosine for 10 s in steps of 1 ms; what they hold is recorded."""

import math

from benchmarks._recurrent_population import workload as recurrent_population
from benchmarks.harness import Workload

_OMEGA = 2e-3 * math.pi  # of 1 Hz [1/ms]


def workload(quick: bool) -> Workload:
    """Build both sides."""

    def cosine(array, t):
        return array.reshape(0.7 * _OMEGA * array.cos(_OMEGA * t), (1,))

    return recurrent_population("Integrator", lambda y: 0 * y, cosine, 1, quick, 10.0)
