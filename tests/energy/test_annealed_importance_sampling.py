import jax
import numpy as np
import pytest

from neuraxis.energy.annealed_importance_sampling import (
    annealed_importance_sampling,
    reverse_annealed_importance_sampling,
)
from neuraxis.energy.rbm import RBM
from neuraxis.errors import InputError

KEY = jax.random.key(0)
STEPS, CHAINS = 300, 500


@pytest.fixture(scope="module")
def both(enumerated):
    """Both estimates of ln Z, and the states of the machine."""
    s = enumerated(7, 5, 1.5, scale=1.5)
    rbm, base = RBM(*s.parameters), np.linspace(-1, 1, 7)
    samples = s.v[np.random.default_rng(0).choice(len(s.v), CHAINS, p=s.joint.sum(1))]
    forward = annealed_importance_sampling(rbm, key=KEY, steps=STEPS, chains=CHAINS, base=base)
    return forward, reverse_annealed_importance_sampling(rbm, samples, key=KEY, steps=STEPS, base=base), s


def test_both_directions_find_the_exact_value(both):
    *estimates, s = both
    for found in estimates:
        assert 0 < found.standard_error < 0.03
        assert abs(found.log_partition - s.log_partition) < 4 * found.standard_error


def test_the_mean_of_the_chains_errs_downwards_forwards_and_upwards_in_reverse(both):
    """As ln of a mean is above the mean of ln: the means of ln Z of single chains enclose the true one."""
    forward, reverse, s = both
    assert np.mean(forward.log_weights) < s.log_partition < np.mean(reverse.log_weights)


def test_the_estimate_is_the_mean_of_the_weights(both):
    forward, reverse, _ = both
    weights = np.exp(np.asarray(forward.log_weights, float))
    np.testing.assert_allclose(forward.log_partition, np.log(np.mean(weights)), rtol=1e-5)
    error = np.std(weights, ddof=1) / np.mean(weights) / np.sqrt(CHAINS)
    np.testing.assert_allclose(forward.standard_error, error, rtol=1e-3)
    inverse = np.exp(-np.asarray(reverse.log_weights, float))
    np.testing.assert_allclose(reverse.log_partition, -np.log(np.mean(inverse)), rtol=1e-5)


def test_chains_end_in_the_distribution_of_the_machine_or_of_the_base(both):
    forward, reverse, s = both
    np.testing.assert_allclose(np.mean(forward.v, axis=0), s.joint.sum(1) @ s.v, atol=0.1)  # 4 standard errors
    np.testing.assert_allclose(np.mean(reverse.v, axis=0), 1 / (1 + np.exp(-np.linspace(-1, 1, 7))), atol=0.1)


def test_without_weights_the_base_is_the_machine():
    """No chain then weighs more than another, and the value is exact at once."""
    rbm = RBM(np.zeros((7, 5)), np.linspace(-1, 1, 7))
    found = annealed_importance_sampling(rbm, key=KEY, steps=STEPS, chains=CHAINS)
    exact = np.sum(np.logaddexp(0, np.linspace(-1, 1, 7))) + 5 * np.log(2)
    np.testing.assert_allclose(found.log_weights, exact, rtol=1e-6)
    assert found.standard_error < 1e-5


rbm = RBM(np.ones((4, 2)))


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: annealed_importance_sampling("rbm", key=KEY), "rbm must be an RBM"),
        (lambda: annealed_importance_sampling(rbm, key=1), "key must be"),
        (lambda: annealed_importance_sampling(rbm, key=KEY, steps=0), "steps must be an integer"),
        (lambda: annealed_importance_sampling(rbm, key=KEY, chains=0), "chains must be an integer"),
        (lambda: annealed_importance_sampling(rbm, key=KEY, base=[0, 1]), r"base must have shape \(4,\)"),
        (lambda: annealed_importance_sampling(rbm, key=KEY, base=[0, 1, np.nan, 2]), "base must be finite"),
        (lambda: reverse_annealed_importance_sampling(rbm, np.ones(4), key=KEY), "samples must have shape"),
        (lambda: reverse_annealed_importance_sampling(rbm, np.ones((0, 4)), key=KEY), "samples must have shape"),
        (lambda: reverse_annealed_importance_sampling(rbm, np.ones((3, 5)), key=KEY), "samples must have shape"),
        (
            lambda: reverse_annealed_importance_sampling(rbm, np.full((3, 4), 0.5), key=KEY),
            "samples must contain 0 and 1",
        ),
    ],
)
def test_bad_input_is_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()
