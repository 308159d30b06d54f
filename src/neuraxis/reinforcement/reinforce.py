"""REINFORCE: the gradient of the expected reward, estimated from sampled episodes."""

from typing import Any, NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray

from neuraxis import check
from neuraxis.engine import simulate
from neuraxis.errors import InputError
from neuraxis.functions.losses import categorical_cross_entropy_with_logits, one_hot
from neuraxis.kinds import Map


@runtime_checkable
class Environment(Protocol):
    """A dynamics whose input is an action and whose output is a reward; its state is an array (…, features)."""

    def init_state(self, input_shape: tuple[int, ...]) -> Float[Array, "... features"]:
        """Return the state at t = 0 for actions of that shape."""
        ...

    def step(self, state: Any, action: Any, /, dt: ArrayLike) -> tuple[Any, Any]:
        """Advance by `dt` [ms] under an action; return the new state and the reward."""
        ...

    def is_over(self, state: Any, /) -> Bool[Array, "..."]:
        """Return whether the episode has ended, after which there is no reward."""
        ...


class Moment(NamedTuple):
    """One step of an episode."""

    state: Float[Array, "... features"]
    """State in which the action was chosen."""
    choice: Int[Array, "..."]
    """Index of the action."""
    reward: Float[Array, "..."]
    counts: Bool[Array, "..."]
    """False once the episode is over."""


class Actor(eqx.Module):
    """A policy acting in an environment: a map and a dynamics that together form a dynamics.

    The policy maps the state to one logit per action, and action a in state s is chosen with probability π(a|s) =
    softmax(logits). The input is Gumbel noise (…, actions): the action with the largest logit + noise is a sample from
    π. With zero noise the most probable action is chosen.

    Raises:
        InputError: for a policy that is not a function, an environment that lacks a method, or actions that are not a
            list of numbers.
    """

    policy: Map
    environment: Environment
    actions: Float[ArrayLike, " actions"]
    """Inputs to the environment to choose from."""

    def __check_init__(self):
        check.functions(policy=self.policy)
        _check_environment(self.environment)
        _check_actions(self.actions)

    def init_state(self, input_shape: tuple[int, ...]) -> Float[Array, "... features"]:
        """Return the initial state of the environment."""
        return self.environment.init_state(input_shape[:-1])

    def step(self, state: Array, noise: Float[ArrayLike, "... actions"], dt: ArrayLike) -> tuple[Array, Moment]:
        """Choose an action and apply it for `dt` [ms]; the output is a `Moment`.

        Raises:
            InputError: for a policy that does not return one logit per action, or an environment that does not return
                one reward per state.
        """
        logits, actions = self.policy(state), check.floats("actions", self.actions)
        if logits.shape[-1] != len(actions):
            raise InputError(
                f"policy must return {len(actions)} logits, one for each action, but returned {logits.shape[-1]}"
            )
        chance = check.floats("noise", noise)
        check.fits(logits.shape, noise=chance)
        choice = jnp.argmax(logits + chance, axis=-1)
        after, reward = self.environment.step(state, actions[choice], dt)
        over = self.environment.is_over(state)
        for name, given in (("reward", reward), ("is_over", over)):
            if jnp.shape(given) != choice.shape:
                raise InputError(
                    f"{name} of the environment must have the shape of the actions, {choice.shape}, but has shape "
                    f"{jnp.shape(given)}"
                )
        return after, Moment(state, choice, reward, ~over)


def _check_environment(environment: Any) -> None:
    if isinstance(environment, type) or not isinstance(environment, Environment):
        raise InputError(
            "environment must have init_state, step and is_over, as CartPole() has, but is "
            f"{check.received(environment)}"
        )


def _check_actions(actions: Any) -> None:
    check.finite(actions=actions)
    if np.ndim(actions) != 1 or not np.size(actions):
        raise InputError(f"actions must be a list of one or more numbers, but have shape {np.shape(actions)}")


