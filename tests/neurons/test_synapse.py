from math import factorial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import simpson
from scipy.linalg import expm

from neuraxis.engine import record_state, simulate
from neuraxis.errors import InputError
from neuraxis.neurons.lif import LIF
from neuraxis.neurons.spike_train import trains
from neuraxis.neurons.spikes import Spikes, events, record_spikes
from neuraxis.neurons.synapse import Synapse

ORDERS = range(6)


def h(t, tau_s, order):
    """The impulse response in double precision, as it is written."""
    t = np.asarray(t, float)
    response = t**order * np.exp(-np.maximum(t, 0) / tau_s) / (factorial(order) * tau_s ** (order + 1))
    return np.where(t >= 0, response, 0)


def cascade(tau_s, order):
    """Matrix A of dz/dt = A z + b x with the n + 1 stages as a column z, and b."""
    size = order + 1
    return (np.eye(size, k=-1) - np.eye(size)) / tau_s, np.eye(size)[0] / tau_s


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("tau_s", [0.3, 77.0])
def test_the_response_is_the_formula_with_area_one(order, tau_s):
    times = np.linspace(0, 60 * tau_s, 30_001)
    found = np.asarray(Synapse(tau_s, order).impulse_response(times), float)
    wanted = h(times, tau_s, order)
    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=1e-6 * wanted.max())
    assert abs(simpson(found, x=times) - 1) <= 1e-6
    np.testing.assert_array_equal(Synapse(tau_s, order).impulse_response(-times[1:]), 0)


@pytest.mark.parametrize("order", ORDERS)
def test_no_late_time_overflows(order):
    synapse = Synapse(1e-2, order)
    np.testing.assert_array_equal(synapse.impulse_response(np.array([1e4, 1e9, 1e30])), 0)
    slope = jax.grad(synapse.impulse_response)(1e9)
    assert np.isfinite(slope)


one_step = jax.jit(lambda synapse, state, received, dt: synapse.step(state, received, dt))


@settings(deadline=None, max_examples=40)
@given(
    order=st.sampled_from([0, 1, 2, 5]),
    tau_s=st.floats(0.5, 50),
    dt=st.floats(0.01, 100),
    signal=st.floats(-3, 3),
    count=st.integers(0, 3),
    part=st.floats(0, 1),
    stages=st.lists(st.floats(-2, 2), min_size=6, max_size=6),
)
def test_a_step_is_the_matrix_exponential(order, tau_s, dt, signal, count, part, stages):
    tau_s, dt, signal, age = (float(np.float32(x)) for x in (tau_s, dt, signal, dt * part))
    stages = np.array(stages[: order + 1], np.float32)
    state = tuple(jnp.asarray(z) for z in stages)
    synapse = Synapse(jnp.asarray(tau_s), order)
    A, b = cascade(tau_s, order)
    kept = expm(A * dt)

    # A held signal drives the stages from wherever they are: variation of constants.
    new, output = one_step(synapse, state, jnp.asarray(signal), dt)
    wanted = kept @ stages + np.linalg.solve(A, (kept - np.eye(order + 1)) @ b * signal)
    np.testing.assert_allclose(new, wanted, rtol=1e-5, atol=3e-6)
    assert output == new[-1]

    new, _ = one_step(synapse, state, Spikes(jnp.asarray(float(count)), jnp.asarray(age)), dt)
    wanted = kept @ stages + count * expm(A * min(age, dt)) @ b
    np.testing.assert_allclose(new, wanted, rtol=1e-5, atol=3e-6)


def spike_record(size, steps, dt, key=0):
    keys = jax.random.split(jax.random.key(key), 2)
    number = jax.random.bernoulli(keys[0], 0.15, (steps, size)).astype(float)
    return Spikes(number, dt * jax.random.uniform(keys[1], (steps, size)))


@pytest.mark.parametrize(("order", "dt"), [(0, 0.1), (1, 4.0), (2, 0.1), (3, 4.0), (4, 0.1), (5, 4.0)])
def test_recursive_filter_agrees_with_the_sum_over_spikes(order, dt):
    spikes, times = spike_record(3, 250, dt), dt * np.arange(1, 251)
    lists = trains(*events(spikes, dt), 3)
    wanted = h(times[:, None, None] - np.where(np.isfinite(lists), lists, 1e9), 5.0, order).sum(axis=-1)
    synapse = Synapse(5.0, order)
    recursive = simulate(synapse, spikes, dt=dt).record
    np.testing.assert_allclose(recursive, wanted, rtol=1e-4, atol=1e-5 * wanted.max())
    # Times counted from the beginning have, in float32, coarser digits than ages.
    direct = synapse.filter_spikes(lists, times).T
    np.testing.assert_allclose(direct, wanted, rtol=2e-4, atol=2e-5 * wanted.max())
    with jax.enable_x64(True):
        np.testing.assert_allclose(synapse.filter_spikes(lists, times).T, wanted, rtol=1e-10, atol=1e-14)


