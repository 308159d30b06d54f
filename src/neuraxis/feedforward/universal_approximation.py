"""Universal approximation by construction: a network within a given distance of any continuous function."""

from collections.abc import Callable
from itertools import count, product
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.feedforward.mlp import MLP
from neuraxis.feedforward.step_network import STEEPNESS, step_network
from neuraxis.values import compiled

Function = Callable[[np.ndarray], Any]

_MAX_DIMENSIONS = 3
# Fraction of eps allowed for the distance within the cells; the rest is a margin for points between those evaluated.
_SHARE = 0.95
# Number of points at which a network is checked; neurons times points, and thus the time, is limited.
_FEWEST_CHECKS, _MOST_CHECKS, _NEURON_EVALUATIONS = 10_000, 100_000, 2 * 10**8
_EVALUATIONS_AT_ONCE = 2**24
# Steps that are closer together cannot be distinguished in single precision.
_MOST_NEURONS = 1_000_000
_MIDDLES = 1000  # number of cell centres, where G should equal f, at which rounding errors are checked


class Approximation(eqx.Module):
    """A network, its distance from the function, and its size; when called, it maps points (…, n) to values (…)."""

    network: MLP  # (…, n) to (…, 1)
    sup_error: float  # largest |G(x) − f(x)| measured
    cells: int  # along each axis of [0, 1]ⁿ
    neurons: int  # in the hidden layers

    def __call__(self, x: Float[ArrayLike, "... n"], *, key: PRNGKeyArray | None = None) -> Float[Array, "..."]:
        """Return G(x)."""
        return _call(self.network, x)


