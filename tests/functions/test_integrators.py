from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from neuraxis.functions.integrators import exponential_euler, rk4

numbers = st.floats(-10, 10)


class Linear:
    """dy/dt = (drive − y)/tau in every leaf, with its own tau."""

    def __init__(self, tau):
        self.tau = tau

    def relaxation(self, y, drive):
        return jax.tree.map(lambda y: jnp.full_like(y, drive), y), self.tau

    def derivative(self, y, drive):
        return jax.tree.map(lambda y, tau: (drive - y) / tau, y, self.tau)


class Predator:
    """Lotka and Volterra's prey and predator, in both forms."""

    def relaxation(self, y, drive):
        prey, predator = y
        # dx/dt = (target − x)/tau with tau held: growth of the prey is part of its target.
        return (prey * drive / predator, jnp.zeros_like(predator) + prey * predator), (
            1 / predator,
            jnp.ones_like(prey),
        )

    def derivative(self, y, drive):
        prey, predator = y
        return prey * (drive - predator), predator * (prey - 1)


def advance(integrator, system, y, drive, dt, steps):
    return jax.lax.fori_loop(0, steps, lambda _, y: integrator(system, y, drive, dt), y)


def predator_error(integrator, steps, time=2.0):
    exact = solve_ivp(
        lambda t, y: [y[0] * (1.5 - y[1]), y[1] * (y[0] - 1)], (0, time), [0.5, 1.0], rtol=1e-12, atol=1e-12
    )
    y = advance(integrator, Predator(), (jnp.array(0.5), jnp.array(1.0)), 1.5, time / steps, steps)
    return np.abs(np.array(y) - exact.y[:, -1]).max()


@partial(jax.jit, static_argnums=0)
def linear_step(integrator, y, drive, ratio):
    """One step of dt = ratio · tau in double precision."""
    return integrator(Linear([0.5 / ratio]), [y], drive, 0.5)[0]


@settings(deadline=None, max_examples=50)
@given(y=numbers, drive=numbers, ratio=st.floats(1e-3, 100))
def test_exponential_euler_is_exact_for_a_constant_target(y, drive, ratio):
    with jax.enable_x64(True):
        new = float(linear_step(exponential_euler, y, drive, ratio))
    assert new == pytest.approx(drive + (y - drive) * np.exp(-ratio), abs=1e-13)
    assert min(y, drive) - 1e-13 <= new <= max(y, drive) + 1e-13  # a long step does not pass the target


@settings(deadline=None, max_examples=50)
@given(y=numbers, drive=numbers, ratio=st.floats(0.01, 2.5))
def test_rk4_has_the_amplification_of_order_four(y, drive, ratio):
    with jax.enable_x64(True):
        new = float(linear_step(rk4, y, drive, ratio))
    z = -ratio
    assert new == pytest.approx(drive + (y - drive) * (1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24), abs=1e-12)


@pytest.mark.parametrize(("integrator", "order", "bound"), [(exponential_euler, 1, 0.02), (rk4, 4, 1e-9)])
def test_order_of_convergence_on_a_nonlinear_system(integrator, order, bound):
    with jax.enable_x64(True):
        coarse, fine = predator_error(integrator, 200), predator_error(integrator, 400)
    assert np.log2(coarse / fine) == pytest.approx(order, abs=0.1)
    assert fine < bound


@pytest.mark.parametrize("integrator", [exponential_euler, rk4])
def test_any_pytree_of_any_shape_keeps_structure_and_dtype(integrator):
    y = {"a": jnp.ones((2, 3)), "b": (jnp.zeros(()), jnp.full(4, 2.0))}
    system = Linear({"a": 1.0, "b": (2.0, jnp.arange(1.0, 5.0))})
    new = integrator(system, y, 0.5, 0.1)
    assert jax.tree.map(lambda x: (x.shape, x.dtype), new) == jax.tree.map(lambda x: (x.shape, x.dtype), y)
    one = integrator(Linear(3.0), jnp.array(2.0), 0.5, 0.1)
    np.testing.assert_allclose(new["b"][1][2], one, rtol=1e-6)  # each entry moves by its own time constant
    with jax.enable_x64(True):
        assert integrator(Linear(3.0), jnp.ones(2, jnp.float32), 0.5, 0.1).dtype == jnp.float32


@pytest.mark.parametrize("integrator", [exponential_euler, rk4])
def test_gradient_with_respect_to_the_time_constant(integrator):
    @jax.jit
    def end(tau):
        def step(y, _):
            return (integrator(Linear(tau), y, 0.5, 0.1), None)

        return jax.lax.scan(step, jnp.array(2.0), length=20)[0]

    with jax.enable_x64(True):
        slope = jax.grad(end)(1.5)
        assert slope == pytest.approx(float(end(1.5 + 1e-5) - end(1.5 - 1e-5)) / 2e-5, rel=1e-6)
