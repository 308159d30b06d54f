"""Normal distributions with diagonal covariance: log-density, and KL divergence from the standard normal.

Both functions take the logarithm of the variance, as networks output it, and sum over the last axis. Sums are taken in
at least single precision.
"""

import math

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.precision import single


def log_density(x: ArrayLike, mean: ArrayLike, log_var: ArrayLike) -> Float[Array, "..."]:
    """Return ln N(x; μ, σ²) = −½ Σ ((x − μ)²/σ² + ln σ² + ln 2π) [nats].

    Args:
        x: points at which to evaluate, (…, k).
        mean: μ, broadcastable to the shape of x.
        log_var: ln σ², broadcastable to the shape of x.

    Raises:
        InputError: for shapes that do not fit.
    """
    x, mean, log_var = (single(check.floats(name, v)) for name, v in {"x": x, "mean": mean, "log_var": log_var}.items())
    if not x.ndim:
        raise InputError("x must have shape (…, k), but is a single number")
    check.fits(x.shape, mean=mean, log_var=log_var)
    terms = (x - mean) ** 2 * jnp.exp(-log_var) + log_var
    return -0.5 * (jnp.sum(terms, axis=-1) + x.shape[-1] * math.log(2 * math.pi))


def kl_from_standard(mean: ArrayLike, log_var: ArrayLike) -> Float[Array, "..."]:
    """KL(N(μ, σ²) ‖ N(0, 1)) = ½ Σ (σ² + μ² − ln σ² − 1) [nats], with μ and ln σ² of shape (…, k).

    Raises:
        InputError: for shapes that differ.

    Source: Kingma and Welling, International Conference on Learning Representations (2014), appendix B.
    """
    mean, log_var = (single(check.floats(name, v)) for name, v in {"mean": mean, "log_var": log_var}.items())
    if not mean.ndim or mean.shape != log_var.shape:
        raise InputError(f"mean and log_var must have the same shape (…, k), but have {mean.shape} and {log_var.shape}")
    # expm1 stays accurate where σ is near 1.
    return 0.5 * jnp.sum(mean**2 + (jnp.expm1(log_var) - log_var), axis=-1)
