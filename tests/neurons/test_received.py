"""What steps receive is made floats, or refused by name, by every neuron and synapse alike."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.neurons import (
    LIF,
    ConductanceLIF,
    CurrentLIF,
    DiscreteLIF,
    HodgkinHuxley,
    LeakyIntegrator,
    MembraneLIF,
    Spikes,
    Synapse,
)

STEPPED = {
    "LIF": (LIF(), "drive"),
    "MembraneLIF": (MembraneLIF(), "current"),
    "HodgkinHuxley": (HodgkinHuxley(), "current"),
    "DiscreteLIF": (DiscreteLIF(), "input"),
    "LeakyIntegrator": (LeakyIntegrator(), "input"),
    "Synapse": (Synapse(order=1), "input"),
}
pytestmark = pytest.mark.usefixtures("as_user")


def stepped(model, value, dt=0.01):
    return model.step(model.init_state((3,)), value, dt)


@pytest.mark.parametrize("name", STEPPED)
def test_integers_truth_values_and_lists_become_floats(name):
    model, _ = STEPPED[name]
    wanted = stepped(model, np.array([0.0, 1.0, 1.0]))
    for value in (np.array([0, 1, 1], np.uint8), np.array([False, True, True]), [0, 1, 1]):
        for found, expected in zip(jax.tree.leaves(stepped(model, value)), jax.tree.leaves(wanted), strict=True):
            np.testing.assert_array_equal(found, expected)
    assert jax.tree.leaves(model.step(model.init_state((0,)), np.zeros(0), 0.01))[0].shape == (0,)  # no neurons


@pytest.mark.parametrize("name", STEPPED)
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1 + 1j, "must contain real numbers, but has dtype complex"),
        ("text", "must be an array of numbers, but is 'text'"),
        (None, "must be given, in a shape that broadcasts to the state's, .3,., but is None"),
        ([[1.0], [1.0, 2.0]], "must be an array of numbers"),
        (np.nan, "must be finite, but is nan"),
        (1e300, "must be finite, but is 1e.300, which is inf in float32"),
        (np.ones(2), "must broadcast to the state's shape"),
    ],
)
def test_other_inputs_are_refused_by_name(name, value, words):
    model, argument = STEPPED[name]
    with pytest.raises(InputError, match=f"{argument} {words}"):
        stepped(model, value)


@pytest.mark.parametrize("name", STEPPED)
def test_a_wrong_step_or_state_is_refused_by_name(name):
    model, _ = STEPPED[name]
    for dt in (0.0, -1.0, np.nan, None, "text", 1j, [0.1]):
        with pytest.raises(InputError, match="dt must"):
            stepped(model, 1.0, dt)
    for state in (None, "text"):
        with pytest.raises(InputError, match=r"(state|v) must be"):
            model.step(state, 1.0, 0.01)


def test_spikes_are_refused_by_the_name_of_their_part():
    for number, age, words in ((None, 0.0, "number must be given"), (1.0, np.ones(2), "age must broadcast")):
        with pytest.raises(InputError, match=words):
            stepped(Synapse(), Spikes(number, age))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LIF(tau_m=1 + 1j), "tau_m must contain real numbers"),
        (lambda: LIF(tau_m=1e-46), "tau_m must be positive and finite, but is 1e-46, which is 0.0 in float32"),
        (lambda: LIF(tau_ref=np.array([1, 1j])), "tau_ref must contain real numbers"),
        (lambda: MembraneLIF(20.0), "lif must be an LIF, but is 20.0"),
        (lambda: HodgkinHuxley(g_na=1j), "g_na must contain real numbers"),
        (lambda: HodgkinHuxley(temperature="warm"), "temperature must be a number, but is 'warm'"),
        (lambda: Synapse(tau_s=True), "tau_s must be a number, but is True"),
        (lambda: ConductanceLIF(v_reversal=0.0), "v_reversal must have one entry, or one row, per receptor, but is"),
        (lambda: LIF().firing_rate(np.nan), "drive must be finite, but is nan"),
        (lambda: MembraneLIF().firing_rate(1j), "current must contain real numbers"),
        (lambda: MembraneLIF().potential(1.0), "state must be an LIFState, but is 1.0"),
        (lambda: HodgkinHuxley().equilibrium(np.nan), "current must be finite"),
        (lambda: HodgkinHuxley().gate_rates("text"), "v must be an array of numbers"),
        (lambda: HodgkinHuxley().derivative(HodgkinHuxley().init_state(()), 1.0), "state must be a Membrane, but is"),
        (lambda: Synapse().impulse_response(np.nan), "t must be finite"),
        (lambda: LIF().init_state("text"), "input_shape must be a tuple of sizes"),
        (lambda: LIF().init_state((-1,)), "input_shape must be a tuple of sizes"),
        (
            lambda: CurrentLIF().advance(jnp.zeros(2), jnp.zeros((2, 2)), 0.0, 0.1),
            r"charge must have shape .…, 1, neuron",
        ),
    ],
)
def test_other_arguments_are_refused_by_name(make, words):
    with pytest.raises(InputError, match=words):
        make()
