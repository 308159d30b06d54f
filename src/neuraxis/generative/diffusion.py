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
from neuraxis.generative.noise_schedule import Level, NoiseSchedule, spread
from neuraxis.generative.parametrisations import Parametrisation, V, Weights, clean_and_noise, target

_USUAL = V()
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
    weights: Weights
    """Coefficients p and q at all times 0 … T."""
    label_dropout: ArrayLike

    def __init__(
        self, schedule: NoiseSchedule, parametrisation: Parametrisation = _USUAL, label_dropout: ArrayLike = 0.1
    ):
        check.instance(NoiseSchedule, schedule=schedule)
        check.no_class(parametrisation=parametrisation)
        if not isinstance(parametrisation, Parametrisation):
            raise InputError(
                "parametrisation must have a method weights(level), as Noise(), V() and Velocity() have, but is "
                f"{check.received(parametrisation)}"
            )
        check.fraction(label_dropout=label_dropout)
        check.one_number(label_dropout=label_dropout)
        # As values: all parametrisations and schedules of the same length share one program.
        self.schedule, self.weights = schedule, parametrisation.weights(Level(schedule.signal, schedule.noise))
        self.label_dropout = label_dropout

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
            raise InputError(f"x must contain examples along its first axis, (batch, …), but has shape {clean.shape}")
        check.finite(x=clean)
        key_time, key_noise, key_label, own = jax.random.split(key, 4)
        t = jax.random.randint(key_time, clean.shape[:1], 1, self.schedule.steps + 1)
        noise = jax.random.normal(key_noise, clean.shape, clean.dtype)
        if label is not None:
            hidden = jax.random.bernoulli(key_label, self.label_dropout, clean.shape[:1])
            label = jnp.where(hidden, NO_CLASS, jnp.asarray(check.array("label", label)))
        found = self.predict(network, self.schedule.noised(clean, t, noise), t, label, key=own)
        wanted = target(spread(self.weights_at(t), clean), clean, noise)
        return jnp.mean((found - wanted) ** 2, axis=range(1, clean.ndim))

    def weights_at(self, t: Integer[ArrayLike, "..."]) -> Weights:
        """Return p and q for whole numbers t from 0 to T."""
        index = jnp.asarray(t)
        return Weights(self.weights.clean[index], self.weights.noise[index])

    def predict(
        self,
        network: Callable[..., Any],
        x: Float[Array, "..."],
        t: Integer[ArrayLike, "..."],
        label: Integer[ArrayLike, "..."] | None = None,
        *,
        key: PRNGKeyArray | None = None,
    ) -> Float[Array, "..."]:
        """Return ŷ(x_t, t), of the shape of x.

        Raises:
            InputError: for a network that does not keep the shape.
        """
        check.functions(network=network)
        time = jnp.asarray(t) / self.schedule.steps
        found = check.floats("what the network gives", network(x, time.astype(x.dtype), label, key=key))
        if found.shape != x.shape:
            raise InputError(
                f"the network must keep the shape of x, {x.shape}, but returned one of shape {found.shape}"
            )
        return found

    def estimate(
        self, x: Float[Array, "..."], t: Integer[ArrayLike, "..."], y: Float[Array, "..."]
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Return the x₀ and ε that a prediction y of the network at x_t means."""
        weights, level = spread((self.weights_at(t), self.schedule.at(t)), x)
        return clean_and_noise(weights, level, x, y)
