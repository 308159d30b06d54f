"""Population dynamics: a recurrent population of spiking neurons implements a differential equation.

The population decodes τ_s f(y, u) + y from its own spikes and feeds it back through its synapses; it therefore follows
dy/dt = f(y, u). The integrator accumulates its input u and holds the result: move u, set it back to 0, and see how well
the value is held. The oscillator rotates at the frequency u, in either direction. The Lorenz system is chaotic.

The exact solution (dashed) starts from the same point. Silence neurons while the population runs, and see what happens
to its memory.
"""

from dataclasses import dataclass
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from neuraxis import Ensemble, RecurrentPopulation, simulate
from neuraxis.app.lab import Dots, Line, Mission, Plot, choice, slider
from neuraxis.experiment import Claim
from neuraxis.neurons import rk4
from neuraxis.population import PopulationState

EXPERIMENT = "population-dynamics"

EQUATIONS = (
    r"\tau_s \frac{dy}{dt} = -y + \sum_{i=1}^N a_i(y) \, d_i",
    r"\sum_{i=1}^N a_i(y) \, d_i \approx \tau_s f(y, u) + y \quad \Rightarrow \quad \frac{dy}{dt} \approx f(y, u)",
)

STEPS = 1  # between two pictures
DT = 1.0  # [ms]
ADVANCE = 20  # samples per step of the page
SHOWN = 4000  # samples drawn
RHO, SIGMA, BETA = 28.0, 10.0, 8 / 3
UNIT = 4000.0  # unit of time of the Lorenz system [ms]


def integrator(y, u):
    """dy/dt = u, with u in 1/s."""
    return jnp.broadcast_to(u / 1000, y.shape)


def oscillator(y, u):
    """Rotate at u Hz, with relaxation to the circle of radius 1 within 300 ms."""
    turned = jnp.stack([-y[..., 1], y[..., 0]], axis=-1)
    return 2e-3 * jnp.pi * u * turned + y * (1 - jnp.sum(y * y, axis=-1, keepdims=True)) / 300


def lorenz(y, u):
    """The Lorenz equations in units of 50, with z shifted so that the attractor lies around 0."""
    x, y, z = (50 * y[..., k] for k in range(3))
    slopes = jnp.stack([SIGMA * (y - x), -x * z - y, x * y - BETA * (z + RHO)], axis=-1)
    return slopes / (50 * UNIT)


SYSTEMS = {"integrator": (integrator, 1), "oscillator": (oscillator, 2), "Lorenz": (lorenz, 3)}
STARTS = {"integrator": (0.0,), "oscillator": (1.0, 0.0), "Lorenz": (0.1, 0.3, -0.2)}
EVERY = {"integrator": 1, "oscillator": 1, "Lorenz": 8}  # steps of dt from sample to sample
NAMES = ("y₁", "y₂", "y₃")


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    system: str = choice("oscillator", tuple(SYSTEMS), restarts=True)
    """System."""
    neurons: int = slider(500, 20, 1500, symbol="N", restarts=True)
    """Number of neurons."""
    tau_s: float = slider(100.0, 20.0, 300.0, symbol="τ_s", restarts=True)
    """Synaptic time constant [ms]."""
    u: float = slider(1.0, -2.0, 2.0, symbol="u")
    """Slope or frequency [1/s]."""
    lost: float = slider(0.0, 0.0, 10.0)
    """Neurons silenced [%]."""


class State(NamedTuple):
    """The population, the exact solution, and both over the last four seconds (Lorenz: 32 s)."""

    population: RecurrentPopulation
    activity: PopulationState
    exact: jax.Array
    time: float  # [ms]
    y: np.ndarray  # (samples, dimensions)
    solution: np.ndarray
    u: float
    held: float  # time since u changed [ms]


class Exact(eqx.Module):
    """The differential equation itself."""

    system: str = eqx.field(static=True)

    def derivative(self, y, u):
        """Return dy/dt [1/ms]."""
        return SYSTEMS[self.system][0](y, u)

    def init_state(self, input_shape):
        """Start where the population does."""
        return jnp.array(STARTS[self.system])

    def step(self, state, u, dt):
        """Advance by `dt` [ms]."""
        y = rk4(self, state, u, dt)
        return y, y


def start(controls, key):
    """Draw the neurons, and solve for the decoders of the system."""
    f, size = SYSTEMS[controls.system]
    first = jnp.array(STARTS[controls.system])
    if controls.system == "oscillator":  # its frequency is a dimension of what the population represents
        ensemble = Ensemble(controls.neurons, 3, radius=1.5, key=key)
        population = RecurrentPopulation(ensemble, lambda y, u: f(y, 2 * u), controls.tau_s, controls=1)
    else:
        ensemble = Ensemble(controls.neurons, size, key=key)
        population = RecurrentPopulation(ensemble, lambda y: f(y, 0.0), controls.tau_s)
    past = np.tile(np.asarray(first), (SHOWN, 1))
    return State(population, population.start(first), first, 0.0, past, past, controls.u, 0.0)


