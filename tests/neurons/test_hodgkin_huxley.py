from decimal import Decimal, getcontext

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.signal import find_peaks

from neuraxis.engine import record_nothing, record_state, simulate
from neuraxis.errors import InputError
from neuraxis.functions.integrators import exponential_euler, rk4
from neuraxis.neurons.hodgkin_huxley import HodgkinHuxley, Membrane

getcontext().prec = 60


def textbook(v, n, m, h, current, v_rest=-65.0):
    """The equations as printed, in NumPy: derivatives of V, n, m, h."""
    u = v - v_rest
    alpha_n, beta_n = 0.01 * (10 - u) / (np.exp((10 - u) / 10) - 1), 0.125 * np.exp(-u / 80)
    alpha_m, beta_m = 0.1 * (25 - u) / (np.exp((25 - u) / 10) - 1), 4 * np.exp(-u / 18)
    alpha_h, beta_h = 0.07 * np.exp(-u / 20), 1 / (np.exp((30 - u) / 10) + 1)
    ionic = 120 * m**3 * h * (u - 115) + 36 * n**4 * (u + 12) + 0.3 * (u - 10.613)
    return (
        current - ionic,
        alpha_n * (1 - n) - beta_n * n,
        alpha_m * (1 - m) - beta_m * m,
        alpha_h * (1 - h) - beta_h * h,
    )


def exact_opening_rate(u, scale, middle, order):
    """scale · x/(1 − e^{−x}) at x = (u − middle)/10, or its derivative with respect to u, in 60 digits."""

    def rate(u):
        x = (u - middle) / 10
        return scale * (x / (1 - (-x).exp()) if x else Decimal(1))

    u, h = Decimal(u), Decimal("1e-15")
    if order == 0:
        return rate(u)
    if order == 1:
        return (rate(u + h) - rate(u - h)) / (2 * h)
    return (rate(u + h) - 2 * rate(u) + rate(u - h)) / h**2


# The singular potentials are −55 and −40 mV; 2.5 mV from them the series gives way to the fraction.
AROUND = (0.0, 1e-9, -1e-9, 1e-4, -1e-3, 0.1, -0.7, 2.4, -2.4, 2.6, -2.6, 20.0, -20.0)


@pytest.mark.parametrize(("gate", "scale", "middle"), [("n", "0.1", 10), ("m", "1", 25)])
@pytest.mark.parametrize(
    ("x64", "tolerances"), [(True, (1e-14, 1e-13, 1e-11)), (False, (2e-6, 2e-5, 5e-4))], ids=["float64", "float32"]
)
def test_rates_and_two_derivatives_at_and_around_the_zero_by_zero_points(gate, scale, middle, x64, tolerances):
    with jax.enable_x64(x64):

        def rate(u):
            return getattr(HodgkinHuxley(v_rest=0.0).gate_rates(u)[0], gate)

        for order, tolerance in enumerate(tolerances):
            function = rate if order == 0 else jax.grad(rate) if order == 1 else jax.grad(jax.grad(rate))
            u = jnp.asarray(middle + np.array(AROUND))
            found = jax.vmap(function)(u)
            exact = [exact_opening_rate(float(one), Decimal(scale), middle, order) for one in u]
            largest = float(scale) / 10**order  # a second derivative passes through tiny values far away
            np.testing.assert_allclose(found, np.array(exact, float), rtol=tolerance, atol=tolerance * largest)


@pytest.mark.parametrize(("v_rest", "singular"), [(-65.0, (-55.0, -40.0)), (-70.0, (-60.0, -45.0))])
def test_limits_at_the_singular_potentials_move_with_rest(v_rest, singular):
    neuron = HodgkinHuxley(v_rest=v_rest)
    assert neuron.gate_rates(singular[0])[0].n == pytest.approx(0.1, abs=1e-7)
    assert neuron.gate_rates(singular[1])[0].m == pytest.approx(1.0, abs=1e-6)


@settings(deadline=None, max_examples=50)
@given(
    v=st.floats(-120, 80).filter(lambda v: min(abs(v + 55), abs(v + 40)) > 1e-3),
    gates=st.tuples(*[st.floats(0, 1)] * 3),
    current=st.floats(-50, 200),
)
def test_derivative_is_the_textbook_equation(v, gates, current):
    with jax.enable_x64(True):
        found = HodgkinHuxley().derivative(Membrane(*(jnp.array(x) for x in (v, *gates))), current)
    np.testing.assert_allclose(found, textbook(v, *gates, current), rtol=1e-9, atol=1e-9)


