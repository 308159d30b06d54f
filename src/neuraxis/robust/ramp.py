"""An ε that changes during training."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, PRNGKeyArray, PyTree

from neuraxis import check
from neuraxis.engine.optimizers import Rate, check_rate, rate_at
from neuraxis.engine.rules import check_rule
from neuraxis.errors import InputError
from neuraxis.kinds import Rule
from neuraxis.robust.threat_models import ThreatModel, with_threats


def ramped(rule: Rule, ramp: Rate) -> "Ramped":
    """Train by a rule whose ε is multiplied by ramp(steps so far) in each step.

    Robustness to a large ε is easier to learn if ε grows during training. `loss` uses the ε of the rule.

    Args:
        rule: rule that contains a threat model, such as `descent(TRADES(threat), optax.adam(1e-3))`.
        ramp: fraction of ε, or a function of the number of steps so far: `lambda t: jnp.minimum(1.0, t / 500)`.

    Raises:
        InputError: for an invalid rule, one without a threat model, or a negative ramp.
    """
    check_rule(rule)
    is_threat = lambda node: isinstance(node, ThreatModel)
    if not any(map(is_threat, jax.tree.leaves(rule, is_leaf=is_threat))):
        raise InputError(f"rule must contain a threat model whose ε can grow, but is {check.received(rule)}")
    check_rate(check.not_negative, ramp=ramp)
    return Ramped(rule, ramp)


class RampedState(eqx.Module):
    """The state of `Ramped`."""

    rule: PyTree  # state of the rule
    steps: Int[Array, ""]  # so far


class Ramped(eqx.Module):
    """The rule of `ramped`."""

    rule: Rule
    ramp: Rate

    @property
    def loss(self) -> Callable[..., Any]:
        """The loss of the rule, if it has one."""
        return self.rule.loss  # pyright: ignore[reportAttributeAccessIssue]

    def init(self, model: PyTree) -> RampedState:
        """Return the initial state."""
        return RampedState(self.rule.init(model), jnp.zeros((), jnp.int32))

    def step(
        self, model: PyTree, state: RampedState, batch: tuple[Any, ...], *, key: PRNGKeyArray
    ) -> tuple[PyTree, RampedState, Any]:
        """Take a step of the rule with the current ε."""
        share = rate_at(self.ramp, state.steps)
        rule = with_threats(self.rule, lambda t: eqx.tree_at(lambda t: t.epsilon, t, share * t.epsilon))
        model, inner, losses = rule.step(model, state.rule, batch, key=key)
        return model, RampedState(inner, state.steps + 1), losses
