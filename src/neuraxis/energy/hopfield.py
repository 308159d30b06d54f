"""The Hopfield network: memories as minima of an energy.

J. J. Hopfield, Neural networks and physical systems with emergent collective computational abilities, PNAS 79 (1982).
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray

from neuraxis import check, values
from neuraxis.engine import one_function
from neuraxis.errors import InputError
from neuraxis.values import compiled

# Number of neurons among which a sweep searches for the next flip at a time. Any number gives the same result; with 64
# it takes 1.5 times as long on a CPU.
_WINDOW = 32


class Recalled(eqx.Module):
    """Final states of a recall; `sweeps` and `settled` hold one value per leading index of the states."""

    x: Float[Array, "... n"]
    sweeps: Int[Array, "..."]
    """Number of sweeps until nothing flipped, including the last one."""
    settled: Bool[Array, "..."]
    """Whether the last sweep flipped nothing."""


class Hopfield(eqx.Module):
    """A network of N neurons x_i = ±1 with symmetric weights W (N, N), zero on the diagonal, and biases b (N,).

    Its energy is E(x) = −½ x W xᵀ − b xᵀ. The update of a neuron, x_i ← sign((xW + b)_i), where sign(0) keeps the
    state, changes the energy by −2 |(xW + b)_i| if x_i flips. Asynchronous updates (`sweep`, `step`, `recall`)
    therefore never raise the energy and end in a minimum; synchronous ones (`synchronous_step`) may end in a cycle of
    two states.

    All methods take states (…, N). Weights are stored as W = numerator/denominator: those of Hebb's rule are integers
    divided by M. Sums over a state are then integers too, and are divided last, so that a field that is 0 is computed
    as exactly 0 (in single precision, as long as the sums stay below 2²⁴).

    Args:
        weights: weights W (N, N), such as those of `Hopfield.store(patterns)`.
        bias: biases b (N,), by default 0.

    Raises:
        InputError: for weights that are not square, finite, symmetric and zero on the diagonal, or biases that do not
            fit them.
    """

    numerator: Float[Array, "n n"]
    bias: Float[Array, " n"]
    denominator: float | Array

    def __init__(self, weights: ArrayLike, bias: ArrayLike | None = None):
        """Check the weights and biases."""
        check.finite(weights=weights)
        W = check.floats("weights", weights)
        shape = W.shape
        if len(shape) != 2 or shape[0] != shape[1] or 0 in shape:
            raise InputError(f"weights must have shape (N, N), but have shape {shape}")
        _check_symmetric(W)
        self.numerator, self.denominator = at_least_single(W), 1.0
        check.finite(bias=0.0 if bias is None else bias)
        self.bias = jnp.zeros(shape[0], self.dtype) if bias is None else jnp.asarray(bias, self.dtype)
        if self.bias.shape != shape[:1]:
            raise InputError(f"bias must have shape {shape[:1]}, but has shape {self.bias.shape}")

    @staticmethod
    def store(patterns: ArrayLike) -> "Hopfield":
        """Return the network that stores `patterns` (M, N) of ±1, with the weights of `hebbian` and no bias.

        Up to M ≈ 0.138 N random patterns can be recalled (Amit, Gutfreund and Sompolinsky, 1985).

        Raises:
            InputError: for patterns that do not have shape (M, N) or contain anything other than ±1.
        """
        sums, count = _hebbian_sums(patterns)
        return eqx.tree_at(lambda network: network.denominator, Hopfield(sums), float(count))

    @property
    def weights(self) -> Float[Array, "n n"]:
        """W."""
        return self.numerator / self.denominator

    @property
    def dtype(self) -> jnp.dtype:
        """Data type of weights, biases and states."""
        return self.numerator.dtype

    def field(self, x: ArrayLike) -> Float[Array, "... n"]:
        """Return the field xW + b of states (…, N), whose entries may also lie between −1 and 1."""
        return self._sums(self._state(x)) / self.denominator + self.bias

    def energy(self, x: ArrayLike) -> Float[Array, "..."]:
        """Return E = −½ x W xᵀ − b xᵀ of states (…, N), whose entries may also lie between −1 and 1."""
        x = self._state(x)
        return -0.5 * jnp.sum(x * self._sums(x), axis=-1) / self.denominator - jnp.sum(x * self.bias, axis=-1)

    def _sums(self, x: Array) -> Float[Array, "... n"]:
        # W is symmetric, so xW is the inner product of x with the rows of W, which are contiguous in memory. At default
        # precision a GPU would round both to three digits.
        return jnp.inner(x, self.numerator, precision=lax.Precision.HIGHEST)

    def synchronous_step(self, x: ArrayLike) -> Float[Array, "... n"]:
        """Update all neurons at once: x ← sign(xW + b)."""
        x, h = self._signs(x), self.field(x)
        return jnp.where(h == 0, x, jnp.sign(h))

    def sweep(self, x: ArrayLike, order: ArrayLike) -> Float[Array, "... n"]:
        """Update neurons one after another, in the given order (K,) of their indices.

        Raises:
            InputError: for states that are not ±1 or have another size, or an order that is not a list of indices.
        """
        x = self._signs(x)
        given = check.array("order", order)
        if not jnp.issubdtype(given.dtype, jnp.integer) or given.ndim != 1:
            raise InputError(f"order must list indices of neurons, but is {check.received(order)}")
        if not isinstance(given, Tracer):
            indices = np.asarray(given)
            if not np.all(good := (indices >= 0) & (indices < x.shape[-1])):
                strange = indices[np.argmin(good)]
                raise InputError(f"order must contain indices from 0 to {x.shape[-1] - 1}, but contains {strange}")
        return _sweep_once(self, x, jnp.asarray(given), alone=_is_alone(x, given))

    def step(self, x: ArrayLike, *, key: PRNGKeyArray) -> Float[Array, "... n"]:
        """Update every neuron once, one after another in a random order (the same for all states of a batch)."""
        check.key(key)
        x = self._signs(x)
        return self.sweep(x, jax.random.permutation(key, x.shape[-1]))

    def recall(self, x: ArrayLike, *, key: PRNGKeyArray, max_sweeps: int = 100) -> Recalled:
        """Sweep in random orders until no neuron flips.

        Args:
            x: states of ±1, (…, n).
            key: random key of the orders.
            max_sweeps: maximum number of sweeps.

        Raises:
            InputError: for states that are not ±1 or have another size.
        """
        check.whole(max_sweeps=max_sweeps)
        check.key(key)
        x = self._signs(x)
        most = jnp.asarray(min(max_sweeps, jnp.iinfo(jnp.int32).max), jnp.int32)
        return _recall(self, x, key, most, alone=_is_alone(x, x))

    def _state(self, x: ArrayLike) -> Array:
        check.last_axis(self.bias.shape[0], x=x)
        check.finite(x=x)
        return jnp.asarray(check.array("x", x), self.dtype)

    def _signs(self, x: ArrayLike) -> Array:
        x = _only_signs("x", x)
        check.last_axis(self.bias.shape[0], x=x)
        return jnp.asarray(x, self.dtype)


def hebbian(patterns: ArrayLike) -> Float[Array, "n n"]:
    """Return the weights of Hebb's rule, (1/M) XᵀX − I, for M patterns of ±1, the rows of X (M, N).

    They are −2 times the gradient of the mean energy of the patterns with respect to the weights between different
    neurons. Gradient descent on that energy, τ_w dW/dt = (1/M) XᵀX − I, reaches them from W = 0 at t = τ_w.

    Raises:
        InputError: for patterns that do not have shape (M, N) or contain anything other than ±1.
    """
    sums, count = _hebbian_sums(patterns)
    return sums / count


def _hebbian_sums(patterns: ArrayLike) -> tuple[Float[Array, "n n"], int]:
    """Return XᵀX − M·I, whose entries are integers, and M."""
    X = at_least_single(_only_signs("patterns", patterns))
    if X.ndim != 2 or 0 in X.shape:
        raise InputError(f"patterns must have shape (M, N), but have shape {X.shape}")
    M, N = X.shape
    return jnp.matmul(X.T, X, precision=lax.Precision.HIGHEST) - M * jnp.eye(N, dtype=X.dtype), M


def at_least_single(x: Any) -> Float[Array, "..."]:
    """Convert an array to floats of at least single precision, which sums need."""
    return jnp.asarray(x, jnp.promote_types(jnp.result_type(x, float), jnp.float32))


def _check_symmetric(weights: ArrayLike) -> None:
    if isinstance(weights, Tracer):
        return
    W = np.asarray(weights)
    if np.any(np.diagonal(W)):
        raise InputError(f"weights must be 0 on the diagonal, but reach {np.abs(np.diagonal(W)).max():.6g} there")
    # Products such as XᵀX may not be symmetric to the last bit.
    if (gap := np.abs(W - W.T).max(initial=0)) > 1e-5 * np.abs(W).max(initial=0):
        raise InputError(f"weights must be symmetric, but W and its transpose differ by up to {gap:.6g}")


def _only_signs(name: str, x: ArrayLike) -> Any:
    signs = check.array(name, x)
    if not isinstance(signs, Tracer) and not np.all(good := np.isin(np.asarray(signs), (-1, 1))):
        raise InputError(f"{name} must contain −1 and 1 only, but contains {np.asarray(signs).flat[np.argmin(good)]}")
    return signs


def _sweep(network: Hopfield, x: Array, sums: Array, order: Array) -> tuple[Array, Array]:
    """Do one sweep over a state (N,) or states (batch, N) with the sums of their numerators; return both after it.

    Between two flips nothing changes, so instead of visiting every neuron, each iteration finds the next one that
    flips, and adds its row of numerators to the sums.
    """
    turns = jnp.arange(_WINDOW, dtype=jnp.int32)
    padded = jnp.concatenate([order, jnp.zeros(_WINDOW, order.dtype)])

    def next_flip(x, sums, position):
        window = lax.dynamic_slice(padded, (position,), (_WINDOW,))
        field = sums[window] / network.denominator + network.bias[window]
        unstable = (x[window] * field < 0) & (position + turns < order.size)
        turn = jnp.min(jnp.where(unstable, turns, _WINDOW))
        found = turn < _WINDOW
        i = window[jnp.minimum(turn, _WINDOW - 1)]
        change = jnp.where(found, -2 * x[i], 0)
        return x.at[i].add(change), sums + change * network.numerator[i], position + turn + found

    each = jax.vmap(next_flip) if x.ndim == 2 else next_flip
    start = (x, sums, jnp.zeros(x.shape[:-1], jnp.int32))
    x, sums, _ = lax.while_loop(lambda carry: jnp.any(carry[2] < order.size), lambda carry: each(*carry), start)
    return x, sums


def _one_batch_axis(x: Array) -> Array:
    return x.reshape(-1, x.shape[-1]) if x.ndim > 1 else x  # a single state runs twice as fast without a batch axis


def _is_alone(x: Array, order: ArrayLike) -> bool:
    """Return whether a sweep is over a single state on a CPU, where it is best compiled into one function."""
    return x.ndim == 1 and np.size(order) > 0 and not values.is_traced() and one_function.pays()


@compiled
def _sweep_once(network: Hopfield, x: Array, order: Array, *, alone: bool) -> Array:
    flat = _one_batch_axis(x)
    what = network, flat, network._sums(flat), order
    return (one_function.call(_sweep, *what) if alone else _sweep(*what))[0].reshape(x.shape)


@compiled
def _recall(network: Hopfield, x: Array, key: PRNGKeyArray, max_sweeps: Array, *, alone: bool) -> Recalled:
    def going(carry):
        return jnp.any(carry[3]) & (carry[4] < max_sweeps)

    def advance(carry):
        x, sums, sweeps, active, count = carry
        order = jax.random.permutation(jax.random.fold_in(key, count), x.shape[-1])
        what = network, x, sums, order
        new, sums = one_function.call(_sweep, *what) if alone else _sweep(*what)
        return new, sums, sweeps + active, jnp.any(new != x, axis=-1), count + 1

    flat = _one_batch_axis(x)
    sweeps = jnp.zeros(flat.shape[:-1], jnp.int32)
    start = (flat, network._sums(flat), sweeps, jnp.ones(sweeps.shape, bool), jnp.zeros((), jnp.int32))
    flat, _, sweeps, active, _ = lax.while_loop(going, advance, start)
    lead = x.shape[:-1]
    return Recalled(flat.reshape(x.shape), sweeps.reshape(lead), ~active.reshape(lead))
