import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from neuraxis.engine import simulate
from neuraxis.errors import InputError
from neuraxis.functions import rk4
from neuraxis.neurons import LIF
from neuraxis.population import Ensemble, RateNetwork, RateState, RecurrentPopulation

random = np.random.default_rng(0)
W, BETA, C = random.normal(size=(5, 5)), random.normal(size=5), random.normal(size=5)
TAU_S, TAU_M, DURATION = 20.0, 5.0, 60.0


@pytest.mark.parametrize(("integrator", "tolerance"), [({}, 0.01), ({"integrator": rk4}, 2e-5)])
def test_follows_both_equations(integrator, tolerance):
    def derivative(t, y):
        s, v = np.split(y, 2)
        return np.concatenate([(-s + v @ W + BETA + C) / TAU_S, (-v + np.tanh(s)) / TAU_M])

    wanted = solve_ivp(derivative, (0, DURATION), np.zeros(10), rtol=1e-9, atol=1e-9).y[:, -1]
    network = RateNetwork(W, BETA, tau_s=TAU_S, tau_m=TAU_M, **integrator)
    trace = simulate(network, C.astype(np.float32), dt=0.1, steps=600)
    np.testing.assert_allclose(np.concatenate([trace.state.s, trace.state.v]), wanted, atol=tolerance)
    np.testing.assert_array_equal(trace.record[-1], trace.state.v)


def test_decoders_times_encoders_are_its_weights():
    """The population that follows f in D dimensions, written out as neurons that drive each other."""
    omega = 2e-3 * np.pi
    ensemble = Ensemble(60, 2, LIF(), key=jax.random.key(1))
    population = RecurrentPopulation(ensemble, lambda y: omega * jnp.stack([-y[..., 1], y[..., 0]], -1), 50.0)
    encoding = ensemble.encoders * (ensemble.gain / ensemble.radius)[:, None]
    rates = ensemble.neurons.firing_rate
    network = RateNetwork(
        population.recurrent.decoders @ encoding.T, ensemble.bias, tau_s=50.0, tau_m=0.1, activation=rates
    )
    y = jnp.array([0.8, 0.0])
    s = ensemble.drive(y)
    full = simulate(network, dt=0.1, steps=4000, state=RateState(s, rates(s)))
    found = np.asarray(full.record)[::400] @ np.asarray(ensemble.decode(noise=0.005).decoders)

    def follow(t, y):
        return (np.asarray(population.recurrent(y.astype(np.float32))) - y) / 50.0

    wanted = solve_ivp(follow, (0, 400), y, t_eval=np.arange(0.1, 400, 40), rtol=1e-6, atol=1e-6, max_step=20.0).y.T
    np.testing.assert_allclose(found, wanted, atol=0.03)


def test_starts_for_any_leading_axes():
    network = RateNetwork(W)
    assert network.init_state((3, 5)).s.shape == (3, 5)
    assert network.init_state(()).v.shape == (5,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: RateNetwork(np.ones((2, 3))), r"weight must have shape \(N, N\), but has shape \(2, 3\)"),
        (lambda: RateNetwork(np.full((2, 2), np.nan)), "weight must be finite"),
        (lambda: RateNetwork("W"), "weight must be an array of numbers"),
        (lambda: RateNetwork(W, np.ones(4)), "bias must broadcast to the state's shape"),
        (lambda: RateNetwork(W, np.nan), "bias must be finite"),
        (lambda: RateNetwork(W, tau_s=0.0), "tau_s must be positive"),
        (lambda: RateNetwork(W, tau_m=-1.0), "tau_m must be positive"),
        (lambda: RateNetwork(W, activation="tanh"), "activation must be a function"),
        (lambda: RateNetwork(np.zeros((0, 0))), r"weight must have shape \(N, N\), but has shape \(0, 0\)"),
        (
            lambda: simulate(RateNetwork(W, activation=lambda s: s[..., :1]), np.ones(5), dt=1.0, steps=2),
            r"activation must keep the shape of s, \(5,\), but returned \(1,\)",
        ),
        (lambda: RateNetwork(W).init_state((4,)), "must broadcast"),
        (lambda: simulate(RateNetwork(W), np.ones(4), dt=1.0, steps=2), "must broadcast"),
        (lambda: simulate(RateNetwork(W), np.ones(5), dt=-1.0, steps=2), "dt must be positive"),
        (lambda: simulate(RateNetwork(W), np.full(5, np.inf), dt=1.0, steps=2), "must be finite"),
        (lambda: RateNetwork(W).step(0, None, 1.0), "state must be a RateState"),
    ],
)
def test_bad_input(as_user, call, message):
    with pytest.raises(InputError, match=message):
        call()
