"""Diffusion models: a network learns to tell data from noise at every level of noise between them.

J. Ho, A. Jain and P. Abbeel, Denoising diffusion probabilistic models, Advances in Neural Information Processing
Systems (2020).
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Integer, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.generative.noise_schedule import NoiseSchedule, spread
from neuraxis.generative.parametrisations import Parametrisation, V, clean_and_noise, target

NO_CLASS = -1  # the label of an example whose class the network is not told


class Diffusion(eqx.Module):
    """x_t = a_t x₀ + s_t ε, and what a network learns of it: y(x_t, t) ≈ p_t x₀ + q_t ε.

    The network is any function `network(x, time, label, key=key)` to the shape of x: x is (batch, …), `time` is t/T and
    the label a whole number, one for each example, or None. `UNet` and `TimedMLP` are such networks.
    `fit(network, descent(diffusion.loss, optimizer), (x,), …)` trains one, and with `(x, labels)` a conditional one; a
    `Sampler` draws from it. Data of mean 0 and variance about 1 suit the schedules: pixels from −1 to 1.

    Args:
        schedule: a and s.
        parametrisation: p and q: `Noise`, `V` or `Velocity`.
        label_dropout: share of the labels that are hidden in training, so that one network learns the conditional and
            the unconditional prediction, which `Sampler` needs for guidance.

    Raises:
        InputError: for what is no schedule or parametrisation, or a dropout outside [0, 1).

    Source: Ho, Jain and Abbeel (2020), equation 14; Ho and Salimans, Classifier-free diffusion guidance,
    arXiv:2207.12598 (2022), algorithm 1.
    """

    schedule: NoiseSchedule
    parametrisation: Parametrisation = V()
    label_dropout: ArrayLike = 0.1

    def __check_init__(self):
        check.instance(NoiseSchedule, schedule=self.schedule)
        check.no_class(parametrisation=self.parametrisation)
        if not isinstance(self.parametrisation, Parametrisation):
            raise InputError(
                "parametrisation must have a method weights(level), as Noise(), V() and Velocity() have, but is "
                f"{check.received(self.parametrisation)}"
            )
        check.fraction(label_dropout=self.label_dropout)
        check.one_number(label_dropout=self.label_dropout)

    def loss(
        self,
        network: Callable[..., Any],
        x: ArrayLike,
        label: Integer[ArrayLike, " batch"] | None = None,
        *,
        key: PRNGKeyArray,
    ) -> Float[Array, " batch"]:
        """‖y − ŷ(x_t, t)‖²/d for every example of d numbers, with a time t and noise ε that are drawn for each.

        Args:
            network: gives ŷ.
            x: x₀, (batch, …).
            label: the class of each, where the network knows classes.
            key: of t, ε and the labels that are hidden.

        Raises:
            InputError: for examples that are not finite, or a network that does not keep their shape.
        """
        check.key(key)
        clean = check.floats("x", x)
        if clean.ndim < 2:
            raise InputError(f"x must hold examples along its first axis, (batch, …), but has shape {clean.shape}")
        check.finite(x=clean)
        key_time, key_noise, key_label, own = jax.random.split(key, 4)
        t = jax.random.randint(key_time, clean.shape[:1], 1, self.schedule.steps + 1)
        noise = jax.random.normal(key_noise, clean.shape, clean.dtype)
        if label is not None:
            hidden = jax.random.bernoulli(key_label, self.label_dropout, clean.shape[:1])
            label = jnp.where(hidden, NO_CLASS, jnp.asarray(check.array("label", label)))
        found = self.predict(network, self.schedule.noised(clean, t, noise), t, label, key=own)
        wanted = target(self.parametrisation, spread(self.schedule.at(t), clean), clean, noise)
        return jnp.mean((found - wanted) ** 2, axis=range(1, clean.ndim))

    def predict(
        self,
        network: Callable[..., Any],
        x: Float[Array, "..."],
        t: Integer[ArrayLike, "..."],
        label: Integer[ArrayLike, "..."] | None = None,
        *,
        key: PRNGKeyArray | None = None,
    ) -> Float[Array, "..."]:
        """Give ŷ(x_t, t), of the shape of x.

        Raises:
            InputError: for a network that does not keep the shape.
        """
        check.functions(network=network)
        time = jnp.asarray(t) / self.schedule.steps
        found = check.floats("what the network gives", network(x, time.astype(x.dtype), label, key=key))
        if found.shape != x.shape:
            raise InputError(f"the network must keep the shape of x, {x.shape}, but gave one of shape {found.shape}")
        return found

    def estimate(
        self, x: Float[Array, "..."], t: Integer[ArrayLike, "..."], y: Float[Array, "..."]
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Give the x₀ and ε that a prediction y of the network at x_t means."""
        return clean_and_noise(self.parametrisation, spread(self.schedule.at(t), x), x, y)
