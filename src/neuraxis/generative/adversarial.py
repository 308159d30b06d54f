"""The training rule of generative adversarial networks."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray, PyTree

from neuraxis import check
from neuraxis.engine import descent
from neuraxis.errors import InputError
from neuraxis.generative.adversarial_objectives import Objective
from neuraxis.generative.gan import GAN, check_examples
from neuraxis.generative.gradient_penalty import judge, judge_with_slope
from neuraxis.layers.apply import measure


def adversarial(
    objective: Objective,
    generator: optax.GradientTransformation,
    discriminator: optax.GradientTransformation,
    *,
    r1: ArrayLike | None = None,
    r2: ArrayLike | None = None,
) -> "Adversarial":
    """Train a `GAN` on real examples: each step updates first the discriminator, then the generator against it.

    The discriminator minimises the mean over the batch of

        its side of the objective + ½ r₁ ‖∂D/∂x at a real example‖² + ½ r₂ ‖∂D/∂x at a generated one‖²,

    and the generator its own side, against the updated discriminator. As many examples are generated as there are real
    ones in the batch; both updates use the same examples. The losses are named "discriminator", which includes the
    penalties, and "generator".

    Sample from `averaged(adversarial(…), decay)`, a GAN whose weights are averaged over training: the two networks
    circle around their equilibrium, and the average is closer to it.

    Args:
        objective: losses of the two networks, such as `cross_entropy` and `relativistic`.
        generator: optimiser of the generator.
        discriminator: optimiser of the discriminator.
        r1: weight r₁ of the gradient penalty at real examples; None for no penalty.
        r2: weight r₂ of the gradient penalty at generated examples; None for no penalty.

    Raises:
        InputError: for an objective or optimiser of the wrong type, or a weight that is negative or not a single
            number.

    Sources: Goodfellow et al., Advances in Neural Information Processing Systems (2014), algorithm 1; Mescheder, Geiger
    and Nowozin, International Conference on Machine Learning (2018), for the penalties; Huang et al., Advances in
    Neural Information Processing Systems (2024).
    """
    check.instance(Objective, objective=objective)
    for name, optimizer in (("generator", generator), ("discriminator", discriminator)):
        if not isinstance(optimizer, optax.GradientTransformation):
            raise InputError(
                f"{name} must be its optimiser, an optax transformation such as optax.adam(2e-4), but is "
                f"{check.received(optimizer)}"
            )
    weights = {name: weight for name, weight in (("r1", r1), ("r2", r2)) if weight is not None}
    check.not_negative(**weights)
    check.one_number(**weights)
    return Adversarial(objective, generator, discriminator, r1, r2)


class AdversarialState(NamedTuple):
    """States of the two optimisers."""

    generator: PyTree
    discriminator: PyTree


class Adversarial(eqx.Module):
    """The rule returned by `adversarial`."""

    objective: Objective
    generator: optax.GradientTransformation
    discriminator: optax.GradientTransformation
    r1: ArrayLike | None
    r2: ArrayLike | None

    def init(self, model: GAN) -> AdversarialState:
        """Return the initial states of the optimisers.

        Raises:
            InputError: for a model that is not a GAN, or a network without trainable weights.
        """
        check.instance(GAN, model=model)
        return AdversarialState(
            descent(self._tell_apart, self.generator).init(model.generator),
            descent(self._tell_apart, self.discriminator).init(model.discriminator),
        )

    def step(
        self, model: GAN, state: AdversarialState, batch: tuple[Any, ...], *, key: PRNGKeyArray
    ) -> tuple[GAN, AdversarialState, dict[str, Float[Array, " batch"]]]:
        """Update the discriminator on a batch, then the generator against it."""
        if len(batch) != 1:
            raise InputError(f"data must be a single array of examples, but are {len(batch)} arrays")
        for_latent, for_generator, for_discriminator = jax.random.split(key, 3)
        z = model.draw(len(batch[0]), key=for_latent)
        fake, _ = measure(model.generator, z, for_generator)
        real = check_examples(model, batch[0], fake)
        discriminator, ours, losses = descent(self._tell_apart, self.discriminator).step(
            model.discriminator, state.discriminator, (real, fake), key=for_discriminator
        )

        def deceive(generator: Any, z: Array, real: Array, *, key: PRNGKeyArray) -> tuple[Array, Any]:
            fake, generator = measure(generator, z, key)
            keys = jax.random.split(for_discriminator)
            logits = [judge(discriminator, x, k)[0] for x, k in zip((real, fake), keys, strict=True)]
            return self.objective.generator(*logits), generator

        # These are the examples generated above, so XLA computes them once.
        generator, theirs, costs = descent(deceive, self.generator).step(
            model.generator, state.generator, (z, real), key=for_generator
        )
        learnt = eqx.tree_at(lambda m: (m.generator, m.discriminator), model, (generator, discriminator))
        return learnt, AdversarialState(theirs, ours), {"discriminator": losses, "generator": costs}

    def _tell_apart(
        self, discriminator: Any, real: Array, fake: Array, *, key: PRNGKeyArray
    ) -> tuple[Float[Array, " batch"], Any]:
        """Return the loss of the discriminator with its penalties, one value per pair."""
        logits, penalty = [], jnp.zeros(())
        for x, weight, own in zip((real, fake), (self.r1, self.r2), jax.random.split(key), strict=True):
            if weight is None:
                found, discriminator = judge(discriminator, x, own)
            else:
                found, slope, discriminator = judge_with_slope(discriminator, x, own)
                penalty += 0.5 * weight * slope
            logits.append(found)
        return self.objective.discriminator(*logits) + penalty, discriminator
