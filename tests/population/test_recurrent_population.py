import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from neuraxis.engine import Chain, simulate
from neuraxis.errors import InputError
from neuraxis.neurons import LIF
from neuraxis.population import Ensemble, RateNeurons, RecurrentPopulation, ReLUNeurons

OMEGA = 2e-3 * np.pi  # of 1 Hz [1/ms]


def ensemble(size=50, dimensions=2, neurons=LIF(), radius=1.0):  # noqa: B008 - frozen
    return Ensemble(size, dimensions, neurons, radius=radius, key=jax.random.key(0))


def turn(y):
    return jnp.stack([-y[..., 1], y[..., 0]], -1)


def van_der_pol(y):
    position, speed = y[..., 0], y[..., 1]
    return OMEGA * jnp.stack([speed, (1 - position**2) * speed - position], -1)


@pytest.fixture(scope="module")
def turning():
    return RecurrentPopulation(ensemble(), lambda y: OMEGA * turn(y), 50.0)


def test_is_its_equation(turning):
    """Rates, encoders and decoders in NumPy, with the neurons' steps taken one by one."""
    e, d = turning.recurrent.ensemble, np.asarray(turning.recurrent.decoders, float)
    u = np.random.default_rng(0).normal(size=(40, 2)) / 100
    y, neurons, found = np.zeros(2), e.neurons.init_state((50,)), []
    for now in u:
        drive = np.asarray(e.encoders, float) @ y * np.asarray(e.gain, float) + np.asarray(e.bias, float)
        neurons, spikes = e.neurons.step(neurons, jnp.asarray(drive, jnp.float32), 0.5)
        g = np.asarray(spikes, float) / 0.5e-3 @ d
        y = y + 0.5 / 50 * (g - y + 50 * now)
        found.append(y)
    np.testing.assert_allclose(simulate(turning, u.astype(np.float32), dt=0.5).record, found, atol=2e-5)


def test_decodes_the_slope_and_itself(turning):
    y = 0.9 * jnp.stack([jnp.cos(jnp.arange(6.0)), jnp.sin(jnp.arange(6.0))], -1)
    np.testing.assert_allclose(turning.recurrent(y), y + 50 * OMEGA * turn(y), atol=0.03)


def test_any_function_in_rates_follows_its_equation():
    population = RecurrentPopulation(ensemble(400, 2, RateNeurons(LIF()), 4.0), van_der_pol, 100.0)
    trace = simulate(population, dt=1.0, steps=1200, state=population.start(np.array([2.0, 0.0])))
    wanted = solve_ivp(
        lambda t, y: np.asarray(van_der_pol(y), float), (0, 1200), [2.0, 0.0], t_eval=trace.times, rtol=1e-6
    ).y.T
    assert np.abs(wanted[:, 1]).max() > 2.5  # it is far from a circle
    np.testing.assert_allclose(trace.record, wanted, atol=0.3)  # it slips by some ms where y[1] is steep


def test_an_integrator_adds_up_its_input_and_keeps_it():
    population = RecurrentPopulation(ensemble(200, 1), lambda y: 0 * y, 100.0)
    u = np.zeros((1500, 3, 1), np.float32)
    u[:500] = np.array([[-0.6], [0.2], [0.7]]) / 500
    y = np.asarray(simulate(population, u, dt=1.0).record)[..., 0]
    np.testing.assert_allclose(y[600:].mean(0), [-0.6, 0.2, 0.7], atol=0.03)


def test_a_control_sets_the_speed_and_the_way():
    def turned(y, u):
        return OMEGA * u * turn(y)

    population = RecurrentPopulation(ensemble(300, 3, radius=1.5), turned, 100.0, controls=1)
    u = jnp.array([[-1.0], [0.0], [1.0]])
    state = population.start(jnp.broadcast_to(jnp.array([0.9, 0.0]), (3, 2)))
    y = np.asarray(simulate(population, u, dt=1.0, steps=600, state=state).record)
    angle = np.unwrap(np.arctan2(y[..., 1], y[..., 0]), axis=0)
    np.testing.assert_allclose(angle[-1] - angle[0], 600 * OMEGA * np.array([-1, 0, 1]), atol=0.3)
    assert population.init_state((3, 1)).y.shape == (3, 2)


