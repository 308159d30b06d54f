import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from neuraxis.engine import simulate
from neuraxis.engine.simulate import record_state
from neuraxis.errors import InputError
from neuraxis.functions.integrators import rk4
from neuraxis.reinforcement import CartPole

FREE = CartPole(max_angle=1e6, max_position=1e6)  # nothing ends
SPEEDS = st.floats(-3, 3)


def accelerations(angle, spin, force, cart=1.0, pole=0.1, half=0.5, g=9.8):
    """Solve Lagrange's equations of a cart and a uniform rod, M(q) q̈ = forces, for ẍ and θ̈."""
    inertia = pole * half**2 * 4 / 3  # of a rod around its end
    mass = [[cart + pole, pole * half * np.cos(angle)], [pole * half * np.cos(angle), inertia]]
    return np.linalg.solve(mass, [force + pole * half * spin**2 * np.sin(angle), pole * g * half * np.sin(angle)])


def energy(state, cart=1.0, pole=0.1, half=0.5, g=9.8):
    """Kinetic energy of the cart, of the rod's centre and of its turning around that, and the rod's height."""
    _, v, angle, spin = np.asarray(state, float)
    across, down = v + half * spin * np.cos(angle), half * spin * np.sin(angle)
    turning = 0.5 * (pole * (2 * half) ** 2 / 12) * spin**2
    return 0.5 * cart * v**2 + 0.5 * pole * (across**2 + down**2) + turning + pole * g * half * np.cos(angle)


@settings(max_examples=30, deadline=None)
@given(st.floats(-3, 3), SPEEDS, SPEEDS, st.floats(-20, 20))
def test_obeys_lagranges_equations(angle, v, spin, force):
    given = CartPole().derivative(jnp.array([0.3, v, angle, spin]), force)
    linear, angular = accelerations(angle, spin, force)
    np.testing.assert_allclose(1000 * given, [v, linear, spin, angular], rtol=1e-4, atol=1e-4)


def test_other_masses_and_lengths():
    cart = CartPole(cart_mass=2.0, pole_mass=0.7, half_length=1.3, gravity=3.0)
    given = 1000 * cart.derivative(jnp.array([0.0, 0.1, 0.8, -1.5]), -4.0)
    np.testing.assert_allclose(given[1::2], accelerations(0.8, -1.5, -4.0, 2.0, 0.7, 1.3, 3.0), rtol=1e-5)


def test_follows_scipy_under_a_changing_force():
    push = lambda t: 3 * np.sin(5 * t)

    def slope(t, y):
        linear, angular = accelerations(y[2], y[3], push(t))
        return [y[1], linear, y[3], angular]

    start = [0.1, 0.0, 0.05, 0.0]
    reference = solve_ivp(slope, (0, 1), start, rtol=1e-9, atol=1e-9).y[:, -1]
    forces = jnp.asarray(push((np.arange(8000) + 0.5) / 8000), jnp.float32)
    ended = simulate(FREE, forces, dt=0.125, state=jnp.array(start)).state
    np.testing.assert_allclose(ended, reference, rtol=1e-3, atol=2e-3)  # Euler steps are of first order


def test_keeps_its_energy_without_a_force():
    with jax.enable_x64(True):
        state = jnp.array([0.0, 0.2, 0.5, -0.3])
        before = energy(state)
        advance = jax.jit(lambda s: jax.lax.fori_loop(0, 1000, lambda _, s: rk4(FREE, s, 0.0, 2.0), s))
        after = advance(state)
        assert abs(after[2]) > 1  # it has swung far
        np.testing.assert_allclose(energy(after), before, rtol=1e-8)


def test_a_small_lean_grows_as_the_linear_equation_says():
    rate = np.sqrt(9.8 / (0.5 * (4 / 3 - 0.1 / 1.1)))  # θ̈ = rate² θ [1/s]
    seconds = 0.3
    ended = simulate(FREE, jnp.zeros(3000), dt=0.1, state=jnp.array([0.0, 0.0, 1e-3, 0.0])).state
    np.testing.assert_allclose(ended[2], 1e-3 * np.cosh(rate * seconds), rtol=2e-3)


