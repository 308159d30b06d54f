import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
from hypothesis import given, settings
from hypothesis import strategies as st

from neuraxis.energy.continuous_hopfield import ContinuousHopfield
from neuraxis.energy.hopfield import Hopfield
from neuraxis.engine.relax import relax
from neuraxis.engine.simulate import record_state, simulate
from neuraxis.errors import InputError

PATTERNS = np.where(np.random.default_rng(0).random((3, 40)) < 0.5, -1.0, 1.0)


def random_network(seed, size=8, **settings):
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(size, size))
    return ContinuousHopfield(Hopfield(W + W.T - np.diag(2 * np.diag(W)), rng.normal(size=size)), **settings), rng


def change(model, u, dt=1e-3):
    """The time derivative of u, from a short step."""
    return (model.step(u, None, dt)[0] - u) / dt


def test_potentials_follow_the_equation():
    """Against SciPy's adaptive solver, with the equation written out anew."""
    model, rng = random_network(0, tau_x=5.0, gain=0.7)
    W, b, u = (np.asarray(a, float) for a in (model.network.weights, model.network.bias, rng.normal(size=8)))
    exact = scipy.integrate.solve_ivp(lambda t, u: (-u + np.tanh(0.7 * u) @ W + b) / 5.0, (0, 10), u, rtol=1e-9)
    with jax.enable_x64(True):
        model, _ = random_network(0, tau_x=5.0, gain=0.7)
        found = simulate(model, steps=10_000, dt=1e-3, state=jnp.asarray(u), every=10_000).state
    np.testing.assert_allclose(found, exact.y[:, -1], atol=2e-3)


def test_the_energy_is_the_integral_of_its_definition():
    model, rng = random_network(0, gain=1.3)
    u = rng.normal(size=8)
    x = np.tanh(1.3 * u)
    leak = sum(scipy.integrate.quad(lambda s: np.arctanh(s) / 1.3, 0, end)[0] for end in x)
    np.testing.assert_allclose(model.energy(u), model.network.energy(x) + leak, rtol=1e-5)


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10**6))
def test_activities_run_down_the_gradient_of_the_energy(seed):
    """τ_x du/dt = −∂E/∂x = −(∂E/∂u)/x′(u)."""
    with jax.enable_x64(True):
        model, rng = random_network(seed, tau_x=4.0, gain=0.9)
        u = jnp.asarray(rng.normal(size=8))
        slope = jax.vmap(jax.grad(model.activity))(u)
        np.testing.assert_allclose(
            4.0 * change(model, u, 1e-6), -jax.grad(model.energy)(u) / slope, rtol=1e-4, atol=1e-4
        )


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10**6), gain=st.floats(0.1, 10))
def test_the_energy_never_rises(seed, gain):
    model, rng = random_network(seed, gain=gain)
    trace = simulate(model, steps=400, dt=0.2, state=jnp.asarray(rng.normal(size=8)), record=record_state)
    energies = model.energy(trace.record)
    assert np.max(np.diff(energies)) < 1e-5 * np.abs(energies).max()


def test_recalls_stored_patterns():
    model = ContinuousHopfield(Hopfield.store(PATTERNS))
    cue = 0.1 * PATTERNS * np.where(np.random.default_rng(1).random((3, 40)) < 0.15, -1, 1)
    trace = simulate(model, steps=300, dt=1.0, state=jnp.asarray(cue))
    assert trace.record.shape == (300, 3, 40)
    np.testing.assert_array_equal(np.sign(trace.record[-1]), PATTERNS)


def test_settles_where_descent_on_the_energy_settles():
    model = ContinuousHopfield(Hopfield.store(PATTERNS))
    u = jnp.asarray(2.0 * PATTERNS)
    ended = simulate(model, steps=400, dt=1.0, state=u).state
    settled = relax(model.energy, ended, step_size=0.1)
    np.testing.assert_allclose(model.activity(settled.x), model.activity(ended), atol=1e-3)


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10**6), gain=st.floats(0.1, 10))
def test_settles_where_the_equation_is_at_rest(seed, gain):
    """Saturated neurons included, whose potentials the energy does not feel."""
    model, rng = random_network(seed, gain=gain)
    u, input = rng.normal(size=(2, 3, 8)), rng.normal(size=8)
    found = model.settle(u, input)
    assert np.all(found.converged)
    W, b, at_rest = (np.asarray(a, float) for a in (model.network.weights, model.network.bias, found.x))
    drive = np.tanh(gain * at_rest) @ W + b + input
    size = np.sqrt(np.mean(at_rest**2, axis=-1))
    assert np.all(np.sqrt(np.mean((at_rest - drive) ** 2, axis=-1)) < 3e-5 * size + 3e-6)
    energy = model.energy(found.x) - model.activity(found.x) @ input
    np.testing.assert_allclose(found.energy, energy, rtol=1e-5, atol=1e-5)


def test_the_energy_never_rises_on_the_way_to_rest():
    for seed in range(3):
        model, rng = random_network(seed, gain=5.0)
        u = rng.normal(size=8)
        energies = [model.energy(model.settle(u, max_steps=k).x) for k in (1, 2, 3, 10, 30, 100)]
        assert np.all(np.diff([model.energy(u), *energies]) < 1e-5)


def test_a_batch_settles_as_its_members_do_and_says_where_it_was_stopped():
    model, rng = random_network(1)
    u = rng.normal(size=(2, 8))
    whole, short = model.settle(u), model.settle(u, max_steps=3)
    for i in range(2):
        alone = model.settle(u[i])
        np.testing.assert_allclose(alone.x, whole.x[i], rtol=1e-5)
        assert alone.steps == whole.steps[i] > 3
    assert not short.converged.any()
    np.testing.assert_array_equal(short.steps, 3)


def test_input_is_a_current_added_to_the_bias():
    silent, rng = random_network(0)
    b = silent.network.bias
    u = jnp.asarray(rng.normal(size=8))
    without_bias = ContinuousHopfield(Hopfield(silent.network.weights))
    np.testing.assert_allclose(without_bias.step(u, b, 1.0)[0], silent.step(u, None, 1.0)[0], rtol=1e-6)
    assert simulate(without_bias, jnp.tile(b, (5, 3, 1)), dt=1.0).record.shape == (5, 3, 8)


def test_energy_is_finite_for_large_potentials():
    model, _ = random_network(0)
    u = jnp.full(8, 1e4)
    assert np.isfinite(model.energy(u))
    assert np.all(np.isfinite(jax.grad(model.energy)(u)))


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize("name", ["tau_x", "gain"])
@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_bad_constants_are_refused(name, value):
    with pytest.raises(InputError, match=f"{name} must be positive and finite, but is {value}"):
        ContinuousHopfield(Hopfield(np.zeros((2, 2))), **{name: value})


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: ContinuousHopfield(3), "network must be a Hopfield network, but is 3"),
        (lambda m: ContinuousHopfield(m.network, gain=np.ones(3)), r"must broadcast with each other.*gain \(3,\)"),
        (lambda m: m.settle("ab"), "u must be a number, but is 'ab'"),
        (lambda m: m.settle(np.ones(3)), r"u must have shape \(…, 2\)"),
        (lambda m: m.settle(np.ones(2), np.ones((3, 2))), r"input must broadcast to the state's shape \(2,\)"),
        (lambda m: m.settle(np.ones(2), rtol=-1.0), "rtol must be finite and not negative"),
        (lambda m: m.settle(np.ones(2), max_steps=0), "max_steps must be an integer of at least 1"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call(ContinuousHopfield(Hopfield(np.zeros((2, 2)))))