def test_all_parameters_enter_the_equation_where_they_belong():
    with jax.enable_x64(True):
        state = Membrane(*(jnp.array(x) for x in (-30.0, 0.4, 0.6, 0.3)))
        neuron = HodgkinHuxley(
            g_na=100.0, g_k=30.0, g_leak=0.5, v_na=110.0, v_k=-10.0, v_leak=9.0, v_rest=-70.0, capacitance=2.0
        )
        ionic = 100 * 0.6**3 * 0.3 * (-30 - 40) + 30 * 0.4**4 * (-30 + 80) + 0.5 * (-30 + 61)
        assert neuron.derivative(state, 7.0).v == pytest.approx((7 - ionic) / 2, rel=1e-12)


def test_warmth_speeds_all_gates_by_three_for_ten_degrees():
    v = jnp.linspace(-100, 50, 40)
    cold, warm = HodgkinHuxley().gates(v), HodgkinHuxley(temperature=16.3).gates(v)
    np.testing.assert_allclose(jnp.stack(warm[0]), jnp.stack(cold[0]), rtol=1e-5)
    np.testing.assert_allclose(jnp.stack(warm[1]), jnp.stack(cold[1]) / 3, rtol=1e-5)


@pytest.mark.parametrize("v_rest", [-65.0, -70.0])
def test_initial_state_truly_rests(v_rest):
    neuron = HodgkinHuxley(v_rest=v_rest)
    rest = neuron.init_state((2, 3))
    assert all(x.shape == (2, 3) for x in rest)
    assert {x.dtype for x in rest[:5]} == {jnp.dtype("float32")}
    assert rest.v == pytest.approx(v_rest, abs=0.01)
    np.testing.assert_allclose([rest.n[0, 0], rest.m[0, 0], rest.h[0, 0]], [0.3177, 0.0529, 0.5961], atol=2e-4)
    after = simulate(neuron, jnp.zeros((2, 3)), dt=0.01, steps=10_000, record=record_nothing).state
    np.testing.assert_allclose(jnp.stack(after[:4]), jnp.stack(rest[:4]), atol=2e-3)
    with jax.enable_x64(True):
        neuron = HodgkinHuxley(v_rest=v_rest)
        np.testing.assert_allclose(jnp.stack(neuron.derivative(neuron.equilibrium(0.0), 0.0)), 0.0, atol=1e-12)


def test_equilibrium_holds_for_any_current_and_is_differentiable():
    with jax.enable_x64(True):
        currents = jnp.linspace(-100.0, 200.0, 31)
        neuron = HodgkinHuxley()
        np.testing.assert_allclose(jnp.stack(neuron.derivative(neuron.equilibrium(currents), currents)), 0, atol=1e-10)

        def v(current, g_na):
            return HodgkinHuxley(g_na=g_na).equilibrium(current).v

        for argument in (0, 1):
            at, h = np.array([10.0, 120.0]), np.eye(2)[argument] * 1e-4
            assert jax.grad(v, argument)(*at) == pytest.approx(float(v(*(at + h)) - v(*(at - h))) / 2e-4, rel=1e-6)


def test_spikes_agree_with_scipy_on_the_textbook_equations():
    with jax.enable_x64(True):
        neuron = HodgkinHuxley(integrator=rk4)
        rest = neuron.equilibrium(0.0)

        def right_side(t, y):
            return textbook(*y, 10.0)

        times = 0.02 * np.arange(1, 5001)
        exact = solve_ivp(right_side, (0, 100), np.array(rest), method="LSODA", rtol=1e-9, atol=1e-9, t_eval=times)
        trace = simulate(neuron, 10.0, dt=0.02, steps=5000, record=record_v_and_spikes)
    np.testing.assert_allclose(trace.record[0], exact.y[0], atol=1e-2)
    peaks, _ = find_peaks(exact.y[0], prominence=20.0)
    found = np.flatnonzero(trace.record[1])
    assert found.size == peaks.size == 7
    fallen = [p + np.argmax(exact.y[0][p:] < exact.y[0][p] - 20) for p in peaks]  # there the spike is complete
    assert np.abs(found - fallen).max() <= 1


def test_exponential_euler_converges_to_the_same_trace():
    def trace(integrator, dt):
        with jax.enable_x64(True):
            neuron = HodgkinHuxley(integrator=integrator)
            return simulate(neuron, 20.0, dt=dt, steps=round(5 / dt), record=record_v, every=round(0.5 / dt)).record

    exact = trace(rk4, 0.01)
    errors = [np.abs(trace(exponential_euler, dt) - exact).max() for dt in (0.002, 0.001)]
    assert errors[1] < 0.2
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.1)


def record_v(state, output):
    return state.v


def record_v_and_spikes(state, output):
    return state.v, output


