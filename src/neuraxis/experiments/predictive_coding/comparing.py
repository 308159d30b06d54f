"""What agrees: dynamics and gradient, the two relaxations, and the changes of the weights and backpropagation's."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, PRNGKeyArray, PyTree

from neuraxis.energy import (
    Clamped,
    ErrorRelaxation,
    Nodes,
    PredictiveCoding,
    StateRelaxation,
    local_slopes,
    prediction_error,
)
from neuraxis.energy.predictive_coding import Layers
from neuraxis.engine import relax
from neuraxis.experiments.predictive_coding.learning import WEAK, Found, deep_sizes, pairs
from neuraxis.experiments.shared.images import Images
from neuraxis.functions.activations import tanh
from neuraxis.values import compiled

_IMAGES = 16  # that settle side by side
_MOST = 30_000  # steps of a relaxation by values
_AT_ONCE = 20  # of them between two looks
_CLOSE = 1e-3  # of the distance at first: where the network is said to have arrived
_STATE_STEP, _ERROR_STEP = 0.2, 0.6  # about the longest with which they settle
_VARIANCES = np.geomspace(1, 1e5, 11)  # of the labels


def measure(key: PRNGKeyArray, images: Images, settings: Any, models: dict[str, PredictiveCoding]) -> Found:
    """Compare them all."""
    x, t = (part[:_IMAGES] for part in pairs(images, images.train))
    shallow = (len(images.classes), *settings.hidden_sizes, images.size)
    metrics, races = {"dynamics_error": _dynamics_error(key, shallow)}, {}
    with jax.enable_x64(True):
        for name, sizes in (("shallow", shallow), ("deep", deep_sizes(images, settings))):
            clamped = Clamped(_double(_network(key, sizes, settings)), t, x)
            rest = _rest(clamped)
            found, curves = _race(clamped, rest)
            metrics |= {f"{name}_{metric}": value for metric, value in found.items()}
            races[name] = {**curves, "layers": len(sizes) - 1}
            if name == "shallow":
                metrics["equilibrium_difference"] = float(_difference(clamped, rest))
        reach = {way: np.array(errors, float) for way, errors in _reach(clamped, rest, settings).items()}
    metrics |= {f"deep_reach_of_{way}": reach[way][-1] / reach["rest"][-1] for way in ("values", "errors")}
    batch = [part[:256] for part in pairs(images, images.train)]
    untrained = PredictiveCoding(shallow, key=key)
    cosines = {name: _cosines(m, *batch) for name, m in (("untrained", untrained), ("trained", models["backprop"]))}
    metrics |= {"cosine_strong": cosines["trained"][0], "cosine_weakest": min(c[-1] for c in cosines.values())}
    return Found(metrics, {"race": races, "variances": _VARIANCES, "cosines": cosines, "reach": reach}, {})


def _network(key: PRNGKeyArray, sizes: tuple[int, ...], settings: Any) -> PredictiveCoding:
    """Make one whose energy is smooth: at the kinks of ReLU neurons no relaxation comes to rest."""
    variances = (settings.clamp_variance, *[1.0] * (len(sizes) - 2))
    return PredictiveCoding(sizes, key=key, activation=tanh, variances=variances)


def _double(model: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float64) if eqx.is_inexact_array(leaf) else leaf, model)


def _dynamics_error(key: PRNGKeyArray, sizes: tuple[int, ...]) -> float:
    """Return the largest difference of τ dx/dt and −∂F/∂x at values drawn by chance, over the largest of the two."""
    model = PredictiveCoding(sizes, key=key, activation=tanh)

    @jax.jit
    def both(x):
        return model.derivative(Nodes(x, model.errors(x)), None).values, jax.grad(lambda x: jnp.sum(model.energy(x)))(x)

    random = np.random.default_rng(0)
    rate, slope = both(tuple(jnp.asarray(random.normal(size=(8, size)), jnp.float32) for size in sizes))
    pairs_of = [(model.tau * np.asarray(a), np.asarray(b)) for a, b in zip(rate, slope, strict=True)]
    return float(max(np.max(np.abs(a + b)) / np.max(np.abs(b)) for a, b in pairs_of))


@compiled
def _difference(clamped: Clamped, goal: Layers) -> Array:
    """Return the largest difference of the values where the two relaxations come to rest."""
    states = relax(clamped.energy, clamped.values_at_first(), step_size=_STATE_STEP, rtol=1e-12, atol=1e-13).x
    return jnp.max(jnp.stack([jnp.max(jnp.abs(gap)) for gap in _gaps(clamped.values(states), goal)]))


@compiled
def _rest(clamped: Clamped) -> Layers:
    """Return the values at rest, found by the errors."""
    start = clamped.errors_at_first()
    rest = relax(clamped.error_energy, start, step_size=_ERROR_STEP, rtol=1e-12, atol=1e-13).x
    return clamped.values_of_errors(rest)


def _race(clamped: Clamped, goal: Layers) -> tuple[dict[str, float], dict[str, Any]]:
    """Count the steps of both relaxations until the values are as near to rest as `_CLOSE` of the way there."""
    starts = clamped.values_at_first(), clamped.errors_at_first()
    by_values = _go(clamped, starts[0], goal, _STATE_STEP, _AT_ONCE, by_errors=False)
    by_errors = _go(clamped, starts[1], goal, _ERROR_STEP, 1, by_errors=True)
    steps = {f"steps_by_{way}": float(curve[0][-1]) for way, curve in (("values", by_values), ("errors", by_errors))}
    ratio = steps["steps_by_values"] / steps["steps_by_errors"]
    return {**steps, "steps_ratio": ratio}, {"values": by_values, "errors": by_errors}


def _go(
    clamped: Clamped, state: PyTree, goal: Layers, step_size: float | Array, at_once: int, *, by_errors: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers of steps, and what the energy is after them above that at rest, as a share of that at first."""
    # No step at all is one of a length that changes nothing, so that the program is the same.
    _, *at_first = _advanced(clamped, state, goal, 1e-30, at_once, by_errors=by_errors)
    whole, lowest, highest = map(float, at_first)
    steps, excess, left = [0], [1.0], whole
    while left > _CLOSE * whole and steps[-1] < _MOST:
        state, left, _, energy = _advanced(clamped, state, goal, step_size, at_once, by_errors=by_errors)
        steps.append(steps[-1] + at_once)
        excess.append((float(energy) - lowest) / (highest - lowest))
    return np.array(steps), np.array(excess)


