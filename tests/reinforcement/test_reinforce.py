import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import descent, fit, gradient_descent
from neuraxis.errors import InputError
from neuraxis.kinds import Dynamics
from neuraxis.reinforcement import Actor, CartPole, Environment, Reinforce

KEY = jax.random.key(0)


class Bandit(eqx.Module):
    """Three arms that each pay the same every time; the state is the constant 1."""

    pays: tuple[float, ...] = (1.0, -0.5, 3.0)

    def init_state(self, input_shape):
        return jnp.ones((*input_shape, 1))

    def step(self, state, action, dt):
        return state, jnp.asarray(self.pays)[action.astype(int)]

    def is_over(self, state):
        return jnp.zeros(state.shape[:-1], bool)


class Walk(eqx.Module):
    """Steps along a line, and the square of the place reached is paid; beyond 1 it is over."""

    def init_state(self, input_shape):
        return jnp.zeros((*input_shape, 1))

    def step(self, state, action, dt):
        over = self.is_over(state)
        after = jnp.where(over[..., None], state, state + action[..., None])
        return after, jnp.where(over, 0, after[..., 0] ** 2)

    def is_over(self, state):
        return state[..., 0] > 1


class Logits(eqx.Module):
    """Logits that are linear in the state."""

    weight: jax.Array
    bias: jax.Array

    def __call__(self, x, *, key=None):
        return x @ self.weight + self.bias


def policy(actions):
    return Logits(0.3 * jax.random.normal(KEY, (1, actions)), 0.5 * jax.random.normal(jax.random.key(1), (actions,)))


def expected_reward(policy, environment, actions, steps, discount=1.0):
    """Add up all courses an episode can take, each with its probability."""
    total = 0.0
    for course in itertools.product(range(len(actions)), repeat=steps):
        state, probability, gained = environment.init_state(()), 1.0, 0.0
        for t, choice in enumerate(course):
            probability = probability * jax.nn.softmax(policy(state))[choice]
            state, reward = environment.step(state, jnp.asarray(actions[choice]), 1.0)
            gained = gained + discount**t * reward
        total = total + probability * gained
    return total


@pytest.mark.parametrize(
    ("environment", "actions", "steps"),
    [(Bandit(), (0.0, 1.0, 2.0), 1), (Walk(), (-0.5, 1.0), 3)],
    ids=["bandit", "walk"],
)
@pytest.mark.parametrize("batch", [1, 3])
def test_the_estimate_is_the_exact_gradient_on_average(environment, actions, steps, batch):
    """Also in a batch of 3, where a baseline that an episode's own return went into would shrink it by a third."""
    reinforce, model = Reinforce(environment, actions, steps=steps, dt=1.0), policy(len(actions))
    exact = jax.grad(lambda m: -expected_reward(m, environment, actions, steps))(model)
    start = environment.init_state((batch,))

    @jax.jit
    @jax.vmap
    def estimate(key):
        return jax.grad(lambda m: jnp.mean(reinforce(m, start, key=key)))(model)

    estimates = estimate(jax.random.split(jax.random.key(2), 6000))
    for found, expected in zip(jax.tree.leaves(estimates), jax.tree.leaves(exact), strict=True):
        spread = 4.5 * found.std(0) / np.sqrt(len(found))
        assert np.all(np.abs(found.mean(0) - expected) < spread + 1e-5)
        assert np.all(spread < 0.2 * np.abs(exact.bias).max())  # so that the comparison says something


def test_the_baseline_makes_the_estimate_less_noisy():
    reinforce, model = Reinforce(Bandit((10.0, 11.0, 12.0)), (0.0, 1.0, 2.0), steps=1, dt=1.0), policy(3)

    def noise(batch):
        starts = jnp.ones((batch, 1))
        gradient = lambda key: jax.grad(lambda m: jnp.mean(reinforce(m, starts, key=key)))(model).bias
        # A batch of 8 instead of 1 alone divides the variance by 8.
        return batch * jnp.var(jax.jit(jax.vmap(gradient))(jax.random.split(KEY, 2000)), axis=0).sum()

    assert noise(8) < 0.1 * noise(1)


def test_returns_are_what_is_still_to_come():
    reinforce = Reinforce(CartPole(), (-10.0, 10.0), steps=6, dt=20.0, discount=0.9)
    rewards = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    expected = np.zeros_like(rewards)
    to_come = 0.0
    for t in reversed(range(6)):
        to_come = rewards[t] + 0.9 * to_come
        expected[t] = to_come
    np.testing.assert_allclose(reinforce.returns(jnp.asarray(rewards)), expected, rtol=1e-5)


