"""The partition function of a small restricted Boltzmann machine, by counting every state."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from neuraxis import check
from neuraxis.energy.rbm import RBM
from neuraxis.errors import InputError
from neuraxis.functions.activations import softplus
from neuraxis.values import compiled

MOST_UNITS = 20  # in the smaller layer: a million states
_BLOCK = 2**12  # states at a time


def log_partition_function(rbm: RBM) -> Float[Array, ""]:
    """Give ln Z = ln Σ_{v,h} e^{−E(v, h)/T} [nats], exactly: by a sum over all states of the smaller layer.

    For each state of one layer the sum over the other is a product, as in Σ_h e^{−E/T} = e^{b vᵀ/T} Π_j (1 +
    e^{(vW + c)_j/T}). In single precision the result is good to about seven digits.

    Args:
        rbm: a machine with at most 20 units in one of its layers.

    Raises:
        InputError: for more units in both layers.
    """
    check.instance(RBM, rbm=rbm)
    visible, hidden = rbm.weight.shape
    if min(visible, hidden) > MOST_UNITS:
        raise InputError(
            f"every state can be counted for at most {MOST_UNITS} units in one of the layers, but there are {visible} "
            f"visible and {hidden} hidden ones; annealed_importance_sampling estimates ln Z for any number"
        )
    return _counted(rbm)


@compiled
def _counted(rbm: RBM) -> Float[Array, ""]:
    whole = rbm.at_temperature_one()
    W, few, many = whole.weight, whole.hidden_bias, whole.visible_bias
    if W.shape[0] < W.shape[1]:
        W, few, many = W.T, many, few
    size = len(few)
    states = min(2**size, _BLOCK)
    product = lambda a, b: jnp.matmul(a, b, precision=lax.Precision.HIGHEST)

    def logarithms(block: Array) -> Array:
        """Give the logarithms of the terms of the sum."""
        numbers = block * states + jnp.arange(states)
        units = ((numbers[:, None] >> jnp.arange(size)) & 1).astype(W.dtype)
        return product(units, few) + jnp.sum(softplus(product(units, W.T) + many), axis=-1)

    def add(total: Array, block: Array) -> tuple[Array, None]:
        return jnp.logaddexp(total, jax.nn.logsumexp(logarithms(block))), None

    return lax.scan(add, jnp.asarray(-jnp.inf, W.dtype), jnp.arange(2**size // states))[0]
