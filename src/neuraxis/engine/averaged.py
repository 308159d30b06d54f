"""Averaging of the weights during training."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, PRNGKeyArray, PyTree

from neuraxis import check
from neuraxis.engine.optimizers import Rate, check_rate, rate_at
from neuraxis.engine.parameters import learnable, split_parameters
from neuraxis.engine.rules import check_rule
from neuraxis.kinds import Rule


def averaged(rule: Rule, decay: Rate) -> "Averaged":
    """Train by a rule, and keep an exponential moving average of the weights: θ̄ ← d θ̄ + (1 − d) θ.

    The model that this rule returns, which `fit` evaluates and returns, has the weights θ̄, which are initialised to θ.
    The trained weights θ are in its state, so that training continues from `fitted.model` and `fitted.state`.

    Args:
        rule: rule that trains θ.
        decay: d in [0, 1), or a function of the number of steps so far. `lambda t: t / (t + 1)` gives the plain mean of
            all weights from the first step on.

    Raises:
        InputError: for a decay outside [0, 1).

    Source: Polyak and Juditsky, SIAM Journal on Control and Optimization 30:838 (1992), for the plain mean.
    """
    check_rule(rule)
    check_rate(check.fraction, decay=decay)
    return Averaged(rule, decay)


class AveragedState(eqx.Module):
    """The trained weights, the state of their rule, and the number of steps."""

    parameters: PyTree  # the weights θ
    rule: PyTree  # state of the rule
    steps: Int[Array, ""]  # taken so far


class Averaged(eqx.Module):
    """The rule that `averaged` returns."""

    rule: Rule
    decay: Rate

    @property
    def loss(self) -> Callable[..., Any]:
        """Loss of the rule, if it has one."""
        return self.rule.loss  # pyright: ignore[reportAttributeAccessIssue]

    def init(self, model: PyTree) -> AveragedState:
        """Return the initial state, with the weights of the model."""
        return AveragedState(split_parameters(model)[0], self.rule.init(model), jnp.zeros((), jnp.int32))

    def step(
        self, model: PyTree, state: AveragedState, batch: tuple[Any, ...], *, key: PRNGKeyArray
    ) -> tuple[PyTree, AveragedState, Any]:
        """Update θ by the rule, and the average with it."""
        learning, inner, losses = self.rule.step(eqx.combine(state.parameters, model), state.rule, batch, key=key)
        decay = rate_at(self.decay, state.steps)
        mean = jax.tree.map(
            lambda learnt, old, new: (decay * old + (1 - decay) * new).astype(old.dtype) if learnt else new,
            learnable(model),
            model,
            learning,
        )
        return mean, AveragedState(split_parameters(learning)[0], inner, state.steps + 1), losses