def test_in_a_chain_and_of_other_neurons():
    relu = RecurrentPopulation(ensemble(80, 2, ReLUNeurons()), lambda y: -y / 20, 50.0)
    chain = Chain(lambda x: x * jnp.array([1.0, -1.0]), relu)
    y = simulate(chain, jnp.array([0.02]), dt=1.0, steps=300).record
    np.testing.assert_allclose(y[-1], [0.4, -0.4], atol=0.03)  # where −y/20 + u is 0


def test_time_constants_are_values(turning):
    slower = eqx.tree_at(lambda p: p.tau_s, turning, 500.0)
    np.testing.assert_array_equal(turning.init_state(()).y, [0, 0])  # without an input
    state = turning.start(np.array([0.9, 0.0]))
    one, other = (simulate(p, dt=0.5, steps=40, state=state).record[-1] for p in (turning, slower))
    assert np.abs(one - other).max() > 0.01


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RecurrentPopulation("e", turn), "ensemble must be an Ensemble, but is 'e'"),
        (lambda: RecurrentPopulation(ensemble(), "f"), "f must be a function, but is 'f'"),
        (lambda: RecurrentPopulation(ensemble(), lambda y, u: y), "f must be a function of [(]y[)]"),
        (lambda: RecurrentPopulation(ensemble(), turn, controls=1), "f must be a function of [(]y, u[)]"),
        (
            lambda: RecurrentPopulation(ensemble(), lambda y: y[..., 0]),
            "f must return dy/dt in the shape of y, .*, but",
        ),
        (
            lambda: RecurrentPopulation(ensemble(), lambda y: y[..., :1]),
            "f must return dy/dt in the shape of y, .*, but",
        ),
        (lambda: RecurrentPopulation(ensemble(), lambda y: "y"), "the output of f must be an array of numbers"),
        (lambda: RecurrentPopulation(ensemble(), lambda y: y / 0), "the output of the function must be finite"),
        (lambda: RecurrentPopulation(ensemble(), turn, 0.0), "tau_s must be positive"),
        (lambda: RecurrentPopulation(ensemble(), turn, np.nan), "tau_s must be positive"),
        (lambda: RecurrentPopulation(ensemble(), turn, [1.0, 2.0]), "tau_s must be one number"),
        (lambda: RecurrentPopulation(ensemble(), turn, "1"), "tau_s must be a number"),
        (
            lambda: RecurrentPopulation(ensemble(), turn, controls=2),
            "controls must leave a dimension .* for y, but is 2",
        ),
        (lambda: RecurrentPopulation(ensemble(), turn, controls=-1), "controls must be an integer"),
        (
            lambda: RecurrentPopulation(ensemble(), turn, points=np.ones((4, 3))),
            r"points must have shape \(points, 2\)",
        ),
        (lambda: RecurrentPopulation(ensemble(), turn, noise=-1.0), "noise must be finite and not negative"),
    ],
)
def test_bad_populations(as_user, make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda p: simulate(p, dt=60.0, steps=1, state=p.start([0, 0])),
            r"dt must not be longer than tau_s \(50.0 ms\)",
        ),
        (lambda p: simulate(p, np.ones(2), dt=0.0, steps=1), "dt must be positive"),
        (lambda p: simulate(p, np.ones(3), dt=1.0, steps=1), r"u must have shape \(…, 2\), but has shape \(3,\)"),
        (lambda p: simulate(p, np.full(2, np.nan), dt=1.0, steps=1), "must be finite"),
        (lambda p: simulate(p, 1j * np.ones(2), dt=1.0, steps=1), "must contain real numbers"),
        (lambda p: p.start([1.0]), r"y must have shape \(…, 2\), but has shape \(1,\)"),
        (lambda p: p.start([np.nan, 0]), "y must be finite"),
        (lambda p: p.start("y"), "y must be an array of numbers"),
        (lambda p: p.init_state((3,)), r"u must have shape \(…, 2\), but has shape \(3,\)"),
        (lambda p: p.step(0, None, 1.0), "state must be a PopulationState"),
    ],
)
def test_bad_input(as_user, turning, call, message):
    with pytest.raises(InputError, match=message):
        call(turning)
