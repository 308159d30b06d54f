import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import ClosedLoop, fit, simulate
from neuraxis.errors import DivergedError, InputError
from neuraxis.kinds import Dynamics, Rule
from neuraxis.neurons import LIF, Synapse
from neuraxis.population import PES, Decoded, Ensemble, OnlinePES, RateNeurons

KEY = jax.random.key(0)
X = np.random.default_rng(0).uniform(-1, 1, (4000, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def untaught():
    return Decoded(Ensemble(50, 1, key=KEY), np.zeros((50, 1)))


@pytest.fixture(scope="module")
def online():
    """Two outputs of an ensemble of 3 dimensions, without spikes."""
    ensemble = Ensemble(20, 3, RateNeurons(LIF()), key=KEY)
    return OnlinePES(Decoded(ensemble, np.zeros((20, 2))), 2e-3, Synapse(5.0))


def test_they_are_of_their_kinds(online):
    assert isinstance(PES(), Rule)
    assert isinstance(online, Dynamics)


def test_a_step_is_the_equation(untaught):
    x, targets = X[:3], X[:3] ** 2
    start = eqx.tree_at(lambda m: m.decoders, untaught, jnp.full((50, 1), 1e-5))
    moved, state, losses = PES(1e-4).step(start, (), (x, targets), key=KEY)
    a = np.asarray(start.ensemble.rates(x), float)
    error = a @ np.full((50, 1), 1e-5) - targets
    change = sum(np.outer(a[i], error[i]) for i in range(3)) / 3
    np.testing.assert_allclose(moved.decoders, 1e-5 - 1e-4 / 50 * change, rtol=1e-4)
    np.testing.assert_allclose(losses, error[:, 0] ** 2, rtol=1e-4)
    assert state == ()


def test_a_step_descends_on_half_the_squared_error(untaught):
    x, targets = X[:7], np.sin(X[:7])

    def mean_error(decoders):
        return jnp.mean(jnp.square(Decoded(untaught.ensemble, decoders)(x) - targets)) / 2

    start = jnp.full((50, 1), 1e-5)
    moved, _, _ = PES(3e-5).step(Decoded(untaught.ensemble, start), (), (x, targets), key=KEY)
    np.testing.assert_allclose(start - moved.decoders, 3e-5 / 50 * jax.grad(mean_error)(start), rtol=2e-3)


def test_what_it_learns_approaches_what_is_solved(untaught):
    data = X, X**2
    result = fit(untaught, PES(3e-5), data, epochs=4, batch_size=10, key=KEY)
    grid = np.linspace(-1, 1, 101)[:, None].astype(np.float32)
    solved = untaught.ensemble.decode(jnp.square)
    error = lambda decoded: np.sqrt(np.mean((decoded(grid) - grid**2) ** 2))
    assert error(untaught) > 20 * error(result.model)
    assert error(result.model) < 1.5 * error(solved)
    np.testing.assert_array_equal(result.model.ensemble.encoders, untaught.ensemble.encoders)


def test_too_large_a_rate_is_stopped_and_named(untaught):
    with pytest.raises(DivergedError, match="step"):
        fit(untaught, PES(1e-2), (X, X**2), epochs=4, batch_size=10, key=KEY)


def test_online_steps_are_the_equation(online):
    """Against a loop in NumPy, for a constant x and a given error."""
    x, errors = np.array([0.1, -0.4, 0.2], np.float32), np.random.default_rng(1).normal(size=(6, 2)).astype(np.float32)
    inputs = np.broadcast_to(x, (6, 3)), errors
    trace = simulate(online, inputs, dt=0.5)
    a = np.asarray(online.decoded.ensemble.rates(x), float)
    s, D, out = np.zeros(20), np.zeros((20, 2)), []
    for error in errors:
        s = a + (s - a) * np.exp(-0.5 / 5)
        out.append(s @ D)
        D = D - 2e-3 * 0.5e-3 / 20 * np.outer(s, error)
    np.testing.assert_allclose(trace.state.decoders, D, rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(trace.record, out, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(online.learnt(trace.state).decoders, D, rtol=1e-4, atol=1e-9)


def test_in_a_closed_loop_the_output_comes_to_the_target(online):
    loop = ClosedLoop(online, jnp.zeros(2), lambda last, given: (given[0], last - given[1]))
    inputs = jnp.array([0.1, -0.4, 0.2]), jnp.array([0.5, -0.3])
    record = simulate(loop, inputs, dt=1.0, steps=400).record
    np.testing.assert_allclose(record[-1], [0.5, -0.3], atol=0.01)


def test_every_leading_index_learns_for_itself(online):
    x = np.random.default_rng(2).uniform(-0.5, 0.5, (2, 3)).astype(np.float32)
    error = np.ones((2, 2), np.float32)
    both = simulate(online, (x, error), dt=1.0, steps=5).state.decoders
    alone = simulate(online, (x[1], error[1]), dt=1.0, steps=5).state.decoders
    np.testing.assert_allclose(both[1], alone, rtol=1e-5, atol=1e-9)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda u, o: PES(0.0), "learning_rate must be positive"),
        (lambda u, o: PES([0.1, 0.2]), "learning_rate must be a number or an array"),
        (lambda u, o: PES().init(u.ensemble), "model must be a Decoded"),
        (lambda u, o: fit(u, PES(), (X,), epochs=1, batch_size=8, key=KEY), r"pairs \(x, targets\), but .* 1 arrays"),
        (
            lambda u, o: fit(u, PES(), (X, X[:, 0]), epochs=1, batch_size=8, key=KEY),
            r"targets must have shape \(examples, 1\), but has shape \(8,\)",
        ),
        (lambda u, o: OnlinePES(u.ensemble), "decoded must be a Decoded"),
        (lambda u, o: OnlinePES(u, 1e-4, 5.0), "synapse must be a Synapse"),
        (lambda u, o: OnlinePES(u, -1e-4), "learning_rate must be positive"),
        (lambda u, o: simulate(o, np.ones((5, 3)), dt=1.0), r"the input must be a pair of arrays \(x, error\)"),
        (lambda u, o: simulate(o, (np.ones((5, 3)), np.ones((5, 1))), dt=1.0), r"error must have shape \(…, 2\)"),
        (lambda u, o: simulate(o, (np.ones((5, 2)), np.ones((5, 2))), dt=1.0), r"x must have shape \(…, 3\)"),
    ],
)
def test_bad_input_is_refused(untaught, online, make, message):
    with pytest.raises(InputError, match=message):
        make(untaught, online)
