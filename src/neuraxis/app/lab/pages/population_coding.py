"""Population coding: a variable and functions of it, decoded from the spikes of many neurons.

A variable x oscillates, and every neuron fires according to its tuning curve: some prefer large values (blue in the
raster), others small ones (orange). A single neuron does not determine x, but a weighted sum of all filtered spike
trains does, and other weights decode x² or a sine from the same spikes. Use fewer neurons, or a shorter synaptic time
constant, and watch the error.

Switch to learning: all decoders are reset to zero, and prescribed error sensitivity (PES) learns them again from the
output error alone, while the neurons fire.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from neuraxis import ClosedLoop, Ensemble, Synapse, simulate
from neuraxis.app.lab import Line, Mission, Plot, Spikes, choice, slider, switch
from neuraxis.experiment import Claim
from neuraxis.population import Decoded, OnlinePES

EXPERIMENT = "population-coding"

EQUATIONS = (
    r"a_i(x) = G(\alpha_i e_i x + \beta_i)",
    r"\hat{f}(x) = \sum_{i=1}^N a_i(x) \, d_i, \quad a_i \text{ filtered with } \tau_s",
    r"\text{PES: } \frac{dd_i}{dt} = -\frac{\kappa}{N} a_i \left(\hat{f}(x) - f(x)\right)",
)

STEPS = 1  # between two pictures
DT = 1.0  # [ms]
ADVANCE = 20  # steps of dt per step of the page
SHOWN = 2000  # steps of dt drawn
FUNCTIONS = {"x": lambda x: x, "x²": lambda x: x**2, "sin(2πx)": lambda x: jnp.sin(2 * jnp.pi * x)}
GRID = np.linspace(-1, 1, 101)[:, None].astype(np.float32)


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    function: str = choice("x", tuple(FUNCTIONS))
    """Decoded function."""
    neurons: int = slider(100, 5, 500, symbol="N", restarts=True)
    """Number of neurons."""
    tau_s: float = slider(20.0, 1.0, 200.0, symbol="τ_s", logarithmic=True)
    """Synaptic time constant [ms]."""
    frequency: float = slider(0.5, 0.1, 5.0, logarithmic=True)
    """Frequency of x [Hz]."""
    learning: bool = switch(False)
    """Learn the decoders with PES."""
    kappa: float = slider(1e-3, 1e-5, 1e-2, symbol="κ", logarithmic=True)
    """Learning rate [1/(s Hz²)]."""


class State(NamedTuple):
    """The neurons and decoders, and the last two seconds of activity."""

    ensemble: Ensemble
    loop: tuple  # neurons, synapses and decoders; and the latest output
    time: float  # [ms]
    phase: float  # of x, in cycles
    order: np.ndarray  # position of every neuron in the raster
    times: np.ndarray  # of spikes [ms]
    who: np.ndarray
    x: np.ndarray
    output: np.ndarray
    read: tuple  # decoded function, and whether it is learnt
    settled: float  # time since these changed [ms]


def build(ensemble, decoders, controls):
    """Create the ensemble that decodes its filtered spikes and learns from the error of its last output."""
    online = OnlinePES(Decoded(ensemble, decoders), controls.kappa, Synapse(controls.tau_s))
    # Where there is nothing to learn the error is switched off.
    return ClosedLoop(online, jnp.zeros(1), lambda last, given: (given[0], given[2] * (last - given[1])))


def wanted(controls, x):
    """Return the exact f(x)."""
    return np.asarray(FUNCTIONS[controls.function](x))


def first_decoders(ensemble, controls):
    """Return zero decoders for learning, otherwise the least-squares decoders."""
    if controls.learning:
        return jnp.zeros((controls.neurons, 1))
    return ensemble.decode(FUNCTIONS[controls.function]).decoders


def start(controls, key):
    """Draw the neurons, and start at x = 0."""
    ensemble = Ensemble(controls.neurons, 1, max_rates=(50.0, 150.0), intercepts=(-0.95, 0.95), key=key)
    decoders = first_decoders(ensemble, controls)
    loop = build(ensemble, decoders, controls).init_state(((1,), (1,), ()))
    side = np.asarray(ensemble.encoders[:, 0])
    onset = side * np.asarray((1 - ensemble.bias) / ensemble.gain)
    order = np.empty(controls.neurons, int)
    order[np.lexsort((onset, side))] = np.arange(controls.neurons)
    none, past = np.zeros(0), np.zeros(SHOWN)
    return State(ensemble, loop, 0.0, 0.0, order, none, none, past, past, (controls.function, controls.learning), 0.0)


def record(state, output):
    """Record the output, and the neurons that fired in the step."""
    (online, _), _ = state, output
    return output, online.neurons.age < DT


def step(state, controls):
    """Advance by 20 ms."""
    (online, last), settled = state.loop, state.settled + ADVANCE * DT
    read = (controls.function, controls.learning)
    if read != state.read:
        online, settled = online._replace(decoders=first_decoders(state.ensemble, controls)), 0.0
    turns = state.phase + controls.frequency * DT / 1000 * np.arange(1, ADVANCE + 1)
    x = np.sin(2 * np.pi * turns)[:, None].astype(np.float32)
    gate = np.full(ADVANCE, float(controls.learning), np.float32)
    model = build(state.ensemble, online.decoders, controls)
    run = simulate(model, (x, wanted(controls, x), gate), dt=DT, state=(online, last), record=record)
    output, fired = (np.asarray(part) for part in run.record)
    when, who = np.nonzero(fired)
    kept = state.times > state.time + (ADVANCE - SHOWN) * DT
    return State(
        state.ensemble,
        run.state,
        state.time + ADVANCE * DT,
        turns[-1] % 1,
        state.order,
        np.append(state.times[kept], state.time + DT * (when + 1)),
        np.append(state.who[kept], who),
        np.append(state.x[ADVANCE:], x),
        np.append(state.output[ADVANCE:], output),
        read,
        settled,
    )


def decoded(state, controls):
    """Return the function decoded from steady rates, over all x."""
    return np.asarray(Decoded(state.ensemble, state.loop[0].decoders)(GRID))[:, 0]


def picture(state, controls):
    """Draw tuning curves, spikes, and the decoded value over time and over x."""
    times = state.time + DT * np.arange(1 - SHOWN, 1)
    shown, now = (times[0], times[-1]), state.x[-1]
    rates = np.asarray(state.ensemble.rates(GRID))[:, :: max(1, controls.neurons // 20)]
    gap = np.full((1, rates.shape[1]), np.nan)
    curves = np.concatenate([rates, gap]).T.ravel()
    grid = np.tile(np.append(GRID[:, 0], np.nan), rates.shape[1])
    who = state.who.astype(int)
    side = np.where(np.asarray(state.ensemble.encoders[:, 0]) > 0, 0, 1)[who]
    return (
        Plot(
            [Line(grid, curves, "tuning curves"), Line([now, now], [0.0, 160.0], "current x", symbol="x")],
            "Value x",
            "Rate [Hz]",
            x_range=(-1.0, 1.0),
            y_range=(0.0, 160.0),
            half=True,
        ),
        Plot(
            [
                Line(GRID[:, 0], wanted(controls, GRID)[:, 0], "exact", reference=True, dashed=True),
                Line(GRID[:, 0], decoded(state, controls), "decoded from rates"),
            ],
            "Value x",
            controls.function,
            x_range=(-1.0, 1.0),
            y_range=(-1.5, 1.7),
            half=True,
        ),
        Plot(
            [Spikes(state.times, state.order[who], groups=side)],
            "Time [ms]",
            "Neuron",
            x_range=shown,
            y_range=(0.0, controls.neurons),
        ),
        Plot(
            [
                Line(times, wanted(controls, state.x), "exact f(x)", reference=True, dashed=True),
                Line(times, state.output, "decoded from spikes"),
            ],
            "Time [ms]",
            controls.function,
            x_range=shown,
            y_range=(-1.5, 1.7),
        ),
    )


def root_mean_square(error):
    """Return √(mean of error²)."""
    return float(np.sqrt(np.mean(np.square(error))))


def error_of_rates(state, controls):
    """Return the error of the decoded function over all x."""
    return root_mean_square(decoded(state, controls) - wanted(controls, GRID)[:, 0])


def error_of_spikes(state, controls):
    """Return the error of the output in the last two seconds."""
    return root_mean_square(state.output - wanted(controls, state.x))


def numbers(state, controls):
    """Return the errors."""
    return {
        "Time [ms]": state.time,
        "x": state.x[-1],
        "Exact": float(wanted(controls, state.x[-1:])[0]),
        "Decoded": state.output[-1],
        "RMS error, spikes (last 2 s)": error_of_spikes(state, controls),
        "RMS error, steady rates": error_of_rates(state, controls),
        "Spikes in the last 2 s": len(state.times),
    }


def measures(state, controls):
    """Measure errors, once the same function has been decoded for two seconds."""
    if state.settled < SHOWN * DT:
        return {}
    if controls.learning:
        return {"learnt_square_error": error_of_rates(state, controls)} if controls.function == "x²" else {}
    fast = controls.frequency >= 1 and controls.function == "x"
    return {"output_rms_error": error_of_spikes(state, controls)} if fast else {}


PRESETS = {
    "Eliasmith & Anderson 2003: decoding": {},
    "x² decoded from the same spikes": {"function": "x²"},
    "Only ten neurons": {"neurons": 10},
    "MacNeil & Eliasmith 2011: PES learning": {"function": "x²", "learning": True},
}

MISSIONS = (
    Mission(
        "Decode x from spikes, at 1 Hz or faster, with an RMS error of at most 0.05.",
        (Claim("output_rms_error", "<=", 0.05),),
    ),
    Mission(
        "Learn x² with PES, from zero decoders, to an RMS error of at most 0.05 for steady rates.",
        (Claim("learnt_square_error", "<=", 0.05),),
    ),
)
