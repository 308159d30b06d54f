"""Hodgkin–Huxley neuron: sodium and potassium channels generate the action potential.

Raise the current slowly from 0. The neuron first stays at rest, then fires once, then repetitively, and its frequency
does not start at 0. Watch the gates: m follows the potential almost at once, h and n lag behind, and this ends the
spike.

Cool the axon and the spikes broaden; warm it and they become smaller, until the neuron stops firing (at 10 µA/cm², at
about 22 °C).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from neuraxis import HodgkinHuxley, record_state, simulate
from neuraxis.app.lab import Line, Mission, Plot, slider
from neuraxis.experiment import Claim
from neuraxis.neurons.hodgkin_huxley import HodgkinHuxleyState

EXPERIMENT = "hodgkin-huxley"

STEPS = 5  # between two pictures
DT = 0.025  # [ms]
SAMPLE = 0.1  # between the samples shown [ms]
SHOWN = 1000  # samples
ADVANCE = 20  # steps of dt per step of the page


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    current: float = slider(10.0, 0.0, 180.0, symbol="J")
    """Injected current [µA/cm²]."""
    g_na: float = slider(120.0, 0.0, 200.0, symbol="g_Na")
    """Max. Na⁺ conductance [mS/cm²]."""
    g_k: float = slider(36.0, 0.0, 80.0, symbol="g_K")
    """Max. K⁺ conductance [mS/cm²]."""
    g_leak: float = slider(0.3, 0.01, 2.0, symbol="g_L")
    """Leak conductance [mS/cm²]."""
    temperature: float = slider(6.3, 0.0, 40.0)
    """Temperature [°C]."""


class State(NamedTuple):
    """The state of the neuron, the time, and the last 100 ms."""

    neuron: HodgkinHuxleyState
    time: float  # [ms]
    traces: np.ndarray  # (samples, 4): V, m, h, n
    spikes: np.ndarray  # (samples,): number of spikes in each


def model(controls):
    """Create the neuron described by the controls."""
    return HodgkinHuxley(g_na=controls.g_na, g_k=controls.g_k, g_leak=controls.g_leak, temperature=controls.temperature)


def record(state, spike):
    """Record the state of the membrane and the spikes."""
    return record_state(state, spike), spike


def start(controls, key):
    """Start at rest."""
    rest = model(controls).init_state(())
    traces = np.tile(np.array([rest.v, rest.m, rest.h, rest.n]), (SHOWN, 1))
    return State(rest, 0.0, traces, np.zeros(SHOWN))


def step(state, controls):
    """Advance by half a millisecond."""
    run = simulate(model(controls), controls.current, dt=DT, steps=ADVANCE, state=state.neuron, record=record)
    (membrane, spikes), every = run.record, round(SAMPLE / DT)
    new = np.stack([membrane.v, membrane.m, membrane.h, membrane.n], axis=1)[every - 1 :: every]
    counts = np.asarray(spikes).reshape(-1, every).sum(axis=1)
    return State(
        run.state,
        state.time + ADVANCE * DT,
        np.concatenate([state.traces[len(new) :], new]),
        np.concatenate([state.spikes[len(new) :], counts]),
    )


def picture(state, controls):
    """Draw the potential and the gates over the last 100 ms."""
    times = state.time + SAMPLE * np.arange(1 - SHOWN, 1)
    v, *gates = state.traces.T
    shown = (times[0], times[-1])
    return (
        Plot([Line(times, v, "V", symbol="V")], "Time [ms]", "Membrane potential [mV]", "", shown, (-90.0, 60.0)),
        Plot(
            [Line(times, gate, name, symbol=name) for name, gate in zip("mhn", gates, strict=True)],
            "Time [ms]",
            "Gating variable",
            x_range=shown,
            y_range=(0.0, 1.0),
        ),
    )


def numbers(state, controls):
    """Return the current values."""
    v, m, h, n = state.traces[-1]
    return {
        "Time [ms]": state.time,
        "V [mV]": v,
        "m": m,
        "h": h,
        "n": n,
        "Spikes in the last 100 ms": state.spikes.sum(),
    }


def measures(state, controls):
    """Return the current if the standard axon fires repetitively at it."""
    is_standard = controls.g_na == 120 and controls.g_k == 36 and controls.g_leak == 0.3
    fires = is_standard and controls.temperature == 6.3 and state.time > 100 and state.spikes[SHOWN // 2 :].sum() >= 2
    return {"repetitive_current_ua": controls.current} if fires else {}


PRESETS = {
    "Hodgkin & Huxley 1952: repetitive firing": {"current": 10.0},
    "Just above rheobase: a single spike": {"current": 3.0},
    "Tetrodotoxin: no sodium current": {"current": 10.0, "g_na": 0.0},
    "Depolarisation block": {"current": 170.0},
    "Warm axon (18.5 °C)": {"current": 20.0, "temperature": 18.5},
}

MISSIONS = (
    Mission(
        "Find the smallest current at which the standard axon fires repetitively, to within 0.05 µA/cm².",
        (Claim("repetitive_current_ua", ">=", 6.24), Claim("repetitive_current_ua", "<=", 6.3)),
    ),
)
