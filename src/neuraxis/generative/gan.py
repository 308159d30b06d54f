"""Generative adversarial networks: a generator learns to fool a discriminator of real and generated examples.

I. Goodfellow et al., Generative adversarial nets, Advances in Neural Information Processing Systems (2014).
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.activations import logistic, tanh
from neuraxis.functions.ranges import only_between
from neuraxis.layers import Sequential
from neuraxis.layers.apply import apply

_RANGES = {logistic: (0.0, 1.0), tanh: (-1.0, 1.0)}


class GAN(eqx.Module):
    """x = G(z), z ~ N(0, I), and a discriminator D(x), the logit of the probability that x is real.

    Both are trained by one rule, `neuraxis.generative.adversarial`.

    Args:
        generator: G, a map from (…, latent) to examples (…, *shape). A generator that ends in `logistic` or `tanh`, as
            in `Sequential([network, logistic])`, is for data in [0, 1] or [−1, 1].
        discriminator: D, a map from examples (…, *shape) to one logit, (…, 1).
        latent_size: number of components of z.

    Raises:
        InputError: for networks that are not functions, a latent size that is not positive, a generator that does not
            accept z, or a discriminator that does not accept generated examples or does not return one logit for each.

    Source: Goodfellow et al., Advances in Neural Information Processing Systems (2014).
    """

    generator: Callable[..., Any]
    discriminator: Callable[..., Any]
    latent_size: int = eqx.field(static=True)

    def __check_init__(self):
        check.functions(generator=self.generator, discriminator=self.discriminator)
        check.whole(latent_size=self.latent_size)
        check.array_fits("latent_size", (2, self.latent_size))
        # Two examples and a key, for networks with batch statistics or noise.
        key = jax.random.key(0)
        made = _shape_of("generator", self.generator, (2, self.latent_size), key)
        if made[:1] != (2,):
            raise InputError(
                f"generator must map z (…, {self.latent_size}) to examples (…, *shape), but returned shape {made}"
            )
        logits = _shape_of("discriminator", self.discriminator, made, key)
        if logits != (2, 1):
            raise InputError(
                f"discriminator must return one logit for each example, shape (…, 1), but returned shape {logits} for "
                f"examples of shape {made}"
            )

    def __call__(self, z: Num[ArrayLike, "... latent"], *, key: PRNGKeyArray | None = None) -> Float[Array, "..."]:
        """Map z (…, latent) to examples (…, *shape)."""
        latent = check.floats("z", z)
        check.last_axis(self.latent_size, z=latent)
        return apply(self.generator, latent, key)

    def draw(self, count: int, *, key: PRNGKeyArray) -> Float[Array, "count latent"]:
        """Draw z for `count` examples."""
        check.whole(0, count=count)
        check.array_fits("count", (count, self.latent_size))
        check.key(key)
        return jax.random.normal(key, (int(count), self.latent_size))

    def sample(self, count: int, *, key: PRNGKeyArray) -> Float[Array, "count ..."]:
        """Generate examples, (count, *shape).

        Raises:
            InputError: for a count that is negative or exceeds the memory, or an invalid key.
        """
        latent = self.draw(count, key=key)
        return self(latent, key=jax.random.fold_in(key, 1))


def check_examples(model: GAN, x: Any, made: Array) -> Array:
    """Return data as floats, of the shape and, if it is known, in the range of the generated examples `made`.

    While JAX is tracing, values out of range become NaN, so that they are not trained on unnoticed.

    Raises:
        InputError: for data of another shape, outside the range, or not finite.
    """
    real = check.floats("data", x)
    if real.shape != made.shape:
        raise InputError(
            f"generator must return examples of the shape of the data, {real.shape[1:]}, but returned {made.shape[1:]}"
        )
    check.finite(data=real)
    bounds = _range_of(model.generator)
    if bounds is None:
        return real
    return only_between(*bounds, "data", real, remedy=", unlike the output of the generator")


def _range_of(generator: Any) -> tuple[float, float] | None:
    """Return the range of a generator that ends in a bounded activation function, otherwise None."""
    while isinstance(generator, Sequential) and generator.layers:
        generator = generator.layers[-1]
    return next((bounds for activation, bounds in _RANGES.items() if generator is activation), None)


def _shape_of(name: str, network: Callable[..., Any], shape: tuple[int, ...], key: PRNGKeyArray) -> tuple[int, ...]:
    """Return the output shape of a network for an input shape (2, …), without evaluating it."""
    try:
        made = eqx.filter_eval_shape(apply, network, jax.ShapeDtypeStruct(shape, jnp.result_type(float)), key)
    except (InputError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{name} must accept an input of shape (…, {', '.join(map(str, shape[1:]))}), but raised: {reason}"
        ) from error
    if not hasattr(made, "shape"):
        raise InputError(f"{name} must return an array, but returned {check.received(made)}")
    return tuple(made.shape)
