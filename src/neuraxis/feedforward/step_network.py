"""A network constructed by hand: steep logistic neurons are steps, whose sums take any values on a grid."""

from itertools import product

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.feedforward.mlp import MLP
from neuraxis.functions.activations import logistic

# Steepness w of the steps for cells of width 1. At the centre of a cell a step differs from 0 or 1 by e⁻²⁰, which is
# less than float32 resolves near 1. Steeper steps would only make the gradients larger.
STEEPNESS = 40.0


def step(x: ArrayLike, b: ArrayLike, w: ArrayLike) -> Float[Array, "..."]:
    """H(x; b) = σ(w (x − b)), with the logistic function σ: for w → ∞ the step function at b."""
    return logistic(check.floats("w", w) * (check.floats("x", x) - check.floats("b", b)))


def bump(x: ArrayLike, b: ArrayLike, delta: ArrayLike, w: ArrayLike) -> Float[Array, "..."]:
    """P(x; b, δ) = H(x; b) − H(x; b + δ): for w → ∞ it is 1 from b to b + δ and 0 elsewhere.

    Args:
        x: points at which to evaluate P.
        b: start of the bump.
        delta: δ, the width of the bump.
        w: steepness of both steps.
    """
    return step(x, b, w) - step(x, check.floats("b", b) + check.floats("delta", delta), w)


def step_network(values: npt.ArrayLike) -> MLP:
    """Build the network that takes given values in the cells of a grid on [0, 1]ⁿ.

    Along each of the n axes of `values`, all of length K, [0, 1] is divided into K equal cells. In one dimension, for
    values v_i, the network is

        G(x) = Σ_i v_i P(x; b_i, δ) = v_0 + Σ_{i≥1} (v_i − v_{i−1}) H(x; b_i),   b_i = i/K, δ = 1/K:

    the step that ends a bump starts the next one, so that one hidden neuron per inner boundary is sufficient, and near
    a boundary G lies between the values of the two cells.

    In more dimensions the first layer has these steps for each coordinate. A neuron of the second layer is the AND of
    steps in m different coordinates, σ(w (Σ_d H(x_d; b_{i_d}) − m + ½)): its input exceeds the threshold only where all
    m steps are 1. The bump of a cell is the difference of these ANDs over all coordinates, as P is the difference of
    two steps, and the output weights are the differences of `values` over the same coordinates. The sum of all bumps is
    1 everywhere, also at the boundaries.

    Returns:
        An `MLP` of logistic neurons, (…, n) to (…, 1), with one hidden layer for n = 1 and two for n > 1.

    Raises:
        InputError: for values that are not finite, have no axis, differ in the lengths of their axes, or have fewer
            than two cells per axis.

    Source: Cybenko, Mathematics of Control, Signals, and Systems 2:303 (1989), for the theorem; Nielsen, Neural
    Networks and Deep Learning (2015), chapter 4, for the construction.
    """
    check.finite(values=values)
    values = np.asarray(check.array("values", values), float)
    if not values.ndim or len(set(values.shape)) > 1 or len(values) < 2:
        raise InputError(
            f"values must have one or more axes of equal length, at least 2, but have shape {values.shape}"
        )
    if values.ndim > 1:
        check.array_fits("values", (values.ndim * (len(values) - 1), values.size - 1))
    steps = _steps(len(values), values.ndim)
    layers = [steps] if values.ndim == 1 else [steps, _ands(len(values), values.ndim)]
    weights = _differences(values)
    check.finite(**{"the differences of values": weights})
    layers.append((weights[1:, None], weights[:1]))  # the first one applies everywhere: it is the bias
    return _assemble(layers)


def _steps(cells: int, in_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and biases of the steps at the inner boundaries of each coordinate."""
    w = STEEPNESS * cells
    borders = np.arange(1, cells) / cells
    return np.kron(np.eye(in_size), np.full(cells - 1, w)), np.tile(-w * borders, in_size)


def _ands(cells: int, in_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and biases of the ANDs of one step, or none (0), in each coordinate, in the order of cells."""
    chosen = np.array(list(product(range(cells), repeat=in_size)))[1:]  # the empty AND is the output bias
    weight = np.zeros((in_size, cells - 1, len(chosen)), np.float32)
    neuron, coordinate = np.nonzero(chosen)
    weight[coordinate, chosen[neuron, coordinate] - 1, neuron] = STEEPNESS
    return weight.reshape(-1, len(chosen)), STEEPNESS * (0.5 - np.count_nonzero(chosen, axis=1))


def _differences(values: np.ndarray) -> np.ndarray:
    """Return differences along every axis, keeping the first entry of each axis: the inverse of cumulative sums."""
    for axis in range(values.ndim):
        values = np.diff(values, axis=axis, prepend=0)
    return values.ravel()


def _assemble(layers: list[tuple[np.ndarray, np.ndarray]]) -> MLP:
    """Build an MLP from weights and biases."""
    sizes = (len(layers[0][0]), *(len(bias) for _, bias in layers))
    blank = eqx.filter_eval_shape(lambda: MLP(sizes, key=jax.random.key(0), activation=logistic))
    arrays = [jnp.asarray(array, jnp.result_type(float)) for layer in layers for array in layer]
    return eqx.tree_at(lambda m: [a for layer in m.layers for a in (layer.weight, layer.bias)], blank, arrays)
