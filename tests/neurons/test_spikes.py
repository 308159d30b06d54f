import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuraxis.engine import simulate
from neuraxis.errors import InputError
from neuraxis.neurons import CurrentLIF
from neuraxis.neurons.lif import LIF
from neuraxis.neurons.spike_train import counts, trains
from neuraxis.neurons.spikes import Spikes, binned, events, record_spikes
from neuraxis.spiking import DenseConnections, SpikingNetwork

NEVER = 1e9  # age of a spike that has not happened


@pytest.mark.parametrize("dt", [0.7, 15.0])
def test_spike_times_of_lif_neurons_are_those_of_the_closed_form(dt):
    """Also where steps hold up to three spikes."""
    drive, steps = np.array([0.5, 1.7, 3.0, 40.0]), round(210 / dt)
    spikes = simulate(LIF(), jnp.asarray(drive), dt=dt, steps=steps, record=record_spikes).record
    assert spikes.number.max() == (1 if dt < 2 else 6)
    times, neurons = events(spikes, dt, apart=LIF().period(drive))
    assert np.all(np.diff(times) >= 0)
    assert not np.any(neurons == 0)
    for neuron in (1, 2, 3):
        crossing = 20 * np.log(drive[neuron] / (drive[neuron] - 1))
        wanted = np.arange(crossing, steps * dt, 2 + crossing)
        np.testing.assert_allclose(times[neurons == neuron], wanted, atol=3e-4)


def test_events_of_counts_lie_at_the_end_of_their_step():
    record = np.array([[0, 1], [0, 0], [3, 0]], np.uint8)
    times, neurons = events(record, 0.5)
    np.testing.assert_allclose(times, [0.5, 1.5, 1.5, 1.5])
    np.testing.assert_array_equal(neurons, [1, 0, 0, 0])
    ages = np.array([[NEVER, 0.2], [NEVER, 0.7], [0.1, 1.2]], np.float32)
    times, _ = events(Spikes(record, ages), 0.5, apart=0.15)
    np.testing.assert_allclose(times, [0.3, 1.1, 1.25, 1.4], rtol=1e-6)
    assert [len(part) for part in events(np.zeros((4, 3)), 1.0)] == [0, 0]
    assert [len(part) for part in events(np.zeros((0, 3)), 1.0)] == [0, 0]
    assert events(record > 0, 0.5)[1].tolist() == [1, 0]  # a raster of truth values


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 12_000), st.integers(0, 2)), max_size=20))
def test_binned_spikes_give_the_trains_back(pairs):
    pairs = sorted((microseconds / 1000, neuron) for microseconds, neuron in pairs)
    lists = trains(np.array([t for t, _ in pairs], float), np.array([n for _, n in pairs], int), 3)
    spikes = binned(lists, dt=0.5, steps=24)
    np.testing.assert_array_equal(spikes.number.sum(0), counts(lists))
    latest = Spikes(np.minimum(spikes.number, 1), spikes.age)
    times, neurons = events(latest, 0.5)
    expected = {(n, max(1, np.ceil(t / 0.5))): t for t, n in pairs}  # the last of each step stays
    found = {(n, max(1, np.ceil(round(t / 0.5, 9)))): t for t, n in zip(times, neurons, strict=True)}
    assert expected.keys() == found.keys()
    assert all(found[place] == pytest.approx(expected[place], abs=1e-12) for place in expected)


@pytest.mark.parametrize("dt", [0.1, 0.05, 0.025, 0.3, 0.7, 1 / 3])
def test_spikes_at_the_ends_of_steps_return_to_their_steps(dt):
    """Although quotients such as 1.1/0.1 are rounded to more than the whole number."""
    record = np.ones((100_000, 1), int)
    times, _ = events(record, dt)
    binned_again = binned(times[None], dt, len(record))
    np.testing.assert_array_equal(binned_again.number, record)
    np.testing.assert_allclose(binned_again.age, 0, atol=1e-6 * dt)
    # One spike beyond the end of a step belongs to the next.
    np.testing.assert_array_equal(binned(np.array([3.001 * dt]), dt, 5).number, [0, 0, 0, 1, 0])


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: events(np.ones(3), 1.0), r"spikes must have shape \(time, neuron\), but has shape \(3,\)"),
        (lambda: events(np.ones((3, 2)), 0.0), "dt must be positive"),
        (lambda: events(-np.ones((3, 2)), 1.0), "spikes must be finite and not negative"),
        (lambda: events(np.full((3, 2), 0.5), 1.0), "spikes must be integers, but contains 0.5"),
        (lambda: events(Spikes(np.ones((1, 1)), np.full((1, 1), 2.0)), 1.0), "age must be between 0 and dt = 1.0 ms"),
        (lambda: events(Spikes(np.ones((1, 1)), None), 1.0), "age must be an array of numbers, but is None"),
        (lambda: events(Spikes(np.full((1, 1), 2), np.zeros((1, 1))), 1.0), "apart must be the interval between"),
        (lambda: events(Spikes(np.full((1, 1), 3), np.zeros((1, 1))), 1.0, apart=0.6), "apart must let the spikes"),
        (lambda: events(Spikes(np.full((1, 1), 3), np.zeros((1, 1))), 1.0, apart=-0.1), "apart must be times"),
        (lambda: events("text", 1.0), "spikes must be an array of numbers, but is 'text'"),
        (lambda: binned([1.0, 20.0], 1.0, 10), "duration must reach the last spike, at 20.0 ms, but is 10.0 ms"),
        (lambda: binned([1.0], 1.0, 0), "steps must be an integer"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(InputError, match=words):
        call()


def test_spikes_of_a_network_have_no_age():
    network = SpikingNetwork(CurrentLIF(), DenseConnections(jnp.zeros((1, 2, 2))))
    with pytest.raises(InputError, match="record_spikes needs neurons whose state has the age of a spike"):
        simulate(network, 0.0, dt=1.0, steps=2, record=record_spikes)
