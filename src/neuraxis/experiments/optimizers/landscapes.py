"""Two energies to descend: a valley, where the way has a closed form, and a landscape with two minima."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from neuraxis.engine import descent, fit, gradient_descent, momentum, weight_decay
from neuraxis.experiments.shared.path import Recorded

MINIMUM = np.array([3.0, -2.0])  # θ* of the valley with weight decay
_ANGLE = 0.4  # of the valley against the first axis [rad]
Energy = Callable[[Float[Array, "... 2"]], Float[Array, "..."]]


def _descend(optimizer: optax.GradientTransformation, energy: Energy, start: np.ndarray, steps: int) -> np.ndarray:
    """Return all points of the way, (steps + 1, 2)."""
    theta, data = jnp.asarray(start, float), (np.arange(steps),)  # the landscape is the same in every step
    rule = Recorded(descent(lambda theta, step, *, key: energy(theta)[None], optimizer), steps)
    fitted = fit(theta, rule, data, batch_size=1, shuffle=False, key=jax.random.key(0), progress=None)
    return np.concatenate([np.asarray(theta)[None], np.asarray(fitted.state.path)])


# --- the valley E = ½ (θ − θ*)ᵀ H (θ − θ*) ---


# Rows: the directions of little and of large curvature.
_DIRECTIONS = np.array([[np.cos(_ANGLE), np.sin(_ANGLE)], [-np.sin(_ANGLE), np.cos(_ANGLE)]])


def _curvatures(condition: float) -> np.ndarray:
    """Return H, with eigenvalues 1 and `condition`."""
    return _DIRECTIONS.T @ np.diag([1.0, condition]) @ _DIRECTIONS


def bowl(condition: float, minimum: np.ndarray) -> Energy:
    """Make the valley's energy, of points (…, 2)."""

    def energy(theta):
        distance = theta - minimum
        return jnp.sum((distance @ jnp.asarray(_curvatures(condition))) * distance, axis=-1) / 2

    return energy


def _decayed_minimum(curvatures: np.ndarray, rate: float) -> np.ndarray:
    """Return (H + λI)⁻¹ H θ*."""
    return np.linalg.solve(curvatures + rate * np.eye(2), curvatures @ MINIMUM)


def valley(condition: float, decay: float, steps: int) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Measure what has a closed form in a valley, and give the paths of the figure."""
    k, root, curvatures = condition, np.sqrt(condition), _curvatures(condition)
    energy = bowl(k, np.zeros(2))
    best = {
        "descent": gradient_descent(2 / (1 + k)),
        "momentum": momentum(4 / (root + 1) ** 2, ((root - 1) / (root + 1)) ** 2),
        "adam": optax.adam(0.3),
    }
    start = np.array([-10.0, 1.0]) @ _DIRECTIONS
    paths = {name: _descend(optimizer, energy, start, steps) for name, optimizer in best.items()}
    decayed = optax.chain(weight_decay(decay), gradient_descent(2 / (1 + k + 2 * decay)))
    paths["decay"] = _descend(decayed, bowl(k, MINIMUM), MINIMUM + start / 2, 20 * int(k))
    fixed_point = _decayed_minimum(curvatures, decay)
    edge = {s: _descend(gradient_descent(s * 2 / k), energy, start, steps) for s in (0.99, 1.01)}
    curve = [_decayed_minimum(curvatures, rate) for rate in (0.0, *np.geomspace(1e-3, 1e3 * k, 200))]
    paths["decayed_minima"] = np.array(curve)
    factors = {name: _factor(paths[name]) for name in ("descent", "momentum")}
    theory = {"descent": (k - 1) / (k + 1), "momentum": (root - 1) / (root + 1)}
    return {
        **{f"{name}_factor": factor for name, factor in factors.items()},
        **{f"{name}_deviation_from_theory": float(abs(factors[name] / theory[name] - 1)) for name in factors},
        "factor_just_below_stability": _factor(edge[0.99]),
        "factor_just_above_stability": _factor(edge[1.01]),
        "decay_distance_from_fixed_point": float(np.linalg.norm(paths["decay"][-1] - fixed_point)),
    }, paths


def _factor(path: np.ndarray) -> float:
    """Return by what the distance from the minimum at 0 changes in a step, over the later half of the way."""
    distance = np.linalg.norm(path, axis=1)
    half = len(distance) // 2
    return float((distance[-1] / distance[half]) ** (1 / (len(distance) - 1 - half)))


# --- a landscape with a shallow minimum on the left and a deeper one on the right ---

_TILT = 0.1


def two_minima(theta: Array | np.ndarray) -> Any:
    """E = x⁴/4 − x²/2 − 0.1 x + (y − x/2)²/2."""
    x, y = theta[..., 0], theta[..., 1]
    return x**4 / 4 - x**2 / 2 - _TILT * x + (y - x / 2) ** 2 / 2


def minima() -> tuple[np.ndarray, np.ndarray]:
    """Return the two minima, where x³ − x − 0.1 = 0 and y = x/2."""
    x = np.sort(np.roots([1, 0, -1, -_TILT]).real)[[0, -1]]
    shallow, deep = np.stack([x, x / 2], axis=1)
    return shallow, deep


def landscape(rate: float, beta: float, steps: int) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Roll from the left by descent, momentum and Adam, and say where each comes to rest."""
    optimizers = {
        "descent": gradient_descent(rate),
        "momentum": momentum(rate, beta),
        "adam": optax.adam(rate),
    }
    start = np.array([-1.7, 0.6])
    paths = {name: _descend(o, two_minima, start, steps) for name, o in optimizers.items()}
    shallow, deep = minima()
    return {
        "descent_distance_from_shallow_minimum": float(np.linalg.norm(paths["descent"][-1] - shallow)),
        "momentum_distance_from_deep_minimum": float(np.linalg.norm(paths["momentum"][-1] - deep)),
        "adam_distance_from_shallow_minimum": float(np.linalg.norm(paths["adam"][-1] - shallow)),
    }, paths