@compiled
def _advanced(
    clamped: Clamped, state: PyTree, goal: Layers, step_size: float | Array, at_once: int, *, by_errors: bool
) -> tuple[PyTree, Array, Array, Array]:
    """Take some steps; give the state, its distance from rest, and the mean energies at rest and in the state."""
    energy, values = (clamped.error_energy, clamped.values_of_errors) if by_errors else (clamped.energy, clamped.values)
    state = relax(energy, state, step_size=step_size, steps=at_once).x
    left = jnp.sqrt(sum(jnp.sum(gap**2) for gap in _gaps(goal, values(state))))
    return state, left, jnp.mean(clamped.network.energy(goal)), jnp.mean(energy(state))


def _gaps(a: Layers, b: Layers) -> list[Array]:
    return [p - q for p, q in zip(a, b, strict=True)]


def _cosines(model: PredictiveCoding, x: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Return the cosine of all weight changes and those of backpropagation, for each strength of the clamp."""
    back = _flat(_gradient(model, x, t))
    return np.array([_cosine(back, _flat(_weight_change(model, float(v), x, t))) for v in _VARIANCES])


@compiled
def _gradient(model: PredictiveCoding, x: ArrayLike, t: ArrayLike) -> PyTree:
    gradient = eqx.filter_grad(lambda model: jnp.mean(prediction_error(model, x, t)))(model)
    return gradient.weights, gradient.biases


@compiled
def _weight_change(model: PredictiveCoding, variance: ArrayLike, x: ArrayLike, t: ArrayLike) -> PyTree:
    weaker = eqx.tree_at(lambda model: model.variances, model, (variance, *model.variances[1:]))
    slopes = local_slopes(weaker, ErrorRelaxation(steps=300, step_size=0.02)(Clamped(weaker, t, x)))
    return slopes.weights, slopes.biases


def _flat(tree: PyTree) -> np.ndarray:
    return np.concatenate([np.ravel(np.asarray(leaf, float)) for leaf in jax.tree.leaves(tree)])


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


@compiled
def _reach(clamped: Clamped, rest: Layers, settings: Any) -> dict[str, list[Array]]:
    """Return the root mean square of the errors of each layer, as a training step sees them, and at rest."""
    by_values = StateRelaxation(settings.state_steps, settings.state_step_size)
    found = {"values": by_values(clamped).errors, "errors": WEAK(clamped).errors, "rest": clamped.network.errors(rest)}
    return {name: [jnp.sqrt(jnp.mean(error**2)) for error in errors] for name, errors in found.items()}