class Reinforce(eqx.Module):
    """A loss whose gradient is the REINFORCE estimate, for `fit`; its examples are the initial states of episodes.

    With rewards r_t, the return from t on G_t = Σ_{k≥t} γ^{k−t} r_k, and a baseline b_t, the loss of an episode is

        E = Σ_t (G_t − b_t) (−ln π(a_t|s_t)),

    the cross-entropy of the chosen actions a_t in the states s_t, weighted by the return above the baseline. For γ = 1
    its gradient is an unbiased estimate of the gradient of the expected −Σ_t r_t, for any baseline that does not depend
    on a_t. Here b_t is the mean G_t of the other episodes in the batch, and 0 for a single episode. The value of E
    itself says little, since it is measured on episodes that change with the policy.

    Args:
        environment: the environment of the policy.
        actions: inputs to the environment to choose from, one per logit of the policy.
        steps: maximum length of an episode.
        dt: length of a step [ms].
        discount: γ, which discounts later rewards; below 1 it reduces the variance at the cost of a bias.

    Raises:
        InputError: for fewer than two actions, or steps, dt or a discount out of range.

    Source: Williams, Machine Learning 8:229 (1992).
    """

    environment: Environment
    actions: tuple[float | int, ...]
    steps: int
    dt: float
    discount: float = 1.0

    def __check_init__(self):
        _check_environment(self.environment)
        _check_actions(self.actions)
        if len(self.actions) < 2:
            raise InputError(f"actions must name at least two to choose from, but are {self.actions}")
        check.whole(steps=self.steps)
        check.array_fits("steps", (self.steps, self.steps))  # the weights γ^{k−t} of the rewards
        check.positive(dt=self.dt, discount=self.discount)
        check.one_number(dt=self.dt, discount=self.discount)
        if self.discount > 1:
            raise InputError(f"discount must be at most 1, but is {self.discount}")

    def play(self, policy: Map, start: Float[ArrayLike, "... features"], *, key: PRNGKeyArray) -> Moment:
        """Play an episode from each initial state; every field of the result has a leading time axis.

        Args:
            policy: map from states to one logit per action.
            start: initial states of the environment.
            key: random key for the choice of actions.

        Raises:
            InputError: for states that are not finite.
        """
        check.finite(start=start)
        check.key(key)
        state = check.floats("start", start)
        noise = jax.random.gumbel(key, (self.steps, *state.shape[:-1], len(self.actions)))
        actor = Actor(policy, self.environment, jnp.asarray(self.actions))
        return simulate(actor, noise, dt=self.dt, state=state).record

    def returns(self, rewards: Float[Array, "time ..."]) -> Float[Array, "time ..."]:
        """Return G_t = Σ_{k≥t} γ^{k−t} r_k.

        Raises:
            InputError: for rewards of another number of steps.
        """
        ahead = jnp.arange(self.steps) - jnp.arange(self.steps)[:, None]
        weights = jnp.where(ahead >= 0, self.discount ** jnp.maximum(ahead, 0.0), 0.0)
        rewards = check.floats("rewards", rewards)
        if rewards.shape[:1] != (self.steps,):
            raise InputError(f"rewards must have shape (time, …) with {self.steps} steps, but have {rewards.shape}")
        return jnp.tensordot(weights.astype(rewards.dtype), rewards, axes=1, precision=lax.Precision.HIGHEST)

    def total_reward(self, policy: Map, start: Float[ArrayLike, "batch features"], *, key: PRNGKeyArray) -> Array:
        """Return Σ_t r_t of an episode from each initial state; the arguments are those of `play`."""
        return jnp.sum(self.play(policy, start, key=key).reward, axis=0)

    def __call__(
        self, policy: Map, start: Float[ArrayLike, "batch features"], *, key: PRNGKeyArray
    ) -> Float[Array, " batch"]:
        """Play an episode from each initial state, and return its loss; the arguments are those of `play`."""
        # Only the log-probabilities are differentiated, neither the choice of actions nor the environment.
        played = lax.stop_gradient(self.play(policy, start, key=key))
        gain = self.returns(played.reward)
        others = max(gain.shape[1] - 1, 1)
        baseline = (jnp.sum(gain, axis=1, keepdims=True) - gain) / others
        surprise = categorical_cross_entropy_with_logits(
            policy(played.state), one_hot(played.choice, len(self.actions))
        )
        return jnp.sum((gain - baseline) * surprise, axis=0, where=played.counts)
