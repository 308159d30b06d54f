"""ln p(x) of a variational autoencoder, by importance sampling from its encoder.

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

_NUMBERS_AT_ONCE = 2**21  # in the outputs of the decoder that are in memory together: 8 MB in single precision
_EXAMPLES_AT_ONCE = 256


class LogLikelihood(NamedTuple):
    """Estimates of ln p(x), and how far they may be off."""

    values: Float[np.ndarray, " examples"]
    """Estimate of ln p(x) for each x [nats]."""
    standard_errors: Float[np.ndarray, " examples"]
    """Standard error of each estimate [nats]."""


def log_likelihood(model: VAE, x: ArrayLike, *, key: PRNGKeyArray, samples: int = 1000) -> LogLikelihood:
    """Estimate ln p(x) ≈ ln (1/k) Σ_j w_j with w_j = p(x|z_j) p(z_j)/q(z_j|x), for k draws z_j from q(z|x).

    On average it is a lower bound, which lies above the ELBO and rises with k to ln p(x); it is exact for any k where
    q(z|x) is the posterior. The standard errors are those of the draws, s_w/(w̄ √k) with mean w̄ and standard deviation
    s_w of the weights. They tell nothing of what the encoder never draws.

    Draws and examples are taken in blocks, so that memory does not grow with their number.

    Args:
        model: the autoencoder.
        x: examples, (N, *shape).
        key: of the draws.
        samples: k, at least 2.

    Raises:
        InputError: for a model that is no VAE, fewer than two samples, examples that are none, not finite, of another
            shape or outside the range of the likelihood.
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
    filled = np.resize(examples, (batches, batch, *model.shape))  # with the first ones again, so that all are alike
    parts = []
    for i, part in enumerate(filled):
        model.log_prob(part, model.encode(part)[0])  # whose checks can speak only where nothing is traced
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
            # The last block draws as many as the others; what is too much counts nothing.
            counts = block * at_once + jnp.arange(at_once) < samples
            return _plus(sums, jnp.where(counts[:, None], log_w, -jnp.inf)), None

        zero = jnp.zeros(len(x), mean.dtype)
        (largest, total, squares), _ = lax.scan(add, (zero - jnp.inf, zero, zero), jnp.arange(blocks))
    variance = samples / (samples - 1) * (squares / total**2 - 1 / samples)
    return largest + jnp.log(total / samples), jnp.sqrt(jnp.maximum(variance, 0))


def _log_weights(
    model: VAE, x: Array, mean: Array, log_var: Array, key: PRNGKeyArray, count: int
) -> Float[Array, "count batch"]:
    """Return ln w for `count` draws of each example."""
    shape = (count, *mean.shape)
    z = draw_latent(key, jnp.broadcast_to(mean, shape), log_var)
    prior = normal.log_density(z, jnp.zeros(()), jnp.zeros(()))
    return model.log_prob(jnp.broadcast_to(x, (count, *x.shape)), z) + prior - normal.log_density(z, mean, log_var)


def _plus(sums: tuple[Array, Array, Array], log_w: Float[Array, "count batch"]) -> tuple[Array, Array, Array]:
    """Add weights and their squares to the sums, which are kept relative to the largest weight so far."""
    before, total, squares = sums
    largest = jnp.maximum(before, jnp.max(log_w, axis=0))
    scale, w = jnp.exp(before - largest), jnp.exp(log_w - largest)
    return largest, scale * total + jnp.sum(w, axis=0), scale**2 * squares + jnp.sum(w**2, axis=0)
