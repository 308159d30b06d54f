"""What one ensemble represents, in rates and in spikes."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuraxis.engine import Chain, simulate
from neuraxis.neurons import LIF, Synapse
from neuraxis.population import Ensemble, LogisticNeurons, RateModel, ReLUNeurons

NEURONS: dict[str, RateModel] = {"LIF": LIF(), "ReLU": ReLUNeurons(), "logistic": LogisticNeurons()}
FUNCTIONS = {"x": lambda x: x, "x²": lambda x: x**2, "sin(2πx)": lambda x: jnp.sin(2 * jnp.pi * x)}
GRID = np.linspace(-1, 1, 401)[:, None].astype(np.float32)
_FREQUENCY = 1.0  # of the signal [Hz]
_SHOWN = 60  # neurons in the raster


def ensemble(key: jax.Array, settings: Any, neurons: RateModel = LIF()) -> Ensemble:  # noqa: B008 - frozen
    """Draw an ensemble for one dimension."""
    edge = settings.intercept
    return Ensemble(settings.neurons, 1, neurons, intercepts=(-edge, edge), key=key)


def root_mean_square(x: Any) -> float:
    """Return √(mean of x²)."""
    return float(np.sqrt(np.mean(np.square(np.asarray(x, float)))))


def rates(key: jax.Array, settings: Any) -> tuple[dict[str, float], dict[str, Any]]:
    """Decode three functions from ensembles of three models, and hold the decoders against a solution in float64."""
    metrics: dict[str, float] = {}
    arrays: dict[str, Any] = {"grid": GRID[:, 0]}
    for name, neurons in NEURONS.items():
        population = ensemble(key, settings, neurons)
        arrays[f"tuning_{name}"] = population.rates(GRID)[:, :24]
        metrics[f"rms_error_{name}"] = root_mean_square(population.decode(noise=settings.noise)(GRID) - GRID)
    population = ensemble(key, settings)
    for name, function in FUNCTIONS.items():
        arrays[f"decoded_{name}"] = population.decode(function, noise=settings.noise)(GRID)[:, 0]
        arrays[f"exact_{name}"] = function(GRID)[:, 0]
        error = arrays[f"decoded_{name}"] - arrays[f"exact_{name}"]
        metrics[f"rms_error_of_{name}"] = root_mean_square(error)
    decoders = population.decode(points=GRID, noise=settings.noise).decoders
    exact = _by_singular_values(np.asarray(population.rates(GRID), float), GRID.astype(float), settings.noise)
    metrics["decoder_error"] = root_mean_square(decoders - exact) / root_mean_square(exact)
    return metrics, arrays


def spikes(key: jax.Array, settings: Any) -> tuple[dict[str, float], dict[str, Any]]:
    """Decode a sine and its square from spikes, beside what the same synapse makes of the signal itself."""
    population, synapse = ensemble(key, settings), Synapse(settings.tau_s)
    times = np.arange(1.0, settings.duration + 1)
    signal = 0.9 * np.sin(2e-3 * np.pi * _FREQUENCY * times)[:, None].astype(np.float32)
    both = population.decode(lambda x: jnp.concatenate([x, x**2], axis=-1), noise=settings.noise)
    found = simulate(Chain(both, synapse), signal, dt=1.0).record
    wanted = simulate(synapse, np.concatenate([signal, signal**2], axis=1), dt=1.0).record
    activities = np.asarray(simulate(population, signal, dt=1.0).record)
    sign, (_, start) = (
        np.asarray(population.encoders[:, 0]),
        LIF().max_rates_intercepts(population.gain, population.bias),
    )
    shown = np.lexsort((sign * np.asarray(start), sign))[:: max(1, settings.neurons // _SHOWN)]
    when, which = np.nonzero(activities[:, shown])
    settled = times > 10 * settings.tau_s
    metrics = {
        "spiking_rms_error": root_mean_square((found - wanted)[settled, 0]),
        "spiking_rms_error_of_square": root_mean_square((found - wanted)[settled, 1]),
        "mean_rate_hz": float(activities.mean()),
    }
    arrays = {"times": times, "signal": signal[:, 0], "spiking_decoded": found, "spiking_wanted": wanted}
    return metrics, arrays | {"raster_times": times[when], "raster_neurons": which}


def _by_singular_values(H: np.ndarray, X: np.ndarray, noise: float) -> np.ndarray:
    """Solve the regularised problem in double precision, and without HᵀH."""
    more = noise * H.max() * np.sqrt(len(H)) * np.eye(H.shape[1])
    return np.linalg.lstsq(np.vstack([H, more]), np.vstack([X, np.zeros((H.shape[1], X.shape[1]))]), rcond=None)[0]
