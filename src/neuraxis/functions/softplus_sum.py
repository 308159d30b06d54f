"""The sum of softplus over many numbers, with few logarithms."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from neuraxis.functions.activations import logistic

_HALVINGS = 5  # products of 2⁵ numbers from 1 to 2 stay below 2³², far from overflow


@jax.custom_jvp
def softplus_sum(z: Float[Array, "... k"]) -> Float[Array, "..."]:
    """Return Σ_k ln(1 + e^{z_k}) over the last axis, for z in at least single precision.

    It is computed as Σ max(z, 0) + ln Π (1 + e^{−|z|}), with the product in groups of 32, because a logarithm costs
    more than an exponential.
    """
    factors = 1 + jnp.exp(-jnp.abs(z))
    for _ in range(_HALVINGS):
        half = factors.shape[-1] // 2
        odd = factors[..., 2 * half :]
        factors = jnp.concatenate([factors[..., :half] * factors[..., half : 2 * half], odd], axis=-1)
    return jnp.sum(jnp.maximum(z, 0), axis=-1) + jnp.sum(jnp.log(factors), axis=-1)


@softplus_sum.defjvp
def _derivative(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (z,), (change,) = primals, tangents
    return softplus_sum(z), jnp.sum(logistic(z) * change, axis=-1)