def test_the_usual_step():
    """One Euler step of 20 ms from rest, under 10 N: only the speeds change."""
    linear, angular = accelerations(0.0, 0.0, 10.0)
    state, reward = CartPole().step(jnp.zeros(4), 10.0, 20.0)
    np.testing.assert_allclose(state, [0, 0.02 * linear, 0, 0.02 * angular], rtol=1e-6)
    assert reward == 1


def test_ends_at_the_limits_and_stands_still_then():
    cart = CartPole()
    inside = jnp.array([[2.39, 0, 0, 0], [0, 0, np.deg2rad(11.9), 0], [-2.39, 0, -0.2, 0]])
    outside = jnp.array([[2.41, 1, 0, 0], [0, 1, np.deg2rad(12.1), 1], [-2.41, 0, 0, 0], [0, 0, -0.22, 0]])
    assert not cart.is_over(inside).any()
    assert cart.is_over(outside).all()
    after, reward = cart.step(outside, 10.0, 20.0)
    np.testing.assert_array_equal(after, outside)
    np.testing.assert_array_equal(reward, 0)
    trace = simulate(cart, jnp.full(500, 10.0), dt=20.0, record=lambda state, reward: (state, reward))
    states, rewards = trace.record
    held = int(rewards.sum())
    assert 5 < held < 15  # pushed one way, the pole falls in some 0.2 s
    assert cart.is_over(states[held - 1])
    assert not cart.is_over(states[held - 2])
    np.testing.assert_array_equal(states[held - 1], states[-1])


def test_starts_near_upright_and_each_elsewhere():
    state = CartPole().draw_state((1000,), key=jax.random.key(0))
    assert state.shape == (1000, 4)
    assert 0.049 < np.abs(state).max() <= 0.05
    np.testing.assert_allclose(state.mean(0), 0, atol=0.005)


def test_carts_do_not_disturb_each_other():
    forces = jax.random.normal(jax.random.key(0), (20, 3, 2))
    together = simulate(CartPole(), forces, dt=20.0, record=record_state).record
    alone = simulate(CartPole(), forces[:, 1, 0], dt=20.0, record=record_state).record
    np.testing.assert_allclose(together[:, 1, 0], alone, rtol=1e-6, atol=1e-7)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize("name", ["cart_mass", "pole_mass", "half_length", "gravity", "max_angle", "max_position"])
@pytest.mark.parametrize("value", [0.0, -1.0, np.nan])
def test_what_is_not_positive_is_refused(name, value):
    with pytest.raises(InputError, match=f"{name} must be positive"):
        CartPole(**{name: value})


@pytest.mark.usefixtures("as_user")
def test_a_force_of_a_wrong_shape_is_refused():
    with pytest.raises(InputError, match=r"force must broadcast to the state's shape \(3,\), but has shape \(2,\)"):
        CartPole().step(jnp.zeros((3, 4)), jnp.zeros(2), 20.0)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda cart: cart.step(np.zeros(3), 1.0, 20.0), r"state must have shape \(…, 4\), but has shape \(3,\)"),
        (lambda cart: cart.step(np.zeros(4), 1j, 20.0), "force must contain real numbers"),
        (lambda cart: cart.step(np.zeros(4), 1.0, "long"), "dt must be an array of numbers, but is 'long'"),
        (lambda cart: cart.draw_state((2.5,), key=jax.random.key(0)), "a size in shape must be an integer"),
        (lambda cart: cart.draw_state((2,), key=0), "key must be one random key"),
        (lambda cart: cart.init_state(3), "input_shape must be a tuple of integers, but is 3"),
    ],
)
def test_strange_arguments_are_refused(call, message):
    with pytest.raises(InputError, match=message):
        call(CartPole())
