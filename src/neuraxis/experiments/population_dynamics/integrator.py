"""The integrator: what it holds after its input, and how far that drifts."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuraxis.engine import simulate
from neuraxis.neurons import LIF
from neuraxis.population import Ensemble, RecurrentPopulation

LARGEST_DRIFT = {100: 0.1, 200: 0.04, 1000: 0.02}  # claimed of integrators with so many neurons
HELD = np.linspace(-0.8, 0.8, 9)  # values that are to be held
RISE, HOLD, WINDOW = 500.0, 3750.0, 200.0  # input, drift, and the time over which y is averaged [ms]


def constant(y: jax.Array) -> jax.Array:
    """dy/dt = 0, but for the input."""
    return jnp.zeros_like(y)


def measure(settings: Any) -> tuple[dict, dict]:
    """Integrate an input of 0.5 s, then nothing; the drift is the largest of all values and ensembles of a size."""
    metrics, drifts, held = {}, {}, {}
    rise, hold, window = (max(1, round(length / settings.dt)) for length in (RISE, HOLD, WINDOW))
    inputs = np.zeros((rise + 2 * window + hold, len(HELD), 1), np.float32)
    inputs[:rise] = HELD[:, None] / (rise * settings.dt)
    keys = jax.random.split(jax.random.key(settings.seed), settings.ensembles)
    for size in settings.sizes:
        runs = []
        for key in keys:
            population = RecurrentPopulation(
                Ensemble(size, 1, LIF(), key=key), constant, settings.tau_s, noise=settings.noise
            )
            runs.append(np.asarray(simulate(population, inputs, dt=settings.dt).record)[..., 0])
        y = np.stack(runs)  # (ensemble, time, value)
        before, after = (y[:, start : start + window].mean(1) for start in (rise + window, rise + window + hold))
        drift = np.abs(after - before)
        metrics[f"integrator_drift_{size}_neurons"] = float(drift.max())
        drifts[size] = drift
        held[size] = y[0]
    times = settings.dt * np.arange(1, len(inputs) + 1) / 1000
    arrays = {"integrator_times": times, "integrator_rise": RISE / 1000}
    return metrics, arrays | {"integrator_y": held, "integrator_drifts": drifts}
