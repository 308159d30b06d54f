import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import simulate
from neuraxis.errors import InputError
from neuraxis.neurons.synaptic_lif import CurrentLIF
from neuraxis.spiking.connections import connect
from neuraxis.spiking.external import SpikeInput
from neuraxis.spiking.spiking_network import SpikingNetwork, packed_events, record_packed

DT = 0.1


def arrivals(given, steps, size):
    return np.stack([given.arrivals(jnp.int32(i), (size,), DT) for i in range(steps)])


def test_spikes_arrive_at_the_end_of_the_step_in_which_they_fall():
    times = np.array([0.7, 0.0, 0.3, 0.05, 0.31, 0.3, 0.1])  # 0.3/0.1 and 0.7/0.1 are no whole numbers in binary
    neurons = np.array([0, 1, 2, 1, 0, 2, 3])
    found = arrivals(SpikeInput(times, neurons, np.arange(1.0, 8.0), dt=DT), 10, 4)
    wanted = np.zeros((10, 4))
    for step, neuron, weight in [(6, 0, 1), (0, 1, 2), (2, 2, 3), (0, 1, 4), (3, 0, 5), (2, 2, 6), (0, 3, 7)]:
        wanted[step, neuron] += weight
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.usefixtures("as_user")
def test_one_neuron_one_weight_and_no_spikes():
    np.testing.assert_array_equal(arrivals(SpikeInput([0.1, 0.2], 1, 2.0, dt=DT), 3, 2), [[0, 2], [0, 2], [0, 0]])
    np.testing.assert_array_equal(arrivals(SpikeInput([], [], dt=DT), 3, 2), np.zeros((3, 2)))


def test_recorded_spikes_drive_another_network_as_connections_would():
    rates = jnp.array([1.5, 1.8, 2.5])
    first = SpikingNetwork(CurrentLIF(), connect(size=3))
    times, neurons = packed_events(simulate(first, rates, dt=DT, steps=600, record=record_packed).record, DT)
    given = SpikeInput(times, neurons, 6.0, dt=DT)
    second = SpikingNetwork(CurrentLIF(tau_s=(5.0, 7.0)), connect(size=3, receptors=2), (given,))
    state = simulate(second, dt=DT, steps=600, chunk=200).state
    charge = np.zeros(3)  # the sum over spikes of w e^(−t/τ), in double precision
    np.add.at(charge, neurons, 6.0 * np.exp(-(60.0 - times) / 5.0))
    np.testing.assert_allclose(state.charge[0], charge, rtol=1e-4)
    assert not np.any(state.charge[1])
    copies = simulate(second, dt=DT, steps=600, state=second.init_state((2, 3))).state
    np.testing.assert_array_equal(copies.v, np.stack([state.v, state.v]))


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SpikeInput([-1.0], [0], dt=DT), "times must be finite and not negative, but is -1.0 at index"),
        (lambda: SpikeInput([np.nan], [0], dt=DT), "times must be finite"),
        (lambda: SpikeInput("text", [0], dt=DT), "times must be a number"),
        (lambda: SpikeInput([1.0, 2.0], [0, 1, 2], dt=DT), r"times has shape \(2,\), neurons \(3,\)"),
        (lambda: SpikeInput(5.0, [0], dt=DT), r"times has shape \(\)"),
        (lambda: SpikeInput([1.0], [0.5], dt=DT), "neurons must be a list of integers"),
        (lambda: SpikeInput([1.0], [-1], dt=DT), "neurons must contain indices"),
        (lambda: SpikeInput([1.0], [0], np.inf, dt=DT), "weight must be finite"),
        (lambda: SpikeInput([1.0], [0], dt=0.0), "dt must be positive"),
        (lambda: SpikeInput([1e17], [0], dt=DT), "an input of 1e.18 steps would take about .* of memory"),
        (lambda: SpikeInput([1.0], [0], dt=DT, receptor=-1), "receptor must be an integer"),
        (
            lambda: SpikingNetwork(CurrentLIF(), connect(size=2), (SpikeInput([1.0], [2], dt=DT),)),
            "neurons from 0 to 1, but one is for 2",
        ),
        (
            lambda: simulate(
                SpikingNetwork(CurrentLIF(), connect(size=2), (SpikeInput([1.0], [0], dt=DT),)), dt=0.2, steps=3
            ),
            "the times of an input are counted in steps of 0.1 ms, but .* dt = 0.2 ms",
        ),
        (lambda: SpikingNetwork(CurrentLIF(), connect(size=2), (np.ones(3),)), "external must be a tuple such as"),
        (lambda: SpikingNetwork(CurrentLIF(), connect(size=2), (SpikeInput,)), "external must be a tuple such as"),
    ],
)
def test_bad_input_is_named(make, words):
    with pytest.raises(InputError, match=words):
        make()
