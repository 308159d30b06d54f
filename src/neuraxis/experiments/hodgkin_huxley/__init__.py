"""Hodgkin–Huxley neuron: the spike, the onset of firing, and channel densities from a voltage trace.

Four differential equations turn two voltage-gated conductances into the action potential. A step of current must exceed
a first threshold to cause one spike, and a second one for repetitive firing, whose frequency starts far from zero. The
Jacobian at the equilibrium explains this: rest loses its stability at a current I₁ and regains it at I₂, both Hopf
bifurcations, while already below I₁ firing and rest coexist. The integrators are compared with an adaptive solver.
Finally, the simulation is differentiated: from a noisy voltage trace alone, gradient descent recovers the densities of
the sodium and potassium channels.

A. L. Hodgkin and A. F. Huxley, A quantitative description of membrane current and its application to conduction and
excitation in nerve, The Journal of Physiology 117 (1952) 500. Thresholds and bifurcations: J. Rinzel and R. N. Miller,
Mathematical Biosciences 49 (1980) 27.
"""

from dataclasses import dataclass

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq
from scipy.signal import find_peaks

from neuraxis import check, plots
from neuraxis.engine import descent, fit, record_state, simulate
from neuraxis.errors import InputError
from neuraxis.experiment import Claim, Result, check_range, check_settings, check_some, check_steps
from neuraxis.experiments.hodgkin_huxley import figures
from neuraxis.experiments.shared import memory
from neuraxis.experiments.shared.path import Recorded
from neuraxis.experiments.shared.stages import stages
from neuraxis.functions.integrators import exponential_euler, rk4
from neuraxis.neurons.hodgkin_huxley import HodgkinHuxley

PLACE = ("Neurons", 1)
EQUATIONS = r"""
C \frac{dV}{dt} = J - g_L (V - V_L) - g_{Na}\, m^3 h\, (V - V_{Na}) - g_K\, n^4 (V - V_K)

\frac{da}{dt} = \alpha_a(V)(1 - a) - \beta_a(V)\, a = \frac{a_\infty(V) - a}{\tau_a(V)}, \qquad a \in \{n, m, h\}
"""

_TRACE = 100.0  # over which spike times are compared [ms]
_STRONGEST = 180.0  # end of the f–I curve [µA/cm²]
_SAMPLE = 0.1  # between samples of the f–I runs [ms]
_FIT_DT = 0.05  # step and sampling interval of the fitted trace [ms]
_FIT_STEPS = 600


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    current: float = 10.0
    """Current step whose spikes are shown and timed [µA/cm²]."""
    temperature: float = 6.3
    """Temperature [°C]."""
    v_rest: float = -65.0
    """Resting potential [mV]."""
    dt: float = 0.02
    """Time step of the Runge–Kutta method [ms]."""
    compared_dts: tuple[float, ...] = (0.05, 0.02, 0.01, 0.005)
    """Time steps at which the integrators are compared [ms]."""
    currents: int = 64
    """Number of currents simulated in parallel."""
    duration: float = 1000.0
    """Duration of the f–I runs [ms]."""
    fit_starts: int = 16
    """Number of starting points of the fit."""
    fit_iterations: int = 300
    """Steps of gradient descent."""
    noise: float = 0.5
    """Standard deviation of the noise on the voltage trace to fit [mV]."""
    seed: int = 0
    """Seed for the noise and the starting points."""

    def __post_init__(self):
        check_settings(self)
        check.positive(current=self.current, dt=self.dt, duration=self.duration)
        check.positive(**{f"compared_dts[{i}]": dt for i, dt in enumerate(self.compared_dts)})
        check.not_negative(noise=self.noise)
        check_range(-50, 50, temperature=self.temperature)
        check_range(-1000, 1000, v_rest=self.v_rest)
        check_range(0, _STRONGEST, current=self.current)
        check_range(0, 1, dt=self.dt)
        for dt in self.compared_dts:
            check_range(0, 1, compared_dts=dt)
        check_some(compared_dts=self.compared_dts)
        check_steps(_SAMPLE, 1000, duration=self.duration)
        check.whole(fit_starts=self.fit_starts, fit_iterations=self.fit_iterations)
        check.whole(8, currents=self.currents)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        steps = min((*self.compared_dts, self.dt))
        return max(memory.simulation(_TRACE, steps, 8), memory.simulation(self.duration, _SAMPLE, 2 * self.currents))


