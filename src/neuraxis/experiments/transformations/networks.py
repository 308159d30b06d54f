"""Networks of populations, each in rates and in spikes, and beside them the same networks of exact functions."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from neuraxis.engine import Chain, simulate
from neuraxis.kinds import Dynamics
from neuraxis.neurons import LIF, Synapse
from neuraxis.population import Decoded, Ensemble, RateModel, RateNeurons

MODES: dict[str, RateModel] = {"rate": RateNeurons(LIF()), "spiking": LIF()}


class Multiplier(eqx.Module):
    """Two populations of one dimension drive one of two dimensions, from which the product is decoded."""

    a: Decoded
    b: Decoded
    product: Decoded
    synapse: Synapse

    def init_state(self, input_shape):
        """Start at rest, for an input (…, 2)."""
        one = (*input_shape[:-1], 1)
        return (
            self.a.init_state(one),
            self.b.init_state(one),
            self.synapse.init_state(input_shape),
            self.product.init_state(input_shape),
            self.synapse.init_state(one),
        )

    def step(self, state, x, dt):
        """Advance by `dt` [ms]."""
        a, b, between, product, after = state
        a, left = self.a.step(a, x[..., :1], dt)
        b, right = self.b.step(b, x[..., 1:], dt)
        between, both = self.synapse.step(between, jnp.concatenate([left, right], axis=-1), dt)
        product, out = self.product.step(product, both, dt)
        after, out = self.synapse.step(after, out, dt)
        return (a, b, between, product, after), out


def product(x: Any) -> Any:
    """x₁x₂."""
    return x[..., :1] * x[..., 1:]


def chebyshev(x: Any) -> Any:
    """2x² − 1, from [−1, 1] to itself."""
    return 2 * x**2 - 1


def measure(key: jax.Array, settings: Any) -> tuple[dict[str, float], dict[str, Any]]:
    """Run all networks under signals, and give their errors."""
    signals = signal(settings, 0), np.concatenate([signal(settings, 1), signal(settings, 2)], axis=1)
    times = np.arange(1.0, len(signals[0]) + 1)
    metrics, arrays = {}, {"times": times, "input": signals[0][:, 0]}
    settled = times > 20 * settings.tau_s
    for name in NETWORKS:
        given = signals[1] if name == "product" else signals[0]
        exact = np.asarray(simulate(_exact(name, settings.tau_s), given, dt=1.0).record)
        arrays[f"{name}_exact"] = exact[:, 0]
        for mode, neurons in MODES.items():
            found = np.asarray(simulate(NETWORKS[name](key, neurons, settings), given, dt=1.0).record)
            arrays[f"{name}_{mode}"] = found[:, 0]
            metrics[f"{name}_{mode}_rms_error"] = _root_mean_square((found - exact)[settled])
    late = arrays["channel_spiking"] - signals[0][:, 0]
    metrics["channel_rms_error_with_delay"] = _root_mean_square(late[settled])
    return metrics, arrays


def signal(settings: Any, number: int) -> np.ndarray:
    """Draw a signal (time, 1) from sines of random phases up to the cutoff, scaled to reach 0.9."""
    rng = np.random.default_rng((settings.seed, number))
    steps = int(settings.duration)
    frequencies = np.arange(1, max(1, int(settings.cutoff * steps / 1000)) + 1) / steps  # [1/ms]
    phases, size = rng.uniform(0, 2 * np.pi, len(frequencies)), rng.normal(size=len(frequencies))
    x = np.sin(2 * np.pi * np.arange(1, steps + 1)[:, None] * frequencies + phases) @ size
    return (0.9 * x / np.abs(x).max())[:, None].astype(np.float32)


def _populations(key: jax.Array, neurons: RateModel, settings: Any) -> list[Ensemble]:
    """Draw three populations of one dimension."""
    return [Ensemble(settings.neurons, 1, neurons, intercepts=(-0.95, 0.95), key=k) for k in jax.random.split(key, 3)]


def _channel(key: jax.Array, neurons: RateModel, settings: Any) -> Dynamics:
    a, b, _ = _populations(key, neurons, settings)
    synapse = Synapse(settings.tau_s)
    return Chain(a.decode(noise=settings.noise), synapse, b.decode(noise=settings.noise), synapse)


def _square(key: jax.Array, neurons: RateModel, settings: Any) -> Dynamics:
    a, b, _ = _populations(key, neurons, settings)
    synapse = Synapse(settings.tau_s)
    return Chain(a.decode(jnp.square, noise=settings.noise), synapse, b.decode(noise=settings.noise), synapse)


def _chain(key: jax.Array, neurons: RateModel, settings: Any) -> Dynamics:
    a, b, c = (each.decode for each in _populations(key, neurons, settings))
    synapse, noise = Synapse(settings.tau_s), settings.noise
    return Chain(a(chebyshev, noise=noise), synapse, b(chebyshev, noise=noise), synapse, c(noise=noise), synapse)


def _multiplier(key: jax.Array, neurons: RateModel, settings: Any) -> Dynamics:
    a, b, _ = (each.decode(noise=settings.noise) for each in _populations(key, neurons, settings))
    # Both may be as large as 1 at once, which a ball of radius √2 holds.
    both = Ensemble(2 * settings.neurons, 2, neurons, radius=np.sqrt(2.0), key=key)
    return Multiplier(a, b, both.decode(product, noise=settings.noise), Synapse(settings.tau_s))


NETWORKS: dict[str, Callable[[jax.Array, RateModel, Any], Dynamics]] = {
    "channel": _channel,
    "square": _square,
    "product": _multiplier,
    "chain": _chain,
}


def _exact(name: str, tau_s: float) -> Dynamics:
    """Return the network of exact functions and the same synapses."""
    synapse = Synapse(tau_s)
    return {
        "channel": Chain(synapse, synapse),
        "square": Chain(jnp.square, synapse, synapse),
        "product": Chain(synapse, product, synapse),
        "chain": Chain(chebyshev, synapse, chebyshev, synapse, synapse),
    }[name]


def _root_mean_square(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(x, dtype=float))))
