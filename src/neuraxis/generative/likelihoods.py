"""What a decoder's output says about the data: p(x | output), with all numbers of x independent of each other.

A likelihood is chosen by passing the object. Another one needs the three methods of `Likelihood`.
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
    """A distribution of x whose parameters are the output of a decoder, of the same shape as x."""

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
    "; of others Bernoulli() is no likelihood: wrap the loss, as in Binarised(NegativeELBO()), which draws black and "
    "white anew from pixels from 0 to 1, or take Gaussian(σ)"
)


class Bernoulli(eqx.Module):
    """p(x | a) = Π y^x (1 − y)^(1−x) for x of 0 and 1, with y = 1/(1 + e^(−a)): the output a is a logit.

    It is a likelihood of binary numbers only. Of grey pixels the same formula, their cross-entropy, is no ln p at all,
    and is not comparable with one; `Binarised` makes them black or white anew at each visit.
    """

    def log_prob(self, output: ArrayLike, x: ArrayLike) -> Float[Array, "..."]:
        """Return −Σ ln(1 + e^((1−2x) a)) [nats], summed over the last axis.

        Args:
            output: logits a, (…, k).
            x: zeros and ones, (…, k).

        Raises:
            InputError: for other numbers than 0 and 1 and for shapes that differ; numbers that JAX is tracing, which
                cannot be looked at, give NaN instead.
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


BERNOULLI = Bernoulli()  # what a `VAE` has unless told otherwise


class Gaussian(eqx.Module):
    """p(x | μ) = Π N(x; μ, σ²): the output μ is the mean, and σ the same for all of the data.

    −ln p is the squared error ‖x − μ‖²/(2σ²) and ln σ + ½ ln 2π for each number. An array as σ is learnt with the
    weights, a number is not.

    Args:
        sigma: σ, in the units of x: one number, or one for each number of x.

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
            InputError: for shapes that differ, and a σ that does not fit.
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
        raise InputError(f"output and x must have one shape (…, k), but have shapes {first.shape} and {second.shape}")
    return single(first), single(second)
