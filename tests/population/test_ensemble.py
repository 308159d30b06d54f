import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import Chain, simulate
from neuraxis.errors import InputError
from neuraxis.functions import tanh
from neuraxis.neurons import LIF, Synapse
from neuraxis.population import Decoded, Ensemble, LogisticNeurons, RateNeurons, ReLUNeurons
from tests.trees import equal

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def ensemble():
    return Ensemble(60, 2, radius=2.0, key=KEY)


def inside(count, radius=2.0):
    points = np.random.default_rng(0).normal(size=(count, 2))
    return (radius * points / np.linalg.norm(points, axis=1, keepdims=True) * 0.9).astype(np.float32)


def test_rates_are_those_of_the_formula(ensemble):
    x = inside(7)
    drive = (x @ np.asarray(ensemble.encoders).T) / 2 * np.asarray(ensemble.gain) + np.asarray(ensemble.bias)
    np.testing.assert_allclose(ensemble.drive(x), drive, rtol=1e-5, atol=1e-5)
    period = 2 - 20 * np.log1p(-1 / np.where(drive > 1, drive, 2))
    np.testing.assert_allclose(ensemble.rates(x), np.where(drive > 1, 1000 / period, 0), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("neurons", [LIF(), ReLUNeurons(), LogisticNeurons()])
def test_neurons_reach_their_maximum_rate_at_the_radius_along_their_encoder(neurons):
    rates, starts = np.linspace(210, 390, 10), np.linspace(-1, 0.9, 10)
    ensemble = Ensemble(10, 3, neurons, max_rates=rates, intercepts=starts, radius=5.0, key=KEY)
    found = np.diagonal(ensemble.rates(5 * ensemble.encoders))
    np.testing.assert_allclose(found, rates, rtol=1e-4)
    at_start = np.diagonal(ensemble.rates(5 * starts[:, None] * ensemble.encoders))
    np.testing.assert_allclose(at_start, 200 if isinstance(neurons, LogisticNeurons) else 0, atol=20)


def test_ranges_are_drawn_from_and_encoders_have_length_one():
    ensemble = Ensemble(400, 3, max_rates=(100.0, 300.0), intercepts=(-0.5, 0.5), key=KEY)
    rates, starts = LIF().max_rates_intercepts(ensemble.gain, ensemble.bias)
    assert 100 <= rates.min() < 102 < 298 < rates.max() <= 300.01
    assert -0.501 <= starts.min() < -0.48 < 0.48 < starts.max() <= 0.501
    np.testing.assert_allclose(np.linalg.norm(ensemble.encoders, axis=1), 1, rtol=1e-6)
    given = Ensemble(2, 2, encoders=np.array([[3.0, 4.0], [0.0, -2.0]]), max_rates=300.0, key=KEY)
    np.testing.assert_allclose(given.encoders, [[0.6, 0.8], [0, -1]], rtol=1e-6)


def test_the_same_key_gives_the_same_ensemble():
    assert equal(Ensemble(5, 2, key=KEY), Ensemble(5, 2, key=KEY))
    assert not equal(Ensemble(5, 2, key=KEY), Ensemble(5, 2, key=jax.random.key(1)))


def test_spikes_are_activities_whose_mean_is_the_rate(ensemble):
    x = jnp.array([0.5, -1.0])
    record = simulate(ensemble, x, dt=1.0, steps=1000).record
    assert set(np.unique(record)) == {0.0, 1000.0}
    np.testing.assert_allclose(record.mean(axis=0), ensemble.rates(x), atol=1.1)  # within one spike of theory


def test_rate_neurons_put_out_their_rate_in_every_step(ensemble):
    rates = Ensemble(60, 2, RateNeurons(LIF()), radius=2.0, key=KEY)
    x = jnp.asarray(inside(5))
    np.testing.assert_allclose(simulate(rates, x, dt=1.0).record, ensemble.rates(x), rtol=1e-5)
    assert rates.init_state((2,)) == ()


@pytest.mark.parametrize(
    ("function", "out", "wanted"),
    [
        (lambda x: x, 2, lambda x: x),
        (jnp.square, 2, np.square),
        (lambda x: x[..., 0] * x[..., 1], 1, lambda x: x[:, :1] * x[:, 1:]),
        (lambda x: jnp.stack([x[..., 0], x[..., 1], jnp.sin(x[..., 0])], -1), 3, None),
        (tanh, 2, np.tanh),
    ],
)
def test_functions_are_decoded(ensemble, function, out, wanted):
    decoded = ensemble.decode(function, noise=0.01)
    x = inside(200)
    assert decoded.decoders.shape == (60, out)
    if wanted is not None:
        scale = np.sqrt(np.mean(wanted(x) ** 2))
        assert np.sqrt(np.mean((decoded(x) - wanted(x)) ** 2)) < 0.12 * scale


def test_points_are_given_spread_or_drawn(ensemble):
    same = [ensemble.decode().decoders for _ in range(2)]
    np.testing.assert_array_equal(*same)
    drawn = [ensemble.decode(key=jax.random.key(i)).decoders for i in range(2)]
    assert not np.array_equal(*drawn)
    np.testing.assert_allclose(drawn[0], same[0], atol=0.1 * np.abs(same[0]).max())
    points = inside(300)
    given = ensemble.decode(points=points)
    alone = Decoded(ensemble, np.asarray(given.decoders))
    np.testing.assert_array_equal(given(points), alone(points))


def test_a_network_is_a_chain():
    """It squares a constant by two populations of spiking neurons."""
    a, b = (Ensemble(100, 1, key=jax.random.key(i)) for i in range(2))
    network = Chain(a.decode(jnp.square), Synapse(20.0), b.decode(), Synapse(20.0))
    record = simulate(network, jnp.array([0.8]), dt=1.0, steps=1000).record
    assert abs(record[500:].mean() - 0.64) < 0.04


NAN = np.array([[np.nan, 1.0]])


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda e: Ensemble(0, 1, key=KEY), "size must be an integer of at least 1, but is 0"),
        (lambda e: Ensemble(5, 0, key=KEY), "dimensions must be an integer of at least 1, but is 0"),
        (lambda e: Ensemble(10**7, 10**7, key=KEY), "size and dimensions must be smaller"),
        (lambda e: Ensemble(5, 1, "lif", key=KEY), "neurons must have a rate function.*but are 'lif'"),
        (lambda e: Ensemble(5, 1, intercepts=(-1.5, 0.5), key=KEY), r"intercepts must lie in \[-1, 1\), but range"),
        (lambda e: Ensemble(2, 1, intercepts=[0.0, 1.0], key=KEY), r"intercepts must lie in \[-1, 1\), but range"),
        (lambda e: Ensemble(5, 1, intercepts=(0.5, -0.5), key=KEY), r"intercepts must be a range \(low, high\)"),
        (lambda e: Ensemble(5, 1, intercepts=np.nan, key=KEY), "intercepts must be finite"),
        (lambda e: Ensemble(5, 1, max_rates=600.0, key=KEY), "max_rates must stay below 1/tau_ref.*reach 600"),
        (lambda e: Ensemble(5, 1, max_rates=-1.0, key=KEY), "max_rates must be positive"),
        (lambda e: Ensemble(5, 1, max_rates=[1.0, 2.0], key=KEY), "or one for each of the 5 neurons"),
        (lambda e: Ensemble(5, 1, radius=0.0, key=KEY), "radius must be positive"),
        (lambda e: Ensemble(5, 1, radius=[1.0, 2.0], key=KEY), "radius must be one number"),
        (lambda e: Ensemble(5, 1, key=3), "key must be one random key"),
        (lambda e: Ensemble(1, 2, encoders=[[0.0, 0.0]], key=KEY), "a length above 0, but that of neuron 0 is 0"),
        (lambda e: Ensemble(1, 2, encoders=[[1.0]], key=KEY), r"shape \(size, dimensions\) = \(1, 2\), but"),
        (lambda e: Ensemble(1, 2, encoders=NAN, key=KEY), "encoders must be finite"),
        (lambda e: e.rates(np.ones(3)), r"x must have shape \(…, 2\), but has shape \(3,\)"),
        (lambda e: e.rates(1.0), r"x must have shape \(…, 2\), but has shape \(\)"),
        (lambda e: e.rates(NAN), "x must be finite"),
        (lambda e: e.rates("x"), "x must be an array of numbers"),
        (lambda e: e.rates(np.ones(2) * 1j), "x must contain real numbers"),
        (lambda e: e.init_state(()), r"x must have shape \(…, 2\), but has shape \(\)"),
        (lambda e: e.init_state((3,)), r"x must have shape \(…, 2\), but has shape \(3,\)"),
        (lambda e: e.decode(3), "function must be a function"),
        (lambda e: e.decode(lambda x: x[:5]), r"the function must map points \(1000, 2\) to \(1000, out\)"),
        (lambda e: e.decode(lambda x: x[0] * x[1]), r"but returned shape \(2,\); it acts on the last axis"),
        (lambda e: e.decode(lambda x: x.sum()), r"but returned shape \(\)"),
        (lambda e: e.decode(jnp.log), "the output of the function must be finite"),
        (lambda e: e.decode(points=np.ones((4, 3))), r"points must have shape \(points, 2\), but has shape \(4, 3\)"),
        (lambda e: e.decode(points=np.ones((0, 2))), r"points must have shape \(points, 2\)"),
        (lambda e: e.decode(points=NAN), "points must be finite"),
        (lambda e: e.decode(noise=0.0, points=np.ones((4, 2))), "does not determine the decoders"),
        (lambda e: e.decode(noise=-1.0), "noise must be finite and not negative"),
        (lambda e: e.decode(key=0), "key must be one random key"),
        (lambda e: e.decode(lambda x, y: x), r"function must be a function of \(points\)"),
        (lambda e: Decoded(LIF(), np.ones((60, 1))), "ensemble must be an Ensemble"),
        (lambda e: Decoded(e, np.ones(60)), r"decoders must have shape \(60, out\), but has shape \(60,\)"),
        (lambda e: Decoded(e, np.full((60, 1), np.nan)), "decoders must be finite"),
        (lambda e: e.decode()(np.ones(3)), r"x must have shape \(…, 2\)"),
        (lambda e: simulate(e.decode(), np.ones((5, 3)), dt=1.0), r"x must have shape \(…, 2\)"),
    ],
)
def test_bad_input_is_refused(ensemble, make, message):
    with pytest.raises(InputError, match=message):
        make(ensemble)
