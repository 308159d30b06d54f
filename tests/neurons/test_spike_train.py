import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuraxis.errors import InputError
from neuraxis.neurons import spike_train
from neuraxis.neurons.spike_train import counts, firing_rates, intervals, rate_histogram, trains, variation

INF, NAN = np.inf, np.nan
TRAINS = np.array([[10.0, 20.0, 40.0, 50.0], [5.0, 95.0, INF, INF], [INF, INF, INF, INF]])


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 4)), max_size=40))
def test_trains_hold_each_event_once(pairs):
    pairs = sorted(pairs)
    times, neurons = np.array([t for t, _ in pairs]), np.array([n for _, n in pairs], int)
    found = trains(times, neurons, 5)
    assert found.shape == (5, max([list(neurons).count(n) for n in range(5)]))
    for n in range(5):
        np.testing.assert_array_equal(found[n][np.isfinite(found[n])], times[neurons == n])
        assert counts(found)[n] == np.sum(neurons == n)


def test_statistics_of_trains():
    np.testing.assert_array_equal(counts(TRAINS), [4, 2, 0])
    np.testing.assert_allclose(firing_rates(TRAINS, 100.0), [40.0, 20.0, 0.0])
    np.testing.assert_array_equal(intervals(TRAINS), [[10, 20, 10], [90, NAN, NAN], [NAN, NAN, NAN]])
    lengths = np.array([10.0, 20.0, 10.0])
    np.testing.assert_allclose(variation(TRAINS), [lengths.std() / lengths.mean(), NAN, NAN])
    assert counts(TRAINS[0]) == 4
    assert variation(TRAINS[0]) == variation(TRAINS)[0]


def test_empty_trains_count_as_silent_and_have_no_intervals():
    empty = np.zeros(0)
    assert counts(empty) == 0
    assert firing_rates(empty, 10.0) == 0
    assert intervals(empty).shape == (0,)
    assert np.isnan(variation(empty))
    assert np.isnan(variation(np.zeros((2, 0)))).all()
    assert intervals(np.array([3.0])).shape == (0,)
    assert np.isnan(variation(np.array([3.0, 3.0, 3.0])))  # no mean interval to compare with
    middles, rate = rate_histogram(empty, 10.0, 5.0)
    np.testing.assert_array_equal([middles, rate], [[2.5, 7.5], [0, 0]])
    assert trains(empty, np.zeros(0, int), 3).shape == (3, 0)


def test_rate_histogram():
    middles, rate = rate_histogram(TRAINS, 100.0, 25.0)
    np.testing.assert_allclose(middles, [12.5, 37.5, 62.5, 87.5])
    np.testing.assert_allclose(rate, 1000 * np.array([3, 1, 1, 1]) / (3 * 25.0))
    assert rate.mean() == pytest.approx(firing_rates(TRAINS, 100.0).mean())
    assert rate_histogram(np.array([10.0]), 10.0, 0.1)[1][-1] == pytest.approx(1e4)  # a spike at the very end counts


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: trains([2.0, 1.0], [0, 0], 1), "times must be in ascending order, but contain 1.0 after 2.0"),
        (lambda: trains([-2.0, 1.0], [0, 0], 1), "times must be spike times that are not negative, but contain -2.0"),
        (lambda: trains([1.0, 2.0], [0, 2], 2), "neurons must be between 0 and 1, but range from 0 to 2"),
        (lambda: trains([1.0, 2.0], [0], 2), "lists of one length"),
        (lambda: trains([1.0], [0], 0), "neuron_count must be an integer"),
        (lambda: firing_rates([1.0, 20.0], 10.0), "duration must reach the last spike, at 20.0 ms, but is 10.0 ms"),
        (lambda: firing_rates([1.0], 0.0), "duration must be positive"),
        (lambda: rate_histogram([1.0], 10.0, 3.0), "whole number of bins of 3.0 ms, but is 10.0 ms"),
        (lambda: rate_histogram([1.0], 10.0, 30.0), "whole number of bins"),
        (lambda: rate_histogram([1.0], 10.0, -1.0), "bin_width must be positive"),
        (lambda: trains([1.0], [0.0], 1), "neurons must be integers, but have dtype float64"),
        (lambda: trains(["a"], [0], 1), "times must be an array of numbers"),
        (lambda: trains([1.0 + 1j], [0], 1), "times must contain real numbers"),
        (lambda: counts([[1.0], [1.0, 2.0]]), "trains must be an array of numbers"),
        (lambda: firing_rates([1.0], [5.0, 5.0]), r"duration must be one number, but has shape \(2,\)"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(InputError, match=words):
        call()


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize("name", ["counts", "intervals", "variation"])
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ([3.0, 2.0], "ascending order"),
        ([-1.0, 2.0], "contain -1.0"),
        ([NAN, 2.0], "contain nan"),
        ([INF, 2.0], "ascending"),
    ],
)
def test_wrong_spike_times_are_named_by_every_statistic(name, wrong, words):
    with pytest.raises(InputError, match=words):
        getattr(spike_train, name)(np.array(wrong))