QUICK = Settings(compared_dts=(0.02, 0.01), currents=32, duration=400.0, fit_starts=8, fit_iterations=150)


def run(settings: Settings) -> Result:
    """Measure the spike, the f–I curve, the accuracy of the steps, the bifurcations and the fit."""
    measures = (_spike, _accuracy, _firing, _bifurcations)
    parts = [measure(settings) for measure in stages("spikes, accuracy, firing, bifurcations", measures)]
    fit, model = _fit(settings)
    metrics, arrays = {}, {}
    for some_metrics, some_arrays in (*parts, fit):
        metrics |= {name: float(value) for name, value in some_metrics.items()}
        arrays |= some_arrays
    claims = (
        *_near("single_spike_current_ua", 2.24, 0.01),
        *_near("repetitive_current_ua", 6.26, 0.02),
        *_near("frequency_hz", 68.3, 0.1),
        *_near("first_peak_mv", 40.3, 0.1),
        Claim("spike_time_error_ms", "<=", 0.05),
        *_near("hopf_current_1_ua", 9.78, 0.01),
        *_near("hopf_current_2_ua", 154.5, 0.1),
        Claim("g_na_error_percent", "<=", 2.0),
        Claim("g_k_error_percent", "<=", 2.0),
    )
    return Result(metrics, claims, arrays, model)


def _near(metric: str, value: float, tolerance: float) -> tuple[Claim, Claim]:
    return Claim(metric, ">=", round(value - tolerance, 6)), Claim(metric, "<=", round(value + tolerance, 6))


def _neuron(settings: Settings, **fields) -> HodgkinHuxley:
    return HodgkinHuxley(v_rest=settings.v_rest, temperature=settings.temperature, **fields)


def record_potential(state, output):
    """Record the membrane potential only."""
    return state.v


