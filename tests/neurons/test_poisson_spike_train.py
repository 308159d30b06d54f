import jax
import numpy as np
import pytest
from scipy import stats

from neuraxis.errors import InputError
from neuraxis.neurons.poisson_spike_train import poisson_spike_train
from neuraxis.neurons.spike_train import intervals, variation

NAN = np.nan
KEY = jax.random.key(7)


@pytest.mark.parametrize("rate", [40.0, 40, np.full(7, 40.0), lambda t: np.full_like(t, 40.0)])
def test_poisson_trains_have_the_statistics_of_a_poisson_process(rate):
    found = poisson_spike_train(rate, 200_000.0, key=KEY, max_rate=90.0)
    assert np.all(np.diff(found) >= 0)
    assert 0 <= found.min() <= found.max() <= 200_000.0
    assert abs(len(found) - 8000) < 4 * np.sqrt(8000)
    assert stats.kstest(intervals(found), stats.expon(scale=25.0).cdf).pvalue > 1e-3
    assert abs(variation(found) - 1) < 0.05
    np.testing.assert_array_equal(found, poisson_spike_train(rate, 200_000.0, key=KEY, max_rate=90.0))
    other = poisson_spike_train(rate, 200_000.0, key=jax.random.key(8), max_rate=90.0)
    assert len(other) != len(found) or np.any(other != found)


def test_poisson_trains_follow_a_changing_rate():
    parts = np.array([0.0, 100.0, 20.0, 300.0])
    by_parts = poisson_spike_train(parts, 40_000.0, key=KEY)
    by_function = poisson_spike_train(lambda t: parts[(t // 10_000).astype(int)], 40_000.0, key=KEY, max_rate=300)
    for found in (by_parts, by_function):
        number = np.histogram(found, 4, range=(0, 40_000.0))[0]
        assert number[0] == 0
        np.testing.assert_array_less(np.abs(number - 10 * parts), 4 * np.sqrt(10 * parts) + 1e-9)
    assert len(poisson_spike_train(0.0, 100.0, key=KEY)) == 0


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: poisson_spike_train(-1.0, 10.0, key=KEY), "firing_rate must be finite and not negative, but is"),
        (lambda: poisson_spike_train([5.0, -1.0], 10.0, key=KEY), "firing_rate must be finite and not negative"),
        (lambda: poisson_spike_train(NAN, 10.0, key=KEY), "firing_rate must be finite and not negative"),
        (
            lambda: poisson_spike_train(lambda t: t - 50, 1e3, key=KEY, max_rate=1e3),
            "firing_rate must be finite",
        ),
        (lambda: poisson_spike_train(lambda t: t, 1e3, key=KEY), "needs max_rate"),
        (lambda: poisson_spike_train(lambda t: t, 1e3, key=KEY, max_rate=100.0), "must not exceed max_rate = 100.0 Hz"),
        (
            lambda: poisson_spike_train(lambda t: t, 1e3, key=KEY, max_rate=-1.0),
            "max_rate must be finite",
        ),
        (lambda: poisson_spike_train([[1.0]], 10.0, key=KEY), r"has shape \(1, 1\)"),
        (lambda: poisson_spike_train(1.0, 0.0, key=KEY), "duration must be positive"),
        (lambda: poisson_spike_train(50.0, 10.0, key=KEY, max_rate=20.0), "must not exceed max_rate = 20.0 Hz"),
        (lambda: poisson_spike_train(1e300, 10.0, key=KEY), "firing_rate must be finite"),
        (
            lambda: poisson_spike_train(1e20, 10.0, key=KEY),
            "firing_rate must be lower: 1e.18 spikes in 10 ms",
        ),
        (lambda: poisson_spike_train(lambda t: np.ones(3), 1e3, key=KEY, max_rate=9.0), "one rate for each time"),
        (
            lambda: poisson_spike_train(1.0, 10.0, key=0),
            "key must be one random key, such as",
        ),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(InputError, match=words):
        call()
