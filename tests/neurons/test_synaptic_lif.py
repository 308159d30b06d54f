import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from neuraxis.errors import InputError
from neuraxis.neurons.synaptic_lif import ConductanceLIF, CurrentLIF


@pytest.mark.parametrize("dt", [0.1, 3.0])
@pytest.mark.parametrize("tau_s", [(5.0, 10.0), (20.0, 19.999), (0.5, 200.0)])
def test_a_step_of_current_synapses_is_exact(dt, tau_s):
    neuron = CurrentLIF(tau_s=tau_s, v_rest=-49.0, v_threshold=-50.0, v_reset=-60.0)
    v, s, drive = -57.0, np.array([1.5, -4.0]), 0.7
    right = lambda t, y: [(-49 - y[0] + y[1] + y[2] + drive) / 20, *(-y[1:] / np.asarray(tau_s))]
    wanted = solve_ivp(right, (0, dt), [v, *s], rtol=1e-10, atol=1e-10).y[0, -1]
    charge = jnp.asarray(s * tau_s)[:, None]
    with jax.enable_x64(True):
        double = neuron.advance(jnp.asarray([v], float), jnp.asarray(s * tau_s)[:, None], drive, dt)
        np.testing.assert_allclose(double, [wanted], rtol=1e-8)
    np.testing.assert_allclose(neuron.advance(jnp.asarray([v]), charge, drive, dt), [wanted], rtol=1e-6)


def test_equal_time_constants_have_finite_gradients():
    def final(tau_s):
        neuron = CurrentLIF(tau_s=tau_s[None])
        return neuron.advance(jnp.zeros(1), jnp.ones((1, 1)) * tau_s, 0.0, 1.0)[0]

    h = 1e-2
    slope = (final(jnp.asarray(20 + h)) - final(jnp.asarray(20 - h))) / (2 * h)
    np.testing.assert_allclose(jax.grad(final)(jnp.asarray(20.0)), slope, rtol=2e-2)


def test_conductance_synapses_converge_to_their_equation():
    neuron = ConductanceLIF()
    v, g = -55.0, np.array([6.0, 20.0])

    def right(t, y):
        now = y[1:] / 10
        return [(-60 - y[0] - now[0] * y[0] + now[1] * (-80 - y[0]) + 1.5) / 20, -y[1] / 5, -y[2] / 10]

    wanted = solve_ivp(right, (0, 4.0), [v, *g], rtol=1e-10, atol=1e-10).y[0, -1]
    errors = []
    with jax.enable_x64(True):
        for steps in (40, 80):
            dt, now, charge = 4.0 / steps, jnp.asarray([v], float), jnp.asarray(g * [5, 10])[:, None]
            for _ in range(steps):
                now = neuron.advance(now, charge, 1.5, dt)
                charge = charge * jnp.exp(-dt / jnp.asarray([5.0, 10.0]))[:, None]
            errors.append(abs(float(now[0]) - wanted))
    assert errors[0] < 0.02
    assert 1.9 < errors[0] / errors[1] < 2.1  # of first order


def test_a_held_conductance_is_solved_exactly():
    neuron = ConductanceLIF(tau_s=(1e12, 1e12))
    charge = jnp.asarray([[20e12], [5e12]])
    total, target = 1 + 2.0 + 0.5, (-60 + 2.0 * 0 + 0.5 * -80) / 3.5
    wanted = target + (-55 - target) * np.exp(-total * 7.0 / 20)
    np.testing.assert_allclose(neuron.advance(jnp.asarray([-55.0]), charge, 0.0, 7.0), [wanted], rtol=1e-6)


def test_each_neuron_may_have_its_own_constants():
    many = CurrentLIF(tau_m=jnp.asarray([10.0, 30.0]), tau_s=jnp.asarray([[5.0, 2.0]]), v_rest=jnp.asarray([0.5, 0.1]))
    found = many.advance(jnp.zeros(2), jnp.ones((1, 2)), 0.0, 1.0)
    for k in range(2):
        one = CurrentLIF(float(many.tau_m[k]), (float(many.tau_s[0, k]),), v_rest=float(many.v_rest[k]))
        np.testing.assert_allclose(found[k], one.advance(jnp.zeros(1), jnp.ones((1, 1)), 0.0, 1.0)[0], rtol=1e-5)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: CurrentLIF(tau_m=0.0), "tau_m must be positive"),
        (lambda: CurrentLIF(tau_s=(5.0, -1.0)), "tau_s must be positive"),
        (lambda: CurrentLIF(tau_s=()), "tau_s must have one entry, or one row, per receptor"),
        (lambda: CurrentLIF(tau_s=5.0), "tau_s must have one entry, or one row, per receptor"),
        (lambda: CurrentLIF(tau_ref=-1.0), "tau_ref must be finite and not negative"),
        (lambda: CurrentLIF(v_threshold=0.0), "v_threshold - v_reset must be positive"),
        (lambda: CurrentLIF(v_rest=np.nan), "v_rest must be finite"),
        (lambda: ConductanceLIF(g_leak=0.0), "g_leak must be positive"),
        (
            lambda: ConductanceLIF(v_reversal=(0.0,)),
            "v_reversal must have one entry per receptor, of which tau_s has 2, but has 1",
        ),
        (lambda: ConductanceLIF(v_reversal=(0.0, np.inf)), "v_reversal must be finite"),
    ],
)
def test_bad_input_is_named(make, words):
    with pytest.raises(InputError, match=words):
        make()