def spike_times(neuron: HodgkinHuxley, times: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Find the spikes in a sampled potential, and when each came up to its prominence below its peak [ms].

    There the potential is steep, and its time between the samples is known well, by a cubic spline.
    """
    # What counts is the same as for `HodgkinHuxley.step`: a peak's prominence, and that above rest.
    v = np.asarray(v, float)
    peaks, edges = find_peaks(np.maximum(v, neuron.v_rest), prominence=neuron.prominence, plateau_size=1)
    spline, found = CubicSpline(times, v), []
    for peak, left, right in zip(peaks, edges["left_edges"], edges["right_edges"], strict=True):
        top = brentq(spline.derivative(), times[left - 1], times[right + 1])
        level = spline(top) - neuron.prominence
        below = np.flatnonzero(v[:peak] < level)[-1]
        found.append(brentq(lambda t, level=level: spline(t) - level, times[below], times[below + 1]))
    return np.array(found)


def _potential(neuron: HodgkinHuxley, current, dt: float, duration: float, every: int = 1):
    """Simulate from rest under a constant current; give the times [ms] and V [mV], that at t = 0 included."""
    rest = neuron.init_state(np.shape(current))
    steps = round(duration / dt)
    trace = simulate(neuron, current, dt=dt, steps=steps, record=record_potential, every=every)
    _refuse_divergence(trace.record, dt)
    return np.append(0.0, np.arange(every, steps + 1, every) * dt), np.concatenate([rest.v[None], trace.record])


def _refuse_divergence(v, dt: float) -> None:
    if not np.all(np.isfinite(v)):
        raise InputError(f"steps of {dt:g} ms are too long for these rates: the potential is no longer finite")


def _spike(settings: Settings):
    """The shape of the spikes, with the gates."""
    neuron = _neuron(settings, integrator=rk4)
    trace = simulate(neuron, settings.current, dt=settings.dt, steps=round(_TRACE / settings.dt), record=record_state)
    times, v = np.asarray(trace.times), np.asarray(trace.record.v)
    _refuse_divergence(v, settings.dt)
    spikes = spike_times(neuron, times, v)
    metrics = {
        "first_peak_mv": v[times < spikes[0] + 5].max() if spikes.size else np.nan,
        "frequency_hz": 1000 / (spikes[-1] - spikes[-2]) if spikes.size > 1 else 0.0,
    }
    return metrics, {"trace": {"time": times, **trace.record._asdict()}}


def _accuracy(settings: Settings):
    """Spike times of both integrators against an adaptive solver of order 8, in double precision."""
    with jax.enable_x64(True):
        neuron = _neuron(settings)
        times = jnp.linspace(0, _TRACE, round(_TRACE / 0.01) + 1)
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, y, current: neuron.derivative(y, current)),
            diffrax.Dopri8(),
            t0=0.0,
            t1=_TRACE,
            dt0=None,
            y0=neuron.equilibrium(0.0),
            args=settings.current,
            stepsize_controller=diffrax.PIDController(rtol=1e-9, atol=1e-9),
            saveat=diffrax.SaveAt(ts=times),
            max_steps=None,
        )
        assert solution.ys is not None  # it is None only where nothing was saved
        reference = spike_times(neuron, np.asarray(times), np.asarray(solution.ys.v))

    def error(integrator, dt: float) -> float:
        neuron = _neuron(settings, integrator=integrator)
        spikes = spike_times(neuron, *_potential(neuron, settings.current, dt, _TRACE))
        return float(np.abs(spikes - reference).max()) if 0 < spikes.size == reference.size else np.nan

    metrics = {
        "spike_time_error_ms": error(rk4, settings.dt),
        "exponential_euler_spike_time_error_ms": error(exponential_euler, settings.dt),
    }
    with jax.enable_x64(True):
        curves = {i.__name__: [error(i, dt) for dt in settings.compared_dts] for i in (rk4, exponential_euler)}
    return metrics, {"accuracy": {"dt": settings.compared_dts, **curves}}


def _firing(settings: Settings):
    """The f–I curve and the two thresholds, many currents at a time."""
    neuron = _neuron(settings, integrator=rk4)
    dt = _SAMPLE / round(_SAMPLE / min(settings.dt, _SAMPLE))

    def sweep(currents):
        return _potential(neuron, jnp.asarray(currents, jnp.float32), dt, settings.duration, round(_SAMPLE / dt))

    def least(fires, currents, runs):
        """The least current that fires, by runs with ever narrower currents around it."""
        while True:
            first = int(np.argmax(fires(*runs)))
            if first == 0:  # either none fires or already the lowest does
                return np.nan
            low, high = currents[first - 1 : first + 1]
            if high - low < 0.002:
                return high
            currents = np.linspace(low, high, settings.currents)
            runs = sweep(currents)

    few = settings.currents // 2
    currents = np.append(np.linspace(0, 20, few, endpoint=False), np.linspace(20, _STRONGEST, settings.currents - few))
    times, v = runs = sweep(currents)
    late = times > 0.9 * settings.duration

    def fires(times, v):
        return np.array([spike_times(neuron, times, one).size > 0 for one in v.T])

    metrics = {
        "single_spike_current_ua": least(fires, currents, runs),
        "repetitive_current_ua": least(lambda times, v: fires(times[late], v[late]), currents, runs),
    }
    trains = [spike_times(neuron, times, one) for one in v.T]
    trains = [train[train > settings.duration / 2] for train in trains]
    frequency = [1000 / np.diff(train).mean() if train.size > 1 else 0.0 for train in trains]
    return metrics, {
        "firing": {"current": currents, "frequency": frequency, "low": v[late].min(0), "high": v[late].max(0)}
    }


def _bifurcations(settings: Settings):
    """Stability of the equilibrium at every current, from the eigenvalues of its Jacobian."""
    neuron = _neuron(settings)

    @jax.jit
    def equilibrium_and_jacobian(current):
        state = neuron.equilibrium(current)
        flat, unravel = ravel_pytree(state)
        return state.v, jax.jacfwd(lambda y: ravel_pytree(neuron.derivative(unravel(y), current))[0])(flat)

    def growth(current: float) -> float:
        """Rate at which the fastest-growing small deviation from the equilibrium grows [1/ms]."""
        return np.linalg.eigvals(equilibrium_and_jacobian(current)[1]).real.max()

    with jax.enable_x64(True):
        currents = np.linspace(0, _STRONGEST, 361)
        v, jacobians = jax.vmap(equilibrium_and_jacobian)(currents)
        rates = np.linalg.eigvals(np.asarray(jacobians)).real.max(-1)
        changes = np.flatnonzero(np.diff(rates > 0))
        hopf = [brentq(growth, currents[i], currents[i + 1], xtol=1e-9) for i in changes]
    first, second = hopf if len(hopf) == 2 else (np.nan, np.nan)
    metrics = {"hopf_current_1_ua": first, "hopf_current_2_ua": second}
    return metrics, {"equilibrium": {"current": currents, "v": np.asarray(v), "growth": rates}}


def _fit(settings: Settings):
    """Recover the conductances of Na⁺ and K⁺ channels from one noisy trace, from many starting points at once."""
    time = _FIT_DT * np.arange(_FIT_STEPS)
    # A weak step shows the membrane below threshold, a strong pulse makes one spike and the undershoot after it.
    current = jnp.asarray(np.where((time >= 1) & (time < 6), 1.5, 0) + np.where((time >= 8) & (time < 9), 20.0, 0))
    noise_key, start_key = jax.random.split(jax.random.key(settings.seed))
    neuron = _neuron(settings)
    true = jnp.asarray([neuron.g_na, neuron.g_k])
    clean = simulate(neuron, current, dt=_FIT_DT, record=record_potential).record
    observed = clean + settings.noise * jax.random.normal(noise_key, clean.shape)
    factor = jax.random.uniform(start_key, (settings.fit_starts, 2), minval=jnp.log(0.5), maxval=jnp.log(2.0))

    def mean_errors(potential, observed):
        return jnp.mean((potential - observed[:, None]) ** 2, axis=0)

    def potential(log_g):
        neuron = _neuron(settings, g_na=jnp.exp(log_g[:, 0]), g_k=jnp.exp(log_g[:, 1]))
        inputs = jnp.broadcast_to(current[:, None], (_FIT_STEPS, len(log_g)))
        return simulate(neuron, inputs, dt=_FIT_DT, record=record_potential, remat=25).record

    def loss(log_g, observed, *, key):
        return jnp.sum(mean_errors(potential(log_g), observed[0]))[None]

    start, steps = jnp.log(true) + factor, settings.fit_iterations
    rule = Recorded(descent(loss, optax.adam(optax.cosine_decay_schedule(0.1, steps))), steps)
    fitted = fit(start, rule, (observed[None],), batch_size=1, steps=steps, key=start_key, progress="channels")
    log_path = jnp.concatenate([start[None], fitted.state.path])
    first, last = jax.jit(potential)(start), jax.jit(potential)(log_path[-1])
    best = int(mean_errors(last, observed).argmin())
    before, after = first[:, best], last[:, best]
    path = np.exp(log_path)
    misses = 100 * np.abs(path[-1] / np.asarray(true) - 1)
    metrics = {
        "g_na_error_percent": misses[best, 0],
        "g_k_error_percent": misses[best, 1],
        "fit_starts_within_2_percent": float((misses.max(-1) < 2).sum()),
    }
    arrays = {
        "fit": {
            "time": time + _FIT_DT,
            "observed": np.asarray(observed),
            "before": np.asarray(before),
            "after": np.asarray(after),
            "path": path,
            "best": best,
            "true": np.asarray(true),
        }
    }
    g_na, g_k = jnp.exp(log_path[-1, best])
    return (metrics, arrays), _neuron(settings, g_na=g_na, g_k=g_k)


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw the spike, the f–I curve, the bifurcations, the accuracy of the steps and the fit."""
    arrays, metrics = result.arrays, result.metrics
    return {
        "spike": figures.spike(arrays["trace"]),
        "firing": figures.firing(arrays["firing"], metrics),
        "bifurcation": figures.bifurcation(arrays["equilibrium"], arrays["firing"], metrics),
        "accuracy": figures.accuracy(arrays["accuracy"]),
        "fit": figures.fit(arrays["fit"]),
    }
