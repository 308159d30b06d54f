"""Factored against full weights: whether they agree, and what they cost."""

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuraxis.engine import Chain, record_nothing, simulate
from neuraxis.experiments.transformations.networks import chebyshev, signal
from neuraxis.neurons import LIF, Synapse
from neuraxis.population import Ensemble, FullConnection, RateNeurons, full_weights

_ROUNDS = 5


def agreement(key: jax.Array, settings: Any) -> tuple[dict[str, float], dict[str, Any]]:
    """Compare the drives of B and what is decoded from its rates, at points and in time, relative to the largest."""
    synapse, points = Synapse(settings.tau_s), np.linspace(-1, 1, 201)[:, None].astype(np.float32)
    a, b = _pair(key, settings.neurons, RateNeurons(LIF()))
    decoded = a.decode(chebyshev, noise=settings.noise)
    weights = full_weights(decoded, b)
    full, factored = FullConnection(decoded, b, synapse), Chain(decoded, synapse, b)
    read, given = b.decode(noise=settings.noise).read, signal(settings, 0)[:1000]
    in_time = [simulate(network, given, dt=1.0).record for network in (full, factored)]
    metrics = {
        "drive_difference": _difference(a.rates(points) @ weights + b.bias, b.drive(decoded(points))),
        "rate_difference": _difference(full(points), b.rates(decoded(points))),
        "output_difference": _difference(read(full(points)), read(b.rates(decoded(points)))),
        "output_difference_in_time": _difference(*map(read, in_time)),
    }
    (from_order, to_order), values = (_by_start(each) for each in (a, b)), np.linalg.svd(weights, compute_uv=False)
    metrics["rank"] = np.sum(values > 1e-4 * values[0])
    return metrics, {"weights": np.asarray(weights)[np.ix_(from_order, to_order)]}


def times(key: jax.Array, settings: Any) -> tuple[dict[str, float], dict[str, Any]]:
    """Time the simulation of a spiking channel with factored and with full weights, for populations of each size."""
    sizes, synapse = np.array(sorted(set(settings.sizes))), Synapse(settings.tau_s)
    seconds = np.zeros((2, len(sizes)))
    x = jnp.asarray([0.5])
    for k, size in enumerate(sizes):
        a, b = _pair(key, int(size), LIF())
        decoded = a.decode(noise=settings.noise)
        for i, network in enumerate((Chain(decoded, synapse, b), FullConnection(decoded, b, synapse))):
            seconds[i, k] = _seconds(network, x, settings.steps)
    per_step = 1e6 * seconds / settings.steps  # [µs]
    metrics = {
        "factored_us_per_step": per_step[0, -1],
        "full_us_per_step": per_step[1, -1],
        "full_over_factored_time": per_step[1, -1] / per_step[0, -1],
    }
    return metrics, {"sizes": sizes, "us_per_step": per_step, "multiplications": np.array([2 * sizes, sizes**2])}


def _seconds(network: Any, x: jax.Array, steps: int) -> float:
    """Return the shortest time of some runs, after one that compiles."""
    took = []
    for _ in range(_ROUNDS + 1):
        began = time.perf_counter()
        jax.block_until_ready(simulate(network, x, dt=1.0, steps=steps, record=record_nothing).state)
        took.append(time.perf_counter() - began)
    return min(took[1:])


def _pair(key: jax.Array, size: int, neurons: Any) -> list[Ensemble]:
    return [Ensemble(size, 1, neurons, intercepts=(-0.95, 0.95), key=k) for k in jax.random.split(key)]


def _by_start(ensemble: Ensemble) -> np.ndarray:
    """Order neurons by their preferred sign and the x at which they begin to fire."""
    sign, start = np.asarray(ensemble.encoders[:, 0]), np.asarray((1 - ensemble.bias) / ensemble.gain)
    return np.lexsort((sign * start, sign))


def _difference(found: Any, wanted: Any) -> float:
    found, wanted = np.asarray(found), np.asarray(wanted)
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())