def injured(state, controls):
    """Return the population without the decoders of the first neurons."""
    alive = np.arange(controls.neurons) >= controls.neurons * controls.lost / 100
    return eqx.tree_at(lambda p: p.recurrent.decoders, state.population, replace_fn=lambda d: d * alive[:, None])


def step(state, controls):
    """Advance the population and the exact solution by 20 samples."""
    how = {"dt": DT, "steps": ADVANCE * EVERY[controls.system], "every": EVERY[controls.system]}
    given = {"integrator": [controls.u / 1000], "oscillator": [controls.u / 2], "Lorenz": [0.0, 0.0, 0.0]}
    u = np.array(given[controls.system], np.float32)
    run = simulate(injured(state, controls), u, **how, state=state.activity)
    exact = simulate(Exact(controls.system), np.float32(controls.u), **how, state=state.exact)
    held = jnp.clip(exact.state, -1.0, 1.0)  # the range that the population represents
    return State(
        state.population,
        run.state,
        held if controls.system == "integrator" else exact.state,
        state.time + DT * how["steps"],
        np.append(state.y[ADVANCE:], run.record, axis=0),
        np.append(state.solution[ADVANCE:], exact.record, axis=0),
        controls.u,
        state.held + ADVANCE * DT if controls.u == state.u else 0.0,
    )


def phase_plane(state, controls):
    """Draw the trajectory in two dimensions of y, or the drift of the integrator against y."""
    if controls.system == "integrator":
        values = np.linspace(-1.2, 1.2, 241, dtype=np.float32)[:, None]
        drift = 1000 * (np.asarray(injured(state, controls).recurrent(values)) - values)[:, 0] / controls.tau_s
        marks = [Line(values[:, 0], drift, "drift without input"), Dots(state.y[-1], [0.0], label="current y", size=10)]
        return Plot(marks, "y", "Drift dy/dt [1/s]", x_range=(-1.2, 1.2), y_range=(-0.5, 0.5), half=True)
    across, up, limits = (0, 1, (-1.3, 1.3)) if controls.system == "oscillator" else (0, 2, (-0.6, 0.6))
    marks = [
        Line(state.solution[:, across], state.solution[:, up], "exact", reference=True, dashed=True),
        Line(state.y[:, across], state.y[:, up], "population"),
        Dots(state.y[-1:, across], state.y[-1:, up], label="current state", size=10),
    ]
    return Plot(marks, NAMES[across], NAMES[up], x_range=limits, y_range=limits, equal=True, half=True)


def picture(state, controls):
    """Draw state space and time course."""
    times = (state.time + DT * EVERY[controls.system] * np.arange(1 - SHOWN, 1)) / 1000
    limits = (-0.7, 0.9) if controls.system == "Lorenz" else (-1.4, 1.7)
    lines = [
        line
        for k in range(state.y.shape[1])
        for line in (
            Line(times, state.y[:, k], NAMES[k]),
            Line(times, state.solution[:, k], "exact" if k == 0 else "", reference=True, dashed=True),
        )
    ]
    shown = (times[0], times[-1])
    return phase_plane(state, controls), Plot(lines, "Time [s]", "y", x_range=shown, y_range=limits, half=True)


def distance(state):
    """Return the current distance from the exact solution."""
    return float(np.linalg.norm(state.y[-1] - state.solution[-1]))


def frequency(state):
    """Return the rotation frequency of the first two dimensions over the last four seconds [Hz]."""
    angle = np.unwrap(np.arctan2(state.y[:, 1], state.y[:, 0]))
    return float((angle[-1] - angle[0]) / (2 * np.pi) / (SHOWN * DT / 1000))


def numbers(state, controls):
    """Return the current values."""
    found = {"Time [s]": state.time / 1000, "Distance from the exact solution": distance(state)}
    found |= {NAMES[k]: value for k, value in enumerate(state.y[-1])}
    return found | ({"Frequency [Hz]": frequency(state)} if controls.system == "oscillator" else {})


def measures(state, controls):
    """Measure the drift of the integrator in 3.75 s without input, between means over 0.2 s at either end."""
    holds = controls.system == "integrator" and controls.u == 0 and state.held >= SHOWN * DT
    before, after = state.y[50:250].mean(), state.y[-200:].mean()
    return {"integrator_drift": float(abs(after - before)), "held_value": float(abs(after))} if holds else {}


PRESETS = {
    "Controlled oscillator": {},
    "Controlled oscillator, backwards": {"u": -0.5},
    "Neural integrator": {"system": "integrator", "u": 0.0},
    "Integrator of 50 neurons: drift": {"system": "integrator", "u": 0.0, "neurons": 50},
    "Lorenz 1963: chaotic attractor": {"system": "Lorenz", "neurons": 1500, "tau_s": 200.0},
}

MISSIONS = (
    Mission(
        "Integrator: raise y above 0.4, then hold it for four seconds without input, with a drift of at most 0.02.",
        (Claim("integrator_drift", "<=", 0.02), Claim("held_value", ">=", 0.4)),
    ),
)