def approximate(f: Function, in_size: int, eps: float, *, max_neurons: int = 50_000) -> Approximation:
    """Build a network G with |G(x) − f(x)| ≤ eps on [0, 1]ⁿ, without any training.

    G is the `step_network` of the values f(a_i) at the centres a_i of equal cells, G(x) = Σ f(a_i) P(x; b_i, δ). The
    number of cells is the smallest for which f, evaluated at many points, differs by no more than eps from its value at
    the centre of the cell (its modulus of continuity, measured). The network itself is then compared with f at points
    unrelated to the grid, and at points near the boundaries and corners of the cells, where the steps rise; if the
    distance exceeds eps there, smaller cells are tried.

    Args:
        f: function of points (…, n) with values (…), as NumPy or JAX arrays.
        in_size: n, which is 1, 2 or 3.
        eps: largest allowed distance from f.
        max_neurons: largest number of hidden neurons.

    Raises:
        InputError: for an f that is not finite or has a wrong shape, another number of dimensions, an eps that is not
            positive or below the rounding errors of f, and if more than `max_neurons` would be needed; the message
            says how many.
    """
    check.functions(f=f)
    check.positive(eps=eps)
    check.one_number(eps=eps)
    check.whole(max_neurons=max_neurons)
    _check_dimensions(in_size)
    if max_neurons > _MOST_NEURONS:
        raise InputError(f"max_neurons must be at most {_MOST_NEURONS:,}, but is {max_neurons}")
    values = _values(f, _evenly_spread(_MIDDLES, in_size))
    _check_rounding(np.abs(values - values.astype(_dtype())), values, eps)
    cells = 1
    while True:
        cells = _fewest_cells(f, in_size, eps, cells + max(1, cells // 16), max_neurons)
        middles = _grid((np.arange(cells) + 0.5) / cells, in_size)
        network = step_network(values := _values(f, middles))
        error = sup_distance(network, f, _check_points(cells, in_size))
        if error <= eps:
            return Approximation(network, error, cells, neurons(cells, in_size))
        some = np.random.default_rng(0).choice(values.size, min(values.size, _MIDDLES), replace=False)
        found = np.asarray(_compiled_call(network, middles.reshape(-1, in_size)[some]))
        _check_rounding(np.abs(found - values.ravel()[some]), values, eps)  # smaller cells would only increase it


def _dtype() -> np.dtype:
    return np.dtype(jnp.result_type(float))


def _check_rounding(rounding: np.ndarray, values: np.ndarray, eps: float) -> None:
    if rounding.max() > 0.5 * eps:
        raise InputError(
            f"eps = {eps:g} is too small for {_dtype()}, which rounds by up to {rounding.max():.2g} where f reaches "
            f"{np.abs(values).max():g}: use a larger eps, or double precision (jax.enable_x64)"
        )


def neurons(cells: int, in_size: int) -> int:
    """Return the number of hidden neurons for K cells per axis in n dimensions: n (K − 1), and Kⁿ − 1 ANDs if n > 1."""
    check.whole(cells=cells)
    _check_dimensions(in_size)
    return in_size * (cells - 1) + (cells**in_size - 1 if in_size > 1 else 0)


def _check_dimensions(in_size: int) -> None:
    check.whole(in_size=in_size)
    if in_size > _MAX_DIMENSIONS:
        raise InputError(f"in_size must be 1, 2 or 3, but is {in_size}")


def sup_distance(network: MLP, f: Function, x: Float[ArrayLike, "points n"]) -> float:
    """Measure the largest |G(x) − f(x)| at the given points, in batches that fit into memory.

    Args:
        network: G.
        f: function of points (N, n) with values (N,).
        x: points (N, n).

    Raises:
        InputError: if `network` is not an MLP, `f` is not a function, or `x` is empty, not finite or of another
            dimension.
    """
    if not isinstance(network, MLP):
        raise InputError(f"network must be an MLP, but is {check.received(network)}")
    check.functions(f=f)
    check.finite(x=x)
    check.last_axis(network.layers[0].weight.shape[0], x=x)
    x = np.asarray(check.array("x", x))
    if x.ndim != 2 or not len(x):
        raise InputError(f"x must contain at least one point, in shape (N, n), but has shape {x.shape}")
    batches = -(-len(x) * max(_size(network), 1) // _EVALUATIONS_AT_ONCE)
    batch = -(-len(x) // batches)
    filled = np.resize(x, (batches, batch, x.shape[-1]))  # padded with the first points, so that all have one size
    return max(float(np.abs(np.asarray(_compiled_call(network, part)) - _values(f, part)).max()) for part in filled)


def _size(network: MLP) -> int:
    return sum(layer.weight.shape[1] for layer in network.layers[:-1])


def _check_points(cells: int, in_size: int) -> np.ndarray:
    """Return points spread evenly over the cube, and as many near the boundaries of cells, where steps rise."""
    count = int(np.clip(_NEURON_EVALUATIONS // neurons(cells, in_size), _FEWEST_CHECKS, _MOST_CHECKS))
    even = _evenly_spread(count, in_size)
    # Most coordinates of these points are moved to the nearest boundary, to a uniformly random height of its step: the
    # error of G is largest in corners, at certain heights of all their steps.
    random = np.random.default_rng(0)
    heights = random.uniform(0.001, 0.999, even.shape)
    rise = np.log(heights / (1 - heights)) / (STEEPNESS * cells)
    at_borders = np.clip(np.round(even * cells), 1, cells - 1) / cells + rise
    return np.concatenate([even, np.where(random.random(even.shape) < 0.75, at_borders, even)])


def _call(network: MLP, x: Float[ArrayLike, "... n"]) -> Float[Array, "..."]:
    # The steepness grows with the number of cells: products rounded to three digits, as GPUs do by default, would shift
    # the steps.
    with jax.default_matmul_precision("float32"):
        return network(x)[..., 0]


_compiled_call = compiled(_call)


def _fewest_cells(f: Function, in_size: int, eps: float, fewest: int, max_neurons: int) -> int:
    """Return the smallest number of cells ≥ `fewest` within which f stays close to its values at their centres."""
    limit = max_neurons + 1 if in_size == 1 else next(k for k in count(1) if neurons(k + 1, in_size) > max_neurons)
    if fewest > limit:
        raise _too_large(eps, neurons(fewest, in_size), max_neurons)
    distance_in = lambda cells: _distance_in_cells(f, cells, in_size)
    most = fewest
    while (distance := distance_in(most)) > _SHARE * eps:
        if most == limit:
            if distance > 0.75 * distance_in(max(1, limit // 2)):
                raise InputError(
                    f"f must be continuous, but within cells of width 1/{limit} it still differs by {distance:.3g} "
                    "from its value at the centre, not much less than within cells twice as wide"
                )
            raise _too_large(eps, neurons(round(limit * distance / (_SHARE * eps)), in_size), max_neurons)
        fewest, most = most + 1, min(2 * most, limit)
    while fewest < most:
        middle = (fewest + most) // 2
        near = distance_in(middle) <= _SHARE * eps
        fewest, most = (fewest, middle) if near else (middle + 1, most)
    return most


def _too_large(eps: float, needed: int, max_neurons: int) -> InputError:
    return InputError(
        f"eps = {eps:g} needs about {needed} hidden neurons, but at most max_neurons = {max_neurons} are allowed"
    )


def _distance_in_cells(f: Function, cells: int, in_size: int) -> float:
    """Return the largest distance between f at the centre of a cell and at its corners and the centres of its sides."""
    values = _values(f, _grid(np.linspace(0, 1, 2 * cells + 1), in_size))
    part = lambda first: values[tuple(slice(i, i + 2 * cells - 1, 2) for i in first)]
    middles = part((1,) * in_size)
    return max(float(np.abs(part(first) - middles).max()) for first in product(range(3), repeat=in_size))


def _grid(axis: np.ndarray, in_size: int) -> np.ndarray:
    """Return the points (…, n) of a grid with the same coordinates along every axis."""
    return np.stack(np.meshgrid(*[axis] * in_size, indexing="ij"), axis=-1)


def _evenly_spread(points: int, in_size: int) -> np.ndarray:
    """Return multiples of (φ⁻¹, …, φ⁻ⁿ) modulo 1, a low-discrepancy sequence, with φ the root of φⁿ⁺¹ = φ + 1."""
    phi = max(np.roots([1, *[0] * (in_size - 1), -1, -1]).real)
    return (np.arange(points)[:, None] * phi ** -np.arange(1.0, in_size + 1)) % 1


def _values(f: Function, x: np.ndarray) -> np.ndarray:
    """Evaluate f, and check its values."""
    values = np.asarray(check.array("the value of f", f(x)), float)
    if values.shape != x.shape[:-1]:
        raise InputError(
            f"f must map points of shape {x.shape} to values of shape {x.shape[:-1]}, but returned shape {values.shape}"
        )
    if not np.all(finite := np.isfinite(values)):
        where = tuple(np.argwhere(~finite)[0])
        raise InputError(f"f must be finite on [0, 1]ⁿ, but is {values[where]} at {x[where].tolist()}")
    return values
