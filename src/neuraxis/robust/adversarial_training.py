"""Training on adversarial examples."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, PRNGKeyArray, PyTree

from neuraxis import check
from neuraxis.engine.optimizers import Rate, check_rate, rate_at
from neuraxis.engine.rules import check_rule
from neuraxis.kinds import Rule
from neuraxis.robust.attack import Search
from neuraxis.robust.threat_models import with_epsilon


def adversarial_training(rule: Rule, attack: Search, ramp: Rate = 1.0) -> "AdversarialTraining":
    """Learn by a rule from what an attack makes of each batch: min_θ mean max_{‖δ‖≤ε} E(x + δ, label; θ).

    The attack sees the model in inference mode, as it stands before the step.

    Args:
        rule: how the model learns from inputs and labels, such as `descent(classification.loss, optax.adam(1e-3))`.
        attack: one that can be compiled with the training, such as `PGD(threat, steps=5)`.
        ramp: share of ε, from 0 to 1, or a function of the number of steps so far. A network learns a large ε more
            easily where it grows in the course of training, as with `lambda t: jnp.minimum(1.0, t / 500)`.

    Raises:
        InputError: for a rule or attack that is none, an infinite ε, or a ramp that is negative.

    Source: Madry et al., International Conference on Learning Representations (2018), equation 2.1.
    """
    check_rule(rule)
    check.instance(Search, attack=attack)
    attack.threat.check_bounded()
    check_rate(check.not_negative, ramp=ramp)
    return AdversarialTraining(rule, attack, ramp)


class AdversarialState(eqx.Module):
    """What is remembered from step to step."""

    rule: PyTree  # state of the rule
    steps: Int[Array, ""]  # so far


class AdversarialTraining(eqx.Module):
    """What `adversarial_training` makes."""

    rule: Rule
    attack: Search
    ramp: Rate

    @property
    def loss(self) -> Callable[..., Any]:
        """The loss of the rule, where it has one: on examples that are not attacked."""
        return self.rule.loss  # pyright: ignore[reportAttributeAccessIssue]

    def init(self, model: PyTree) -> AdversarialState:
        """Begin."""
        return AdversarialState(self.rule.init(model), jnp.zeros((), jnp.int32))

    def step(
        self, model: PyTree, state: AdversarialState, batch: tuple[Any, ...], *, key: PRNGKeyArray
    ) -> tuple[PyTree, AdversarialState, Any]:
        """Attack the batch, and learn from what came of it."""
        x, labels = batch
        key_attack, key_rule = jax.random.split(key)
        attack = with_epsilon(self.attack, rate_at(self.ramp, state.steps) * self.attack.threat.epsilon)
        attacked = jax.lax.stop_gradient(attack(model, x, labels, key=key_attack))
        model, inner, losses = self.rule.step(model, state.rule, (attacked, labels), key=key_rule)
        return model, AdversarialState(inner, state.steps + 1), losses