def test_convolution_equals_the_recursive_filter():
    order = 2
    signal = jax.random.normal(jax.random.key(1), (700, 2, 3))
    for tau_s in (5.0, jnp.asarray([3.0, 20.0, 400.0])):
        synapse = Synapse(tau_s, order)
        wanted = np.asarray(simulate(synapse, signal, dt=0.5).record)
        np.testing.assert_allclose(synapse.convolve(signal, 0.5), wanted, atol=3e-6)
    several = Synapse(jnp.asarray([3.0, 20.0]), order)
    together, alone = several.convolve(signal[:, 0, 0], 0.5), Synapse(20.0, order).convolve(signal[:, 0, 0], 0.5)
    np.testing.assert_allclose(together[:, 1], alone, atol=1e-6)
    np.testing.assert_allclose(together, simulate(several, signal[:, 0, 0], dt=0.5).record, atol=3e-6)
    np.testing.assert_allclose(Synapse(2.0, order).convolve(jnp.ones(1), 0.5)[0], wanted_first(2.0, order), rtol=1e-3)


def wanted_first(tau_s, order, dt=0.5):
    """Response at dt to a signal of 1 from 0 to dt: the integral of h."""
    times = np.linspace(0, dt, 2001)
    return simpson(h(times, tau_s, order), x=times)


@pytest.mark.parametrize("order", ORDERS)
def test_a_pulse_keeps_its_area_and_a_constant_its_value(order):
    dt = 0.1
    pulse = jnp.zeros(4000).at[7].set(1 / dt)
    found = np.asarray(simulate(Synapse(5.0, order), pulse, dt=dt).record, float)
    assert abs(found.sum() * dt - 1) <= 1e-6
    held = simulate(Synapse(5.0, order), jnp.asarray(0.7), dt=dt, steps=4000, record=record_state).record
    # Increments below half the last bit are lost to float32: it halts short by 2⁻²⁵/(dt/τ_s), as all such filters.
    np.testing.assert_allclose([stage[-1] for stage in held], 0.7, rtol=2**-24 / (dt / 5.0))


def test_a_spike_at_the_very_end_of_a_step_is_seen_and_a_silent_neuron_is_not():
    never = LIF().init_state((2,)).age
    _, output = Synapse(5.0, 0).step(Synapse().init_state((2,)), Spikes(jnp.asarray([1.0, 0.0]), 0 * never), 1.0)
    np.testing.assert_allclose(output, [0.2, 0.0])
    for order in (1, 5):
        synapse = Synapse(1e-3, order)
        _, output = synapse.step(synapse.init_state((2,)), Spikes(jnp.zeros(2), never), 1.0)
        np.testing.assert_array_equal(output, 0)


def test_the_mean_of_filtered_lif_spikes_is_their_rate():
    lif = LIF()
    spikes = simulate(lif, jnp.asarray([1.5, 4.0]), dt=1.0, steps=2000, record=record_spikes).record
    filtered = simulate(Synapse(10.0, 1), spikes, dt=1.0).record
    np.testing.assert_allclose(1000 * filtered[500:].mean(axis=0), lif.firing_rate(jnp.asarray([1.5, 4.0])), rtol=0.01)


def test_gradients_equal_finite_differences():
    order = 2
    spikes = spike_record(2, 60, 1.0, key=3)
    with jax.enable_x64(True):
        lists, times = trains(*events(spikes, 1.0), 2), jnp.arange(1.0, 61.0)
        at = (jnp.asarray(6.0), *(jnp.asarray(part, float) for part in spikes))
        along = tuple(jnp.asarray(np.random.default_rng(0).normal(size=x.shape)) for x in at)

        def recursive(tau_s, number, age):
            return jnp.sum(jnp.sin(9 * simulate(Synapse(tau_s, order), Spikes(number, age), dt=1.0).record))

        def convolved(tau_s, number, age):
            return jnp.sum(jnp.sin(9 * Synapse(tau_s, order).convolve(number * age, 1.0)))

        tau_slopes = []
        for function in (recursive, convolved):
            both = jax.jit(jax.value_and_grad(function, argnums=(0, 1, 2)))
            gradient = both(*at)[1]
            tau_slopes.append(gradient[0])
            slope = sum(float(jnp.sum(g * d)) for g, d in zip(gradient, along, strict=True))
            ahead, behind = (
                both(*(x + sign * 1e-6 * d for x, d in zip(at, along, strict=True)))[0] for sign in (1, -1)
            )
            assert slope == pytest.approx(float(ahead - behind) / 2e-6, rel=1e-6)

        @jax.jit
        @jax.grad
        def direct(tau_s):
            return jnp.sum(jnp.sin(9 * Synapse(tau_s, order).filter_spikes(lists, times)))

        np.testing.assert_allclose(tau_slopes[0], direct(at[0]), rtol=1e-6)


