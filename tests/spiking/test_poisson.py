import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from neuraxis.engine import record_nothing, simulate
from neuraxis.errors import InputError
from neuraxis.neurons.synaptic_lif import CurrentLIF
from neuraxis.spiking import poisson
from neuraxis.spiking.connections import connect
from neuraxis.spiking.poisson import PoissonInput
from neuraxis.spiking.spiking_network import SpikingNetwork

KEY = jax.random.key(1)


def test_arrivals_are_poisson():
    given = PoissonInput(rate=jnp.asarray([0.0, 500.0, 20_000.0]), weight=0.5, key=KEY)
    counts = jax.vmap(lambda clock: given.arrivals(clock, (3,), 0.1))(jnp.arange(20_000)) / 0.5
    assert not counts[:, 0].any()
    many = PoissonInput(rate=300_000.0, weight=1.0, key=KEY)
    counts_of_many = jax.vmap(lambda clock: many.arrivals(clock, (), 0.1))(jnp.arange(20_000))
    for rate, found in ((0.05, counts[:, 1]), (2.0, counts[:, 2]), (30.0, counts_of_many)):
        observed = np.bincount(np.asarray(found, int), minlength=60)[:60]
        expected = stats.poisson(rate).pmf(np.arange(60)) * 20_000
        kept = expected > 5
        chi = ((observed - expected)[kept] ** 2 / expected[kept]).sum()
        assert chi < stats.chi2(kept.sum()).ppf(0.999)


def test_steps_and_neurons_are_independent_and_repeatable():
    given = PoissonInput(rate=10_000.0, weight=1.0, key=KEY)
    first, second = (given.arrivals(jnp.asarray(clock), (4, 500), 0.1) for clock in (0, 1))
    np.testing.assert_array_equal(first, given.arrivals(jnp.asarray(0), (4, 500), 0.1))
    assert abs(np.corrcoef(np.ravel(first), np.ravel(second))[0, 1]) < 0.1
    assert abs(np.corrcoef(first[0], first[1])[0, 1]) < 0.2


def test_inputs_with_one_key_are_independent():
    given = PoissonInput(rate=5000.0, weight=1.0, key=KEY), PoissonInput(rate=5000.0, weight=1.0, key=KEY, receptor=1)
    network = SpikingNetwork(CurrentLIF(tau_s=(1e9, 1e9)), connect(size=2000, receptors=2), (*given, given[0]))
    charge = np.asarray(simulate(network, dt=0.1, steps=20, record=record_nothing).state.charge)
    assert abs(np.corrcoef(*charge)[0, 1]) < 0.1
    # Two independent inputs of variance 10 each onto the first receptor; the same spikes twice would have 40.
    assert charge.mean(1) == pytest.approx([20, 10], rel=0.03)
    assert charge.var(1) == pytest.approx([20, 10], rel=0.15)


def test_a_rate_may_change_in_time():
    given = PoissonInput(lambda t: jnp.where(t < 10, 4000.0, jnp.arange(500.0) - 1), 1.0, KEY)
    counts = jax.lax.map(lambda clock: given.arrivals(clock, (500,), 0.1), jnp.arange(300))
    assert float(counts[:100].mean()) == pytest.approx(0.4, rel=0.02)
    assert float(counts[100:, 1:].mean()) == pytest.approx(np.arange(499).mean() / 10_000, rel=0.05)
    assert not counts[100:, 1].any()
    assert np.isnan(counts[100:, 0]).all()  # a negative rate is not passed over


@pytest.mark.parametrize("rate", [0.3, 9.99])
def test_rounds_draw_what_the_search_draws(rate):
    u = jax.random.uniform(KEY, (20_000,))
    expected = jnp.full(20_000, rate)
    np.testing.assert_array_equal(
        jax.jit(poisson._in_rounds)(u[1:], expected[1:]), poisson._until_found(u[1:], expected[1:])
    )


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rate": -1.0, "weight": 1.0}, "rate must be finite and not negative"),
        ({"rate": [1.0, np.nan], "weight": 1.0}, "rate must be finite and not negative"),
        ({"rate": 1.0, "weight": np.inf}, "weight must be finite"),
        ({"rate": 1.0, "weight": 1.0, "receptor": -1}, "receptor must be an integer"),
        ({"rate": 10.0, "weight": 1.0, "key": 0}, "key must be one random key, .* but is 0"),
        ({"rate": 10.0, "weight": 1.0, "key": jax.random.split(KEY)}, "key must be one random key"),
        ({"rate": 1j, "weight": 1.0}, "rate must contain real numbers"),
        ({"rate": "text", "weight": 1.0}, "rate must be a number"),
        ({"rate": float, "weight": 1.0}, "rate must be a function"),
    ],
)
def test_bad_input_is_named(settings, words):
    with pytest.raises(InputError, match=words):
        PoissonInput(**{"key": KEY, **settings})


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (1e30, "rate must be at most 1e.06 spikes per step"),
        (lambda t: jnp.ones(3), r"rate must broadcast to the state's shape \(2,\), but has shape \(3,\)"),
    ],
)
def test_rates_that_do_not_fit_are_refused_at_the_run(rate, words):
    network = SpikingNetwork(CurrentLIF(), connect(size=2), (PoissonInput(rate, 1.0, KEY),))
    with pytest.raises(InputError, match=words):
        simulate(network, dt=0.1, steps=3)
