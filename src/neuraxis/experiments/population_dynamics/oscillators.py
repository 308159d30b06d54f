"""Oscillators: one of a fixed frequency, and one whose frequency is an input."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuraxis.engine import simulate
from neuraxis.neurons import LIF
from neuraxis.population import Ensemble, RateNeurons, RecurrentPopulation

CONTROLS = np.array([-1.0, -0.5, 0.25, 0.5, 1.0])  # one after the other, each for a fifth of the time
_BACK = 300.0  # time within which a wrong amplitude comes back to 1 [ms]
_RADIUS = 1.2  # of the oscillator's ensemble, beyond its amplitude


def circle(y: jax.Array, omega: Any) -> jax.Array:
    """dy/dt of turning by ω and of coming back to the circle of radius 1."""
    turned = jnp.stack([-y[..., 1], y[..., 0]], axis=-1)
    return omega * turned + y * (1 - jnp.sum(y * y, axis=-1, keepdims=True)) / _BACK


def frequency(y: np.ndarray, dt: float) -> float:
    """Turns per second of (time, 2), from the slope of the angle."""
    angle = np.unwrap(np.arctan2(y[:, 1], y[:, 0]))
    return float(np.polyfit(np.arange(len(angle)) * dt / 1000, angle, 1)[0] / (2 * np.pi))


def measure(settings: Any) -> tuple[dict, dict]:
    """Let the same oscillator run with spikes and with rates, and count its turns."""
    omega = 2e-3 * np.pi * settings.frequency
    steps, settled = round(settings.duration / settings.dt), round(settings.duration / settings.dt / 10)
    metrics, arrays = {}, {}
    for name, neurons in (("oscillator", LIF()), ("oscillator_of_rates", RateNeurons(LIF()))):
        ensemble = Ensemble(settings.neurons, 2, neurons, radius=_RADIUS, key=jax.random.key(settings.seed + 1))
        population = RecurrentPopulation(ensemble, lambda y: circle(y, omega), settings.tau_s, noise=settings.noise)
        start = population.start(jnp.array([0.5, 0.0]))
        y = np.asarray(simulate(population, dt=settings.dt, steps=steps, state=start).record)
        found = frequency(y[settled:], settings.dt)
        metrics[f"{name}_frequency_hz"] = found
        metrics[f"{name}_frequency_error_percent"] = 100 * abs(found / settings.frequency - 1)
        arrays[name] = y
    arrays["oscillator_times"] = settings.dt * np.arange(1, steps + 1) / 1000
    return metrics, arrays


def measure_controlled(settings: Any) -> tuple[dict, dict]:
    """Return the frequency as an input, in parts of the largest, and measure what comes of each."""
    omega, each = 4e-3 * np.pi * settings.frequency, round(settings.duration / settings.dt / len(CONTROLS))
    ensemble = Ensemble(settings.neurons, 3, LIF(), radius=1.5, key=jax.random.key(settings.seed + 2))
    population = RecurrentPopulation(
        ensemble, lambda y, u: circle(y, omega * u), settings.tau_s, controls=1, noise=settings.noise
    )
    u = np.repeat(CONTROLS, each)[:, None].astype(np.float32)
    start = population.start(jnp.array([1.0, 0.0]))
    y = np.asarray(simulate(population, u, dt=settings.dt, state=start).record)
    parts = y.reshape(len(CONTROLS), each, 2)[:, each // 5 :]
    found = np.array([frequency(part, settings.dt) for part in parts])
    error = np.abs(found - 2 * settings.frequency * CONTROLS).max() / (2 * settings.frequency)
    metrics = {"controlled_frequency_error_percent": 100 * float(error)}
    arrays = {"controlled": y, "controlled_u": u[:, 0], "controlled_found": found}
    return metrics, arrays | {"controlled_wanted": 2 * settings.frequency * CONTROLS}
