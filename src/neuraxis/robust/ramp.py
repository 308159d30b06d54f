"""An ε that changes in the course of training."""

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
    """Learn by a rule whose ε is another in each step: ramp(steps so far) times the one that it states.

    A network learns a large ε more easily where it grows in the course of training. Losses are measured with the ε that
    the rule states.

    Args:
        rule: one that holds a threat model, such as `descent(TRADES(threat), optax.adam(1e-3))`.
        ramp: share of ε, or a function of the number of steps so far: `lambda t: jnp.minimum(1.0, t / 500)`.

    Raises:
        InputError: for what is no rule, or holds no threat model, and for a ramp that is negative.
    """
    check_rule(rule)
    is_threat = lambda node: isinstance(node, ThreatModel)
    if not any(map(is_threat, jax.tree.leaves(rule, is_leaf=is_threat))):
        raise InputError(f"rule must contain a threat model whose ε can grow, but is {check.received(rule)}")
    check_rate(check.not_negative, ramp=ramp)
    return Ramped(rule, ramp)


class RampedState(eqx.Module):
    """What is remembered from step to step."""

    rule: PyTree  # state of the rule
    steps: Int[Array, ""]  # so far


class Ramped(eqx.Module):
    """What `ramped` makes."""

    rule: Rule
    ramp: Rate

    @property
    def loss(self) -> Callable[..., Any]:
        """The loss of the rule, where it has one."""
        return self.rule.loss  # pyright: ignore[reportAttributeAccessIssue]

    def init(self, model: PyTree) -> RampedState:
        """Begin."""
        return RampedState(self.rule.init(model), jnp.zeros((), jnp.int32))

    def step(
        self, model: PyTree, state: RampedState, batch: tuple[Any, ...], *, key: PRNGKeyArray
    ) -> tuple[PyTree, RampedState, Any]:
        """Take a step of the rule with the ε of the moment."""
        share = rate_at(self.ramp, state.steps)
        rule = with_threats(self.rule, lambda t: eqx.tree_at(lambda t: t.epsilon, t, share * t.epsilon))
        model, inner, losses = rule.step(model, state.rule, batch, key=key)
        return model, RampedState(inner, state.steps + 1), losses