def test_choices_have_the_probabilities_of_the_policy():
    reinforce, model = Reinforce(Bandit(), (0.0, 1.0, 2.0), steps=1, dt=1.0), policy(3)
    played = reinforce.play(model, jnp.ones((40_000, 1)), key=KEY)
    share = np.bincount(np.asarray(played.choice).ravel(), minlength=3) / 40_000
    np.testing.assert_allclose(share, jax.nn.softmax(model(jnp.ones(1))), atol=0.01)
    np.testing.assert_array_equal(played.reward, np.array([1.0, -0.5, 3.0])[played.choice])


def test_nothing_counts_after_the_end():
    reinforce = Reinforce(Walk(), (1.0, 1.0), steps=5, dt=1.0)
    played = reinforce.play(policy(2), jnp.zeros((1, 1)), key=KEY)
    np.testing.assert_array_equal(played.counts[:, 0], [True, True, False, False, False])
    np.testing.assert_array_equal(played.reward[:, 0], [1, 4, 0, 0, 0])
    assert reinforce.total_reward(policy(2), jnp.zeros((1, 1)), key=KEY) == 5


def test_fit_finds_the_best_arm():
    reinforce = Reinforce(Bandit(), (0.0, 1.0, 2.0), steps=1, dt=1.0)
    fitted = fit(
        policy(3),
        descent(reinforce, gradient_descent(0.3)),
        (jnp.ones((64, 1)),),
        epochs=20,
        batch_size=16,
        key=KEY,
        progress=None,
    )
    assert jax.nn.softmax(fitted.model(jnp.ones(1)))[2] > 0.95


def test_an_actor_is_a_dynamics_and_without_noise_takes_the_likeliest_action():
    actor = Actor(Logits(jnp.zeros((4, 2)), jnp.array([0.0, 1.0])), CartPole(), jnp.array([-10.0, 10.0]))
    assert isinstance(actor, Dynamics)
    assert isinstance(CartPole(), Environment)
    state, moment = actor.step(actor.init_state((3, 2)), jnp.zeros((3, 2)), 20.0)
    np.testing.assert_array_equal(moment.choice, 1)
    assert np.all(state[:, 1] > 0)  # pushed to the right


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"actions": (1.0,)}, "actions must name at least two"),
        ({"actions": (1.0, np.nan)}, "actions must be finite"),
        ({"steps": 0}, "steps must be an integer"),
        ({"dt": 0.0}, "dt must be positive"),
        ({"discount": 0.0}, "discount must be positive"),
        ({"discount": 1.1}, "discount must be at most 1"),
        ({"discount": [0.5, 0.9]}, r"discount must be one number, but has shape \(2,\)"),
        ({"actions": 3.0}, "actions must be a list of one or more numbers"),
        ({"actions": []}, "actions must be a list of one or more numbers"),
        ({"actions": "ab"}, "actions must be a number, but is 'ab'"),
        ({"environment": CartPole}, "environment must have init_state, step and is_over"),
        ({"steps": 10**9}, "steps must be smaller: an array of shape"),
    ],
)
def test_bad_settings_are_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        Reinforce(**{"environment": CartPole(), "actions": (-10.0, 10.0), "steps": 5, "dt": 20.0, **wrong})


class OneRewardForAll(Bandit):
    """An environment that forgets that its states are many."""

    def step(self, state, action, dt):
        return state, jnp.sum(action)


@pytest.mark.usefixtures("as_user")
def test_a_reward_of_another_shape_is_refused():
    with pytest.raises(InputError, match=r"reward of the environment must have the shape of the actions, \(4,\)"):
        Reinforce(OneRewardForAll(), (0.0, 1.0), steps=1, dt=1.0)(policy(2), jnp.ones((4, 1)), key=KEY)


@pytest.mark.usefixtures("as_user")
def test_a_policy_with_too_few_or_many_logits_is_refused():
    reinforce = Reinforce(Bandit(), (0.0, 1.0, 2.0), steps=1, dt=1.0)
    with pytest.raises(InputError, match="policy must return 3 logits, one for each action, but returned 2"):
        reinforce(policy(2), jnp.ones((4, 1)), key=KEY)
