"""Diffusion models: a network learns to separate data from noise at every noise level.

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
NO_CLASS = -1  # label of an example whose class is hidden from the network


class Diffusion(eqx.Module):
    """x_t = a_t x₀ + s_t ε, and the prediction of a network, ŷ(x_t, t) ≈ y = p_t x₀ + q_t ε.

    The network is any function `network(x, time, label, key=key)` that returns an array of the shape of x, (batch, …);
    `time` is t/T, and `label` is an integer or None, each per example. `UNet` and `TimedMLP` are such networks.
    `fit(network, descent(diffusion.loss, optimizer), (x,), …)` trains one, and with `(x, labels)` a conditional one;
    a `Sampler` draws samples from it. The schedules suit data of mean 0 and variance about 1, such as pixels from −1
    to 1.

    Args:
        schedule: noise schedule, a and s.
        parametrisation: prediction target, p and q: `Noise`, `V` or `Velocity`.
        label_dropout: fraction of the labels that are hidden in training, so that one network learns both the
            conditional and the unconditional prediction, which `Sampler` needs for guidance.

    Raises:
        InputError: for a schedule or parametrisation of the wrong type, or a dropout outside [0, 1).

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
        # Arrays, so that all parametrisations and schedules of the same length share one compiled program.
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
        """Return ‖y − ŷ(x_t, t)‖²/d for each example of d entries, with t and ε drawn independently for each.

        Args:
            network: network that returns ŷ.
            x: examples x₀, (batch, …).
            label: class of each example, for a conditional network.
            key: random key for t, ε, the hidden labels and the network.

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
        """Return p and q at integer times t from 0 to T."""
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
        found = check.floats("the output of the network", network(x, time.astype(x.dtype), label, key=key))
        if found.shape != x.shape:
            raise InputError(f"the network must keep the shape of x, {x.shape}, but returned shape {found.shape}")
        return found

    def estimate(
        self, x: Float[Array, "..."], t: Integer[ArrayLike, "..."], y: Float[Array, "..."]
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Return the estimates of x₀ and ε from the prediction y at x_t."""
        weights, level = spread((self.weights_at(t), self.schedule.at(t)), x)
        return clean_and_noise(weights, level, x, y)
