"""The variational autoencoder.

D. P. Kingma and M. Welling, Auto-encoding variational Bayes, International Conference on Learning Representations
(2014), arXiv:1312.6114; D. J. Rezende, S. Mohamed and D. Wierstra, International Conference on Machine Learning (2014).
"""

import math
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.normal import kl_from_standard
from neuraxis.generative.likelihoods import BERNOULLI, Likelihood
from neuraxis.kinds import Map


class VAE(eqx.Module):
    """p(x) = ∫ p(x|z) p(z) dz with p(z) = N(0, I), and an encoder that infers z: q(z|x) = N(μ(x), σ²(x)).

    `dense_vae` and `convolutional_vae` create standard networks.

    Args:
        encoder: map from x to (μ, ln σ²), from (…, *shape) to (…, 2·latent).
        decoder: map from z to the parameters of p(x|z), from (…, latent) to (…, *shape).
        shape: shape of one x, such as (784,) or (28, 28, 1).
        likelihood: p(x|z), such as `Bernoulli()` and `Gaussian(0.1)`.

    Raises:
        InputError: for networks whose shapes are incompatible, or an x of another shape.
    """

    encoder: Map
    decoder: Map
    likelihood: Likelihood
    shape: tuple[int, ...] = eqx.field(static=True)
    latent_size: int = eqx.field(static=True)

    def __init__(self, encoder: Map, decoder: Map, *, shape: Sequence[int], likelihood: Likelihood = BERNOULLI):
        check.functions(encoder=encoder, decoder=decoder)
        self.shape = check.sizes(shape=shape)
        if isinstance(likelihood, type) or not isinstance(likelihood, Likelihood):
            raise InputError(f"likelihood must be an object such as Bernoulli(), but is {check.received(likelihood)}")
        self.encoder, self.decoder, self.likelihood = encoder, decoder, likelihood
        code = _shape_of("encoder", encoder, self.shape)
        if len(code) != 1 or code[0] % 2:
            raise InputError(
                f"encoder must return μ and ln σ², an even number of features (…, 2·latent), but returned shape {code}"
            )
        self.latent_size = code[0] // 2
        if (output := _shape_of("decoder", decoder, (self.latent_size,))) != self.shape:
            raise InputError(
                f"decoder must map z of shape {(self.latent_size,)} to shape {self.shape}, but returned {output}"
            )

    def encode(self, x: Num[ArrayLike, "..."]) -> tuple[Float[Array, "... latent"], Float[Array, "... latent"]]:
        """Map x (…, *shape) to the mean μ and the log-variance ln σ² of q(z|x)."""
        floats = check.floats("x", x)
        if floats.shape[max(0, floats.ndim - len(self.shape)) :] != self.shape:
            expected = ", ".join(map(str, self.shape))
            raise InputError(f"x must have shape (…, {expected}), but has shape {floats.shape}")
        code = self.encoder(floats)
        return code[..., : self.latent_size], code[..., self.latent_size :]

    def decode(self, z: Num[ArrayLike, "... latent"]) -> Float[Array, "..."]:
        """Map z, (…, latent), to the parameters of p(x|z), (…, *shape): logits for `Bernoulli`, means for `Gaussian`.

        `model.likelihood.mean(model.decode(z))` is the image.
        """
        floats = check.floats("z", z)
        check.last_axis(self.latent_size, z=floats)
        return self.decoder(floats)

    def log_prob(self, x: Num[ArrayLike, "..."], z: Num[ArrayLike, "... latent"]) -> Float[Array, "..."]:
        """Return ln p(x|z) [nats], summed over the entries of each x, for x (…, *shape) and z (…, latent)."""
        return self.likelihood.log_prob(self._flat(self.decode(z)), self._flat(check.floats("x", x)))

    def __call__(self, x: Num[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "..."]:
        """Reconstruct x (…, *shape) as E[x|z], with z = μ(x) or, given a key, z drawn from q(z|x)."""
        mean, log_var = self.encode(x)
        z = mean if key is None else draw_latent(key, mean, log_var)
        return self.likelihood.mean(self.decode(z))

    def sample(self, count: int, *, key: PRNGKeyArray) -> Float[Array, "count ..."]:
        """Draw z from N(0, I) and return E[x|z], (count, *shape).

        To draw x itself, such as binary pixels, use `model.likelihood.sample(model.decode(z), key=key)`.
        """
        check.whole(count=count)
        check.array_fits("count", (count, math.prod(self.shape)))
        check.key(key)
        return self.likelihood.mean(self.decode(jax.random.normal(key, (count, self.latent_size))))

    def _flat(self, x: Array) -> Array:
        return jnp.reshape(x, (*x.shape[: x.ndim - len(self.shape)], math.prod(self.shape)))


def draw_latent(key: PRNGKeyArray, mean: Array, log_var: Array) -> Float[Array, "... latent"]:
    """Draw z = μ + ε ⊙ σ with ε ~ N(0, I), so that gradients flow through μ and σ."""
    return mean + jax.random.normal(key, mean.shape, mean.dtype) * jnp.exp(0.5 * log_var)


class NegativeELBO(eqx.Module):
    """−ELBO = −E_q(z|x)[ln p(x|z)] + β KL(q(z|x) ‖ N(0, I)), with one sample of z per example; ≥ −ln p(x) if β = 1.

    It is in nats, summed over the entries of x, with one value per example. `descent(NegativeELBO(), optimizer)` is the
    rule of a variational autoencoder; for grey pixels and a `Bernoulli` likelihood use `Binarised(NegativeELBO())`.

    Args:
        beta: weight β > 0 of the KL term. With β > 1, information in z costs more (β-VAE). `annealed` schedules it.

    Raises:
        InputError: for a β that is not positive or not a single number, a model that is not a VAE, or a call without a
            key.

    Source: Kingma and Welling (2014), equation 10; Higgins et al., beta-VAE, ICLR (2017).
    """

    beta: ArrayLike = 1.0

    def __check_init__(self):
        check.one_number(beta=self.beta)
        check.positive(beta=self.beta)

    def __call__(self, model: VAE, x: Any, *, key: PRNGKeyArray | None = None) -> Float[Array, " batch"]:
        """Return one value per example of x, (batch, *shape)."""
        check.instance(VAE, model=model)
        if key is None:
            raise InputError("z is random and needs a key, as in loss(model, x, key=key), but received none")
        check.key(key)
        mean, log_var = model.encode(x)
        reconstruction = model.log_prob(x, draw_latent(key, mean, log_var))
        # A schedule may start at β = 0; a negative β gives NaN, so that it does not go unnoticed.
        beta = jnp.where(jnp.asarray(self.beta) >= 0, self.beta, jnp.nan)
        return beta * kl_from_standard(mean, log_var) - reconstruction


def divergence(model: VAE, x: Any, *, key: PRNGKeyArray | None = None) -> Float[Array, " batch"]:
    """Return KL(q(z|x) ‖ N(0, I)) of each example [nats], a measure for `evaluate`; near 0, z is independent of x.

    Raises:
        InputError: for a model that is not a VAE, or an x of another shape.
    """
    check.instance(VAE, model=model)
    return kl_from_standard(*model.encode(x))


def _shape_of(name: str, network: Map, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the output shape of a network for one input."""
    try:
        return jax.eval_shape(network, jax.ShapeDtypeStruct(shape, jnp.result_type(float))).shape
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{name} must map shape {shape}, but does not: {error}") from error