def test_any_leading_axes_and_vmap_agree():
    synapse = Synapse(jnp.asarray([2.0, 5.0, 9.0]), 2)
    signal = jax.random.normal(jax.random.key(0), (50, 4, 3))
    together = simulate(synapse, signal, dt=1.0).record
    apart = jax.vmap(lambda x: simulate(synapse, x, dt=1.0).record, in_axes=1, out_axes=1)(signal)
    one = simulate(Synapse(5.0, 2), signal[:, 2, 1], dt=1.0).record
    np.testing.assert_allclose(together, apart, atol=1e-7)
    np.testing.assert_allclose(together[:, 2, 1], one, atol=1e-7)
    lists = np.sort(np.random.default_rng(0).uniform(0, 40, (4, 3, 7)))
    found = synapse.filter_spikes(lists, np.array([30.0, 20.0]))
    assert found.shape == (4, 3, 2)
    wanted = Synapse(9.0, 2).filter_spikes(lists[1, 2], np.array([30.0, 20.0]))
    np.testing.assert_allclose(found[1, 2], wanted, rtol=1e-6)


def test_trains_filled_up_and_empty_ones():
    synapse, times = Synapse(5.0, 1), np.array([3.0, 50.0])
    found = synapse.filter_spikes(np.array([[1.0, 2.0], [1.0, np.inf], [np.inf, np.inf]]), times)
    np.testing.assert_allclose(found[1], synapse.filter_spikes(np.array([1.0]), times))
    np.testing.assert_array_equal(found[2], 0)
    np.testing.assert_array_equal(synapse.filter_spikes(np.zeros(0), times), 0)


def test_float64():
    with jax.enable_x64(True):
        synapse = Synapse(5.0, 3)
        state, output = synapse.step(synapse.init_state((2,)), jnp.ones(2), 0.1)
        found = (*state, output, synapse.impulse_response(1.0), synapse.convolve(jnp.ones(4), 0.1))
        assert {x.dtype for x in found} == {jnp.dtype("float64")}
        np.testing.assert_allclose(synapse.impulse_response(1.0), h(1.0, 5.0, 3), rtol=1e-14)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Synapse(tau_s=0.0), "tau_s must be positive and finite, but is 0.0"),
        (lambda: Synapse(tau_s=jnp.asarray([5.0, -1.0])), "tau_s must be positive"),
        (lambda: Synapse(tau_s=float("nan")), "tau_s must be positive and finite, but is nan"),
        (lambda: Synapse(order=-1), "order must be an integer of at least 0, but is -1"),
        (lambda: Synapse(order=1.5), "order must be an integer of at least 0, but is 1.5"),
        (lambda: Synapse(order=True), "order must be an integer"),
        (lambda: Synapse().filter_spikes([2.0, 1.0], [3.0]), "ascending order, but contain 1.0 after 2.0"),
        (lambda: Synapse().filter_spikes([-1.0, 1.0], [3.0]), "not negative, but contain -1.0"),
        (lambda: Synapse().filter_spikes([np.nan, 1.0], [3.0]), "not negative, but contain nan"),
        (lambda: Synapse().filter_spikes(1.0, [3.0]), "must have an axis of spikes"),
        (lambda: Synapse().convolve(jnp.ones(3), 0.0), "dt must be positive"),
        (lambda: Synapse().convolve(jnp.ones(0), 1.0), "contain no examples"),
        (lambda: Synapse().step(Synapse().init_state((3,)), jnp.ones(2), 1.0), r"shape \(3,\), but has shape \(2,\)"),
        (
            lambda: Synapse().step(Synapse().init_state((3,)), Spikes(jnp.ones(3), jnp.ones(4)), 1.0),
            r"shape \(3,\), but has shape \(4,\)",
        ),
        (lambda: simulate(Synapse(), jnp.asarray([1.0, jnp.nan]), dt=1.0), "nan at index"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(InputError, match=words):
        call()
