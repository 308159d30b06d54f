"""Exact partition function and exact samples of a small restricted Boltzmann machine, by enumerating its states."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.energy.rbm import RBM
from neuraxis.errors import InputError
from neuraxis.functions.softplus_sum import softplus_sum
from neuraxis.values import compiled

MOST_UNITS = 20  # in the smaller layer: a million states
_BLOCK = 2**12  # states at a time


def log_partition_function(rbm: RBM) -> Float[Array, ""]:
    """Return ln Z = ln Σ_{v,h} e^{−E(v, h)/T} [nats], exactly: by a sum over all states of the smaller layer.

    For each state of one layer the sum over the other factorises, as in Σ_h e^{−E/T} = e^{b vᵀ/T} Π_j (1 +
    e^{(vW + c)_j/T}). In single precision the result is accurate to about seven digits.

    Args:
        rbm: a machine with at most 20 units in one of its layers.

    Raises:
        InputError: for more units in both layers.
    """
    _check_countable(rbm)
    return _log_partition_function(rbm)


def exact_samples(rbm: RBM, count: int, *, key: PRNGKeyArray) -> Float[Array, "{count} visible"]:
    """Draw independent samples of the visible units from P(v): a state of the smaller layer, then the other given it.

    Args:
        rbm: a machine with at most 20 units in one of its layers.
        count: number of samples.
        key: random key.

    Raises:
        InputError: for more units in both layers, or a count below 1.
    """
    _check_countable(rbm)
    check.whole(count=count)
    check.key(key)
    return _exact_samples(rbm, int(count), key)


def _check_countable(rbm: RBM) -> None:
    check.instance(RBM, rbm=rbm)
    visible, hidden = rbm.weight.shape
    if min(visible, hidden) > MOST_UNITS:
        raise InputError(
            f"states can be enumerated for at most {MOST_UNITS} units in one of the layers, but there are {visible} "
            f"visible and {hidden} hidden ones; annealed_importance_sampling estimates ln Z for any number, and a "
            "GibbsChain draws samples"
        )


@compiled
def _log_partition_function(rbm: RBM) -> Float[Array, ""]:
    return jax.nn.logsumexp(_logarithms(rbm))


@compiled
def _exact_samples(rbm: RBM, count: int, key: PRNGKeyArray) -> Float[Array, "count visible"]:
    which, rest = jax.random.split(key)
    sums = jnp.cumsum(jax.nn.softmax(_logarithms(rbm)))
    drawn = jnp.searchsorted(sums, sums[-1] * jax.random.uniform(which, (count,), sums.dtype))
    visible, hidden = rbm.weight.shape
    units = _units(drawn, min(visible, hidden), rbm.dtype)
    return units if visible < hidden else rbm.sample_visible(units, key=rest)


def _logarithms(rbm: RBM) -> Float[Array, " state"]:
    """Return ln Σ e^{−E/T} over the larger layer, for each state of the smaller one."""
    whole = rbm.at_temperature_one()
    W, few, many = whole.weight, whole.hidden_bias, whole.visible_bias
    if W.shape[0] < W.shape[1]:
        W, few, many = W.T, many, few
    states = 2 ** len(few)
    product = lambda a, b: jnp.matmul(a, b, precision=lax.Precision.HIGHEST)

    def of_block(numbers: Array) -> Array:
        units = _units(numbers, len(few), W.dtype)
        return product(units, few) + softplus_sum(product(units, W.T) + many)

    return lax.map(of_block, jnp.arange(states).reshape(-1, min(states, _BLOCK))).ravel()


def _units(numbers: Array, size: int, dtype: jnp.dtype) -> Float[Array, "state unit"]:
    """Return the binary digits of the numbers of states."""
    return ((numbers[:, None] >> jnp.arange(size)) & 1).astype(dtype)
