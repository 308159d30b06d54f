"""Training on adversarial examples."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
from jaxtyping import PRNGKeyArray, PyTree

from neuraxis import check
from neuraxis.engine.optimizers import Rate
from neuraxis.engine.rules import check_rule
from neuraxis.kinds import Rule
from neuraxis.robust.attack import Search
from neuraxis.robust.ramp import Ramped, ramped


def adversarial_training(rule: Rule, attack: Search, ramp: Rate = 1.0) -> Ramped:
    """Train by a rule on adversarial examples of each batch: min_θ mean max_{‖δ‖≤ε} E(x + δ, label; θ).

    The attack uses the model in inference mode, before the step.

    Args:
        rule: learning rule for inputs and labels, such as `descent(classification.loss, optax.adam(1e-3))`.
        attack: attack that can be compiled with the training, such as `PGD(threat, steps=5)`.
        ramp: fraction of ε, or a function of the number of steps so far, as in `ramped`.

    Raises:
        InputError: for an invalid rule or attack, an infinite ε, or a negative ramp.

    Source: Madry et al., International Conference on Learning Representations (2018), equation 2.1.
    """
    check_rule(rule)
    check.instance(Search, attack=attack)
    attack.threat.check_bounded()
    return ramped(AdversarialTraining(rule, attack), ramp)


class AdversarialTraining(eqx.Module):
    """The rule of `adversarial_training`, with the full ε in every step."""

    rule: Rule
    attack: Search

    @property
    def loss(self) -> Callable[..., Any]:
        """The loss of the rule, if it has one, on examples that are not attacked."""
        return self.rule.loss  # pyright: ignore[reportAttributeAccessIssue]

    def init(self, model: PyTree) -> PyTree:
        """Return the initial state."""
        return self.rule.init(model)

    def step(
        self, model: PyTree, state: PyTree, batch: tuple[Any, ...], *, key: PRNGKeyArray
    ) -> tuple[PyTree, PyTree, Any]:
        """Attack the batch, and train on the result."""
        x, labels = batch
        key_attack, key_rule = jax.random.split(key)
        attacked = jax.lax.stop_gradient(self.attack(model, x, labels, key=key_attack))
        return self.rule.step(model, state, (attacked, labels), key=key_rule)