@pytest.mark.parametrize(("temperature", "dt"), [(6.3, 0.025), (20.0, 0.02)])
def test_spikes_are_the_peaks_that_scipy_finds(temperature, dt):
    """Also where they stay far below 0 mV, under strong currents and when it is warm."""
    currents = jnp.array([0.0, 2.23, 2.3, 5.0, 10.0, 41.0, 60.0, 80.0, 100.0, 120.0, 150.0, 180.0])
    neuron = HodgkinHuxley(temperature=temperature)
    v, spikes = simulate(neuron, currents, dt=dt, steps=6000, record=record_v_and_spikes).record
    for i, trace in enumerate(np.asarray(v, float).T):
        peaks, _ = find_peaks(np.maximum(trace, neuron.v_rest), prominence=neuron.prominence)
        found = np.flatnonzero(spikes[:, i])
        assert peaks.size - found.size in (0, 1), "the fall of the last may lie behind the end"
        late = (found - peaks[: found.size]) * dt
        assert np.all((late > 0) & (late < 2.5))
    assert spikes[:, 6].sum() > spikes[:, 4].sum() > 5, "the f–I curve rises"


def test_what_swings_without_a_peak_of_that_prominence_is_no_spike():
    """A passive membrane under sines: small ones, large ones, and large ones below rest."""
    neuron = HodgkinHuxley(g_na=0.0, g_k=0.0, v_leak=0.0)
    wave = 0.3 * jnp.sin(2 * jnp.pi * jnp.arange(4000) * 0.1 / 200)[:, None]  # two periods, slow against C/g_leak
    v, spikes = simulate(neuron, wave * jnp.array([9.0, 11.0, 30.0]), dt=0.1, record=record_v_and_spikes).record
    swing = np.asarray(v).max(0) + 65
    np.testing.assert_allclose(swing, [9, 11, 30], rtol=0.01)
    np.testing.assert_array_equal(spikes.sum(0), [0, 0, 2])  # not for a swing of ±11 mV either, half of it below rest
    below = simulate(neuron, 0.3 * jnp.full(4000, -30.0) + 30 * wave[:, 0], dt=0.1, record=record_v_and_spikes)
    assert below.record[1].sum() == 0


def test_moving_rest_moves_the_trace_and_nothing_else():
    def run(v_rest):
        return simulate(HodgkinHuxley(v_rest=v_rest), 10.0, dt=0.02, steps=2000, record=record_state).record

    high, low = run(-65.0), run(-70.0)
    np.testing.assert_allclose(high.v - low.v, 5.0, atol=0.02)
    np.testing.assert_allclose(high.n, low.n, atol=1e-4)


def test_a_batch_equals_single_neurons_and_vmap_and_parameters_broadcast():
    currents, g_na = jnp.array([3.0, 10.0, 15.0]), jnp.array([100.0, 120.0, 140.0])

    def run(neuron, current):
        return simulate(neuron, current, dt=0.05, steps=400, record=record_v).record

    batch = run(HodgkinHuxley(g_na=g_na), currents)
    for i in range(3):
        np.testing.assert_allclose(run(HodgkinHuxley(g_na=g_na[i]), currents[i]), batch[:, i], atol=2e-2)
    mapped = jax.vmap(lambda g_na, current: run(HodgkinHuxley(g_na=g_na), current), out_axes=1)(g_na, currents)
    np.testing.assert_allclose(mapped, batch, atol=2e-2)
    assert run(HodgkinHuxley(g_na=g_na), 10.0).shape == (400, 3)  # one current for all


@pytest.mark.parametrize(("integrator", "remat"), [(exponential_euler, 20), (rk4, None)])
def test_gradient_through_a_spike(integrator, remat):
    @jax.jit
    def mean_square(g_na):
        neuron = HodgkinHuxley(g_na=g_na, integrator=integrator)
        start = neuron.init_state((3,))._replace(v=jnp.full(3, -65.0), n=jnp.full(3, 0.3177))
        v = simulate(neuron, 20.0, dt=0.04, steps=200, state=start, record=record_v, remat=remat).record
        return jnp.mean(v**2, axis=0)

    with jax.enable_x64(True):
        g_na = jnp.array([119.999, 120.0, 120.001])
        values, slopes = mean_square(g_na), jax.grad(lambda g_na: mean_square(g_na).sum())(g_na)
    assert slopes[1] == pytest.approx(float(values[2] - values[0]) / 0.002, rel=1e-5)


def test_the_whole_neuron_is_a_pytree_that_jits_and_differentiates():
    @jax.jit
    def end(neuron):
        return simulate(neuron, 10.0, dt=0.05, steps=30, record=record_nothing).state.v

    slopes = jax.grad(end)(HodgkinHuxley())
    assert all(np.isfinite(slope) for slope in jax.tree.leaves(slopes))
    assert slopes.g_na != 0
    assert slopes.temperature != 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("capacitance", 0.0),
        ("g_leak", -0.3),
        ("g_na", -1.0),
        ("g_k", np.array([36.0, -1.0])),
        ("v_na", np.inf),
        ("v_rest", np.nan),
        ("temperature", np.nan),
        ("prominence", 0.0),
    ],
)
def test_bad_parameters_are_refused_by_name(name, value):
    with pytest.raises(InputError, match=name):
        HodgkinHuxley(**{name: value})
