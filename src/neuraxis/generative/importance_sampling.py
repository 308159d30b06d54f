"""Estimates of ln p(x) for a variational autoencoder, by importance sampling from its encoder.

Rezende, Mohamed and Wierstra, International Conference on Machine Learning (2014), appendix E; Burda, Grosse and
Salakhutdinov, Importance weighted autoencoders, International Conference on Learning Representations (2016).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions import normal
from neuraxis.generative.vae import VAE, draw_latent
from neuraxis.values import compiled, is_traced

_NUMBERS_AT_ONCE = 2**21  # decoder outputs in memory at once: 8 MB in single precision
_EXAMPLES_AT_ONCE = 256


class LogLikelihood(NamedTuple):
    """Estimates of ln p(x), and their standard errors."""

    values: Float[np.ndarray, " examples"]
    """Estimate of ln p(x) for each x [nats]."""
    standard_errors: Float[np.ndarray, " examples"]
    """Standard error of each estimate [nats]."""


def log_likelihood(model: VAE, x: ArrayLike, *, key: PRNGKeyArray, samples: int = 1000) -> LogLikelihood:
    """Estimate ln p(x) ≈ ln (1/k) Σ_j w_j with w_j = p(x|z_j) p(z_j)/q(z_j|x), for k draws z_j from q(z|x).

    On average the estimate is a lower bound, which is at least the ELBO and increases with k towards ln p(x); it is
    exact for any k if q(z|x) is the posterior. The standard errors are s_w/(w̄ √k), with the mean w̄ and standard
    deviation s_w of the weights; they do not cover values of z that the encoder never samples.

    Samples and examples are processed in blocks, so memory does not grow with their number.

    Args:
        model: variational autoencoder.
        x: examples, (N, *shape).
        key: random key for the samples.
        samples: number of samples k per example, at least 2.

    Raises:
        InputError: for a model that is not a VAE, fewer than two samples, or examples that are empty, not finite, of
            another shape or outside the range of the likelihood.
    """
    check.instance(VAE, model=model)
    check.whole(2, samples=samples)
    check.key(key)
    if is_traced():
        raise InputError("log_likelihood works in blocks on the host, which is not possible under jit, grad or vmap")
    examples = check.floats("x", x)
    check.finite(x=examples)
    if examples.shape[1:] != model.shape or not examples.size:
        expected = ", ".join(map(str, model.shape))
        raise InputError(f"x must have shape (N, {expected}) with at least one example, but has shape {examples.shape}")
    batches = -(-len(examples) // _EXAMPLES_AT_ONCE)
    batch = -(-len(examples) // batches)
    filled = np.resize(examples, (batches, batch, *model.shape))  # repeats examples, so that all batches are full
    parts = []
    for i, part in enumerate(filled):
        model.log_prob(part, model.encode(part)[0])  # checks x, which is impossible while JAX is tracing
        parts.append(jax.device_get(_of_batch(model, part, jax.random.fold_in(key, i), int(samples))))
    values, errors = (np.concatenate(each)[: len(examples)] for each in zip(*parts, strict=True))
    return LogLikelihood(values, errors)


@compiled
def _of_batch(model: VAE, x: Array, key: PRNGKeyArray, samples: int) -> tuple[Array, Array]:
    at_once = min(samples, max(1, _NUMBERS_AT_ONCE // x.size))
    blocks = -(-samples // at_once)
    with jax.default_matmul_precision("float32"):
        mean, log_var = model.encode(x)

        def add(sums: tuple[Array, Array, Array], block: Array) -> tuple[tuple[Array, Array, Array], None]:
            log_w = _log_weights(model, x, mean, log_var, jax.random.fold_in(key, block), at_once)
            # The last block has the size of the others; surplus samples have zero weight.
            counts = block * at_once + jnp.arange(at_once) < samples
            return _plus(sums, jnp.where(counts[:, None], log_w, -jnp.inf)), None

        zero = jnp.zeros(len(x), mean.dtype)
        (largest, total, squares), _ = lax.scan(add, (zero - jnp.inf, zero, zero), jnp.arange(blocks))
    variance = samples / (samples - 1) * (squares / total**2 - 1 / samples)
    return largest + jnp.log(total / samples), jnp.sqrt(jnp.maximum(variance, 0))


def _log_weights(
    model: VAE, x: Array, mean: Array, log_var: Array, key: PRNGKeyArray, count: int
) -> Float[Array, "count batch"]:
    """Return ln w for `count` samples per example."""
    shape = (count, *mean.shape)
    z = draw_latent(key, jnp.broadcast_to(mean, shape), log_var)
    prior = normal.log_density(z, jnp.zeros(()), jnp.zeros(()))
    return model.log_prob(jnp.broadcast_to(x, (count, *x.shape)), z) + prior - normal.log_density(z, mean, log_var)


def _plus(sums: tuple[Array, Array, Array], log_w: Float[Array, "count batch"]) -> tuple[Array, Array, Array]:
    """Add weights and their squares to running sums, which are kept relative to the largest weight so far."""
    before, total, squares = sums
    largest = jnp.maximum(before, jnp.max(log_w, axis=0))
    scale, w = jnp.exp(before - largest), jnp.exp(log_w - largest)
    return largest, scale * total + jnp.sum(w, axis=0), scale**2 * squares + jnp.sum(w**2, axis=0)
