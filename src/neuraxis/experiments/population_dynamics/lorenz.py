"""The Lorenz attractor: a chaotic system in three dimensions."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

from neuraxis.engine import simulate
from neuraxis.neurons import LIF
from neuraxis.population import Ensemble, RecurrentPopulation

_SIGMA, _BETA, _RHO = 10.0, 8 / 3, 28.0
_RADIUS, _AROUND = 50.0, 2.0  # of the ensemble, and how far around the attractor its decoders are made for
_FAR = 5.0  # distance from the solution at which it is no longer followed
_REFERENCE, _FINE = 200.0, 0.005  # length and steps of the solution that statistics are taken from [units]
_COMPARED = 5.0  # length over which the trajectories are compared [units]


def lorenz(y: Any, array: Any = jnp) -> Any:
    """Lorenz's equations, with z shifted by −ρ so that the attractor lies around 0 [1/unit]."""
    x, y, z = y[..., 0], y[..., 1], y[..., 2]
    return array.stack([_SIGMA * (y - x), -x * z - y, x * y - _BETA * (z + _RHO)], axis=-1)


def solution(start: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return the solution in double precision, at these times [units]."""
    found = solve_ivp(
        lambda t, y: lorenz(y, np), (0, times[-1]), start, t_eval=times, method="DOP853", rtol=1e-9, atol=1e-9
    )
    return found.y.T


def measure(settings: Any) -> tuple[dict, dict]:
    """Compare the population's trajectory at first, and its statistics later, with those of the solution."""
    reference = solution(np.ones(3), 1 + np.arange(0, _REFERENCE, _FINE))
    jitter = np.random.default_rng(settings.seed).normal(size=(2500, 3))
    points = (reference[:: len(reference) // 2500][:2500] + _AROUND * jitter).astype(np.float32)
    ensemble = Ensemble(settings.lorenz_neurons, 3, LIF(), radius=_RADIUS, key=jax.random.key(settings.seed + 3))
    population = RecurrentPopulation(
        ensemble, lambda y: lorenz(y) / settings.lorenz_unit, settings.lorenz_tau_s, points=points, noise=settings.noise
    )
    every = max(1, round(settings.lorenz_unit / settings.dt / 1000))
    steps = round(settings.lorenz_units * settings.lorenz_unit / settings.dt) // every * every
    start = population.start(jnp.asarray(reference[0], jnp.float32))
    y = np.asarray(simulate(population, dt=settings.dt, steps=steps, state=start, every=every).record, float)
    times = settings.dt * every * np.arange(1, len(y) + 1) / settings.lorenz_unit
    first = solution(reference[0], times[times <= _COMPARED])
    apart = np.linalg.norm(y[: len(first)] - first, axis=1) > _FAR
    settled = y[len(first) :]
    metrics = {
        "lorenz_spread_error_percent": 100 * float(np.abs(settled.std(0) / reference.std(0) - 1).max()),
        "lorenz_followed_units": float(times[np.argmax(apart)] if apart.any() else times[len(first) - 1]),
        "lorenz_lobe_changes_per_unit": lobe_changes(settled) / (times[-1] - times[len(first) - 1]),
        "lorenz_lobe_changes_per_unit_of_solution": lobe_changes(reference) / _REFERENCE,
    }
    shift = np.array([0.0, 0.0, _RHO])
    arrays = {"lorenz": y + shift, "lorenz_times": times, "lorenz_solution": first + shift}
    return metrics, arrays | {"lorenz_reference": reference[: round(30 / _FINE)] + shift}


def lobe_changes(y: np.ndarray) -> int:
    """Count how often x goes from one side of the attractor to the other, and not only to and fro about 0."""
    side = np.sign(y[np.abs(y[:, 0]) > 3, 0])
    return int(np.sum(side[1:] != side[:-1]))
