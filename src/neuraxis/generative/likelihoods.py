"""Likelihoods of the data given the output of a decoder, p(x | output), with independent entries of x.

A likelihood is chosen by passing the object; any object with the three methods of `Likelihood` will do.
"""

from typing import Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions import normal
from neuraxis.functions.activations import logistic, softplus
from neuraxis.functions.precision import single
from neuraxis.functions.ranges import only_binary


@runtime_checkable
class Likelihood(Protocol):
    """A distribution of x, parametrised by the output of a decoder, of the same shape as x."""

    def log_prob(self, output: ArrayLike, x: ArrayLike) -> Float[Array, "..."]:
        """Return ln p(x | output) [nats], summed over the last axis."""
        ...

    def mean(self, output: ArrayLike) -> Float[Array, "..."]:
        """Return E[x | output], of the shape of the output."""
        ...

    def sample(self, output: ArrayLike, *, key: PRNGKeyArray) -> Float[Array, "..."]:
        """Draw x."""
        ...


_REMEDY = (
    "; Bernoulli() is a likelihood of binary data only: for pixels from 0 to 1, wrap the loss, as in "
    "Binarised(NegativeELBO()), or use Gaussian(σ)"
)


class Bernoulli(eqx.Module):
    """p(x | a) = Π y^x (1 − y)^(1−x) for x of 0 and 1, with y = 1/(1 + e^(−a)): the output a is a logit.

    It is a likelihood of binary data only. For grey pixels the same formula, their cross-entropy, is not a
    log-probability and not comparable with one; `Binarised` binarises them at each visit.
    """

    def log_prob(self, output: ArrayLike, x: ArrayLike) -> Float[Array, "..."]:
        """Return −Σ ln(1 + e^((1−2x) a)) [nats], summed over the last axis.

        Args:
            output: logits a, (…, k).
            x: zeros and ones, (…, k).

        Raises:
            InputError: for different shapes, or values other than 0 and 1; while JAX is tracing, such values give NaN
                instead.
        """
        a, x = _pair(output, x)
        return -jnp.sum(softplus((1 - 2 * only_binary("x", x, remedy=_REMEDY)) * a), axis=-1)

    def mean(self, output: ArrayLike) -> Float[Array, "..."]:
        """Return y, the probability of a 1."""
        return logistic(check.floats("output", output))

    def sample(self, output: ArrayLike, *, key: PRNGKeyArray) -> Float[Array, "..."]:
        """Draw zeros and ones."""
        check.key(key)
        y = self.mean(output)
        return jax.random.bernoulli(key, y).astype(y.dtype)


BERNOULLI = Bernoulli()  # the default of `VAE`


class Gaussian(eqx.Module):
    """p(x | μ) = Π N(x; μ, σ²): the output μ is the mean, and σ is the same for all examples.

    −ln p is the squared error ‖x − μ‖²/(2σ²) plus ln σ + ½ ln 2π for each entry. A σ that is an array is trained with
    the weights, a number is fixed.

    Args:
        sigma: standard deviation σ, in the units of x: one value, or one for each entry of x.

    Raises:
        InputError: for a σ that is not positive.
    """

    sigma: ArrayLike = 1.0

    def __check_init__(self):
        check.parameters(sigma=self.sigma)
        check.positive(sigma=self.sigma)

    def log_prob(self, output: ArrayLike, x: ArrayLike) -> Float[Array, "..."]:
        """Return −Σ ((x − μ)²/(2σ²) + ln σ + ½ ln 2π) [nats], summed over the last axis.

        Args:
            output: μ, (…, k).
            x: (…, k).

        Raises:
            InputError: for different shapes, an x that is not finite, or a σ that does not broadcast.
        """
        mean, x = _pair(output, x)
        return normal.log_density(x, mean, 2 * jnp.log(single(self.sigma)))

    def mean(self, output: ArrayLike) -> Float[Array, "..."]:
        """Return μ."""
        return check.floats("output", output)

    def sample(self, output: ArrayLike, *, key: PRNGKeyArray) -> Float[Array, "..."]:
        """Draw x."""
        check.key(key)
        mean = self.mean(output)
        return mean + jax.random.normal(key, mean.shape, mean.dtype) * self.sigma


def _pair(output: ArrayLike, x: ArrayLike) -> tuple[Array, Array]:
    first, second = check.floats("output", output), check.floats("x", x)
    check.finite(x=second)
    if not second.ndim or first.shape != second.shape:
        raise InputError(
            f"output and x must have the same shape (…, k), but have shapes {first.shape} and {second.shape}"
        )
    return single(first), single(second)
