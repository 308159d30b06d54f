import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from neuraxis.engine import simulate
from neuraxis.errors import InputError
from neuraxis.neurons import spike_train
from neuraxis.neurons.lif import LIF
from neuraxis.neurons.spike_train import (
    Spikes,
    counts,
    events,
    firing_rates,
    intervals,
    poisson_spike_train,
    rate_histogram,
    record_spikes,
    trains,
    variation,
)

INF, NAN = np.inf, np.nan
TRAINS = np.array([[10.0, 20.0, 40.0, 50.0], [5.0, 95.0, INF, INF], [INF, INF, INF, INF]])
KEY = jax.random.key(7)


def test_spike_times_of_lif_neurons_are_those_of_the_closed_form():
    drive, dt = np.array([0.5, 1.7, 3.0]), 0.7
    spikes = simulate(LIF(), jnp.asarray(drive), dt=dt, steps=300, record=record_spikes).record
    times, neurons = events(spikes, dt)
    assert np.all(np.diff(times) >= 0)
    assert not np.any(neurons == 0)
    for neuron in (1, 2):
        crossing = 20 * np.log(drive[neuron] / (drive[neuron] - 1))
        wanted = np.arange(crossing, 210.0, 2 + crossing)
        np.testing.assert_allclose(times[neurons == neuron], wanted, atol=2e-4)


def test_events_of_counts_lie_at_the_end_of_their_step_and_several_are_spread():
    record = np.array([[0, 1], [0, 0], [3, 0]])
    times, neurons = events(record, 0.5)
    np.testing.assert_allclose(times, [0.5, 1 + 1 / 6, 1 + 2 / 6, 1.5])
    np.testing.assert_array_equal(neurons, [1, 0, 0, 0])
    times, _ = events(Spikes(record, np.array([[1e9, 0.2], [1e9, 0.7], [0.2, 1.2]])), 0.5)
    np.testing.assert_allclose(times, [0.3, 1.1, 1.2, 1.3])
    assert [len(part) for part in events(np.zeros((4, 3)), 1.0)] == [0, 0]


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
        (lambda: events(np.ones(3), 1.0), r"shape \(time, neuron\), but has shape \(3,\)"),
        (lambda: events(np.ones((3, 2)), 0.0), "dt must be positive"),
        (lambda: events(-np.ones((3, 2)), 1.0), "counts must be finite and not negative"),
        (lambda: events(np.full((3, 2), 0.5), 1.0), "whole numbers, but hold 0.5"),
        (
            lambda: events(Spikes(np.ones((1, 1)), np.full((1, 1), 2.0)), 1.0),
            "from 0 to dt = 1.0 ms, but reach from 2.0",
        ),
        (lambda: trains([2.0, 1.0], [0, 0], 1), "times must be in ascending order, but hold 1.0 after 2.0"),
        (lambda: trains([-2.0, 1.0], [0, 0], 1), "times must be spike times that are not negative, but hold -2.0"),
        (lambda: trains([1.0, 2.0], [0, 2], 2), "neurons must lie from 0 to 1, but reach from 0 to 2"),
        (lambda: trains([1.0, 2.0], [0], 2), "lists of one length"),
        (lambda: trains([1.0], [0], 0), "neuron_count must be a whole number"),
        (lambda: firing_rates([1.0, 20.0], 10.0), "duration must reach to the last spike, at 20.0 ms, but is 10.0 ms"),
        (lambda: firing_rates([1.0], 0.0), "duration must be positive"),
        (lambda: rate_histogram([1.0], 10.0, 3.0), "whole number of bins of 3.0 ms, but is 10.0 ms"),
        (lambda: rate_histogram([1.0], 10.0, 30.0), "whole number of bins"),
        (lambda: rate_histogram([1.0], 10.0, -1.0), "bin_width must be positive"),
        (lambda: poisson_spike_train(-1.0, 10.0, key=KEY), "rate must be finite and not negative, but is"),
        (lambda: poisson_spike_train([5.0, -1.0], 10.0, key=KEY), "rate must be finite and not negative"),
        (lambda: poisson_spike_train(NAN, 10.0, key=KEY), "rate must be finite and not negative"),
        (lambda: poisson_spike_train(lambda t: t - 50, 1e3, key=KEY, max_rate=1e3), "rate must be finite and not neg"),
        (lambda: poisson_spike_train(lambda t: t, 1e3, key=KEY), "needs max_rate"),
        (lambda: poisson_spike_train(lambda t: t, 1e3, key=KEY, max_rate=100.0), "must not exceed max_rate = 100.0 Hz"),
        (lambda: poisson_spike_train(lambda t: t, 1e3, key=KEY, max_rate=-1.0), "rate must be finite and not negative"),
        (lambda: poisson_spike_train([[1.0]], 10.0, key=KEY), r"has shape \(1, 1\)"),
        (lambda: poisson_spike_train(1.0, 0.0, key=KEY), "duration must be positive"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(InputError, match=words):
        call()


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize("name", ["counts", "intervals", "variation"])
@pytest.mark.parametrize(
    ("wrong", "words"),
    [([3.0, 2.0], "ascending order"), ([-1.0, 2.0], "hold -1.0"), ([NAN, 2.0], "hold nan"), ([INF, 2.0], "ascending")],
)
def test_wrong_spike_times_are_named_by_every_statistic(name, wrong, words):
    with pytest.raises(InputError, match=words):
        getattr(spike_train, name)(np.array(wrong))
