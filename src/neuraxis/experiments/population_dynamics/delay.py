"""The delay: a population that holds the last θ of a signal, as coefficients of Legendre polynomials."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuraxis.engine import simulate
from neuraxis.functions import legendre_delay, legendre_readout
from neuraxis.neurons import LIF
from neuraxis.population import Ensemble, RecurrentPopulation

SHARES = (0.5, 1.0)  # of θ, at which the signal is read


def band_limited(steps: int, dt: float, bandwidth: float, seed: int) -> np.ndarray:
    """Return random noise of all frequencies up to the bandwidth [Hz], with a largest value of 1."""
    frequencies = np.fft.rfftfreq(steps, dt / 1000)
    real, imaginary = np.random.default_rng(seed).normal(size=(2, len(frequencies)))
    spectrum = np.where((frequencies > 0) & (frequencies <= bandwidth), real + 1j * imaginary, 0)
    signal = np.fft.irfft(spectrum, steps)
    return signal / np.abs(signal).max()


def measure(settings: Any) -> tuple[dict, dict]:
    """Drive the population with a signal, and compare what it held θ ago with the signal then."""
    A, B = legendre_delay(settings.order, settings.theta)
    matrix = jnp.asarray(A.T, jnp.float32)
    ensemble = Ensemble(settings.neurons, settings.order, LIF(), radius=1.2, key=jax.random.key(settings.seed + 4))
    population = RecurrentPopulation(ensemble, lambda m: m @ matrix, settings.tau_s, noise=settings.noise)
    steps = round(settings.duration / settings.dt)
    signal = band_limited(steps, settings.dt, settings.bandwidth, settings.seed)
    m = simulate(population, (signal[:, None] * B).astype(np.float32), dt=settings.dt).record
    read = np.asarray(m, float) @ legendre_readout(settings.order, np.array(SHARES)).T  # (time, share)
    ends = np.arange(1, steps + 1) - 0.5  # middles of the steps in which the signal came, as of their ends
    before = [
        np.interp(ends - share * settings.theta / settings.dt, np.arange(steps), signal, left=0.0) for share in SHARES
    ]
    settled = slice(round(2 * settings.theta / settings.dt), None)
    found, wanted = read[settled, -1], before[-1][settled]
    metrics = {
        "delay_nrmse": float(np.sqrt(np.mean((found - wanted) ** 2) / np.mean(wanted**2))),
        "delay_correlation": float(np.corrcoef(found, wanted)[0, 1]),
    }
    arrays = {"delay_signal": signal, "delay_read": read, "delay_wanted": np.stack(before, 1)}
    return metrics, arrays | {"delay_theta": settings.theta, "delay_dt": settings.dt}
