import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st

from neuraxis.energy.modern_hopfield import ModernHopfield
from neuraxis.engine.relax import relax
from neuraxis.errors import InputError

RNG = np.random.default_rng(0)
PATTERNS = RNG.normal(size=(200, 32))
PATTERNS *= np.sqrt(32) / np.linalg.norm(PATTERNS, axis=-1, keepdims=True)


@settings(deadline=None, max_examples=8)
@given(beta=st.floats(0.01, 2.0), seed=st.integers(0, 10**6))
def test_energy_and_update_are_those_of_the_paper(beta, seed):
    state = np.random.default_rng(seed).normal(size=(2, 3, 32))
    memory = ModernHopfield(PATTERNS, beta)
    attention = scipy.special.softmax(beta * state @ PATTERNS.T, axis=-1)
    np.testing.assert_allclose(memory.step(state), attention @ PATTERNS, atol=1e-4)
    pull = scipy.special.logsumexp(beta * state @ PATTERNS.T, axis=-1) / beta
    largest = np.max(np.sum(PATTERNS**2, axis=-1))
    energy = -pull + 0.5 * np.sum(state**2, axis=-1) + np.log(200) / beta + 0.5 * largest
    np.testing.assert_allclose(memory.energy(state), energy, rtol=1e-4, atol=1e-4)
    assert np.all(memory.energy(state) >= 0)


@pytest.mark.parametrize("beta", [0.1, 1.0])
def test_an_update_is_a_step_of_size_one_down_the_energy(beta):
    memory = ModernHopfield(PATTERNS, beta)
    state = RNG.normal(size=(5, 32))
    np.testing.assert_allclose(
        relax(memory.energy, state, step_size=1.0, max_steps=1).x, memory.step(state), rtol=1e-5, atol=1e-5
    )


@settings(deadline=None, max_examples=8)
@given(beta=st.floats(0.01, 5.0), seed=st.integers(0, 10**6))
def test_no_update_raises_the_energy(beta, seed):
    memory = ModernHopfield(PATTERNS, beta)
    state = 3 * np.random.default_rng(seed).normal(size=(10, 32))
    assert np.all(memory.energy(memory.step(state)) <= memory.energy(state) + 1e-4)


def test_retrieves_more_patterns_than_it_has_neurons():
    noisy = PATTERNS + 0.3 * RNG.normal(size=PATTERNS.shape)
    settled = relax(ModernHopfield(PATTERNS, 2.0).energy, noisy, step_size=1.0)
    assert np.all(settled.converged)
    np.testing.assert_allclose(settled.x, PATTERNS, atol=0.02)


def test_a_small_beta_averages_all_patterns():
    settled = relax(ModernHopfield(PATTERNS, 1e-4).energy, PATTERNS[:3], step_size=1.0)
    np.testing.assert_allclose(settled.x, np.tile(PATTERNS.mean(0), (3, 1)), atol=0.01)


def test_every_state_may_have_a_beta_of_its_own():
    states, betas = RNG.normal(size=(2, 3, 32)), np.array([0.1, 1.0, 3.0])
    memory = ModernHopfield(PATTERNS, betas)
    assert memory.energy(states).shape == (2, 3)
    assert memory.step(states).shape == (2, 3, 32)
    for i, beta in enumerate(betas):
        alone = ModernHopfield(PATTERNS, beta)
        np.testing.assert_allclose(memory.energy(states)[:, i], alone.energy(states[:, i]), rtol=1e-5)
        np.testing.assert_allclose(memory.step(states)[:, i], alone.step(states[:, i]), rtol=1e-4, atol=1e-5)


def test_bytes_are_patterns():
    """As pictures are stored; the reference is the update in double precision."""
    patterns = RNG.integers(0, 17, (5, 20)).astype(np.uint8)
    x = np.where(np.arange(20) < 15, patterns, 0)
    weights = scipy.special.softmax(x @ patterns.T.astype(float), axis=-1)
    np.testing.assert_allclose(ModernHopfield(patterns).step(x), weights @ patterns, rtol=1e-4, atol=1e-6)


def test_beta_and_patterns_can_be_learnt():
    def far(memory):
        return jnp.sum(memory.step(PATTERNS[:4] * 0.5) ** 2)

    gradient = jax.grad(far)(ModernHopfield(PATTERNS, jnp.asarray(0.5)))
    assert np.isfinite(gradient.beta)
    assert gradient.beta != 0
    assert np.all(np.isfinite(gradient.patterns))


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ModernHopfield(np.zeros(3)), r"patterns must have shape \(M, N\), but have shape \(3,\)"),
        (lambda: ModernHopfield(np.zeros((0, 3))), r"patterns must have shape \(M, N\), but have shape \(0, 3\)"),
        (lambda: ModernHopfield(np.array([[np.inf]])), "patterns must be finite"),
        (lambda: ModernHopfield(np.ones((1, 2)), 0.0), "beta must be positive and finite, but is 0.0"),
        (lambda: ModernHopfield([["a"]]), "patterns must be an array of numbers"),
        (
            lambda: ModernHopfield(np.ones((1, 2)), np.ones((3, 1))).energy(np.ones((3, 2))),
            r"beta must broadcast to the state's shape \(3,\), but has shape \(3, 1\)",
        ),
        (lambda: ModernHopfield(np.ones((1, 2))).step(np.ones(3)), r"x must have shape \(…, 2\), but has shape \(3,\)"),
        (lambda: ModernHopfield(np.ones((1, 2))).energy(np.array([0, np.nan])), "x must be finite"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
