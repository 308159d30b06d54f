import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from neuraxis.errors import InputError
from neuraxis.spiking.poisson import PoissonInput

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


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rate": -1.0, "weight": 1.0}, "rate must be finite and not negative"),
        ({"rate": [1.0, np.nan], "weight": 1.0}, "rate must be finite and not negative"),
        ({"rate": 1.0, "weight": np.inf}, "weight must be finite"),
        ({"rate": 1.0, "weight": 1.0, "receptor": -1}, "receptor must be a whole number"),
    ],
)
def test_bad_input_is_named(settings, words):
    with pytest.raises(InputError, match=words):
        PoissonInput(key=KEY, **settings)
