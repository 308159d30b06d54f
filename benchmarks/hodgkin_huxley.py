"""Hodgkin–Huxley: 1000 neurons over 10 000 steps by exponential Euler, spike counts only."""

import subprocess
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.harness import Workload
from neuraxis.engine import Total, record_nothing, simulate
from neuraxis.neurons.hodgkin_huxley import HodgkinHuxley

_DT = 0.01  # [ms]
_EQUATIONS = """
dv/dt = (current - 0.3*(v + 54.387) - 120*m**3*h*(v - 50) - 36*n**4*(v + 77))/ms : 1
dn/dt = (alpha_n*(1 - n) - beta_n*n)/ms : 1
dm/dt = (alpha_m*(1 - m) - beta_m*m)/ms : 1
dh/dt = (alpha_h*(1 - h) - beta_h*h)/ms : 1
alpha_n = 0.1/exprel(-(v + 55)/10) : 1
beta_n = 0.125*exp(-(v + 65)/80) : 1
alpha_m = 1/exprel(-(v + 40)/10) : 1
beta_m = 4*exp(-(v + 65)/18) : 1
alpha_h = 0.07*exp(-(v + 65)/20) : 1
beta_h = 1/(1 + exp(-(v + 35)/10)) : 1
current : 1
"""


def workload(quick: bool) -> Workload:
    """Count the spikes of neurons under currents from 0 to 20 µA/cm²; Brian2's build and start are left out."""
    neurons, steps = (100, 1000) if quick else (1000, 10_000)
    neuron = HodgkinHuxley()
    currents = jnp.linspace(0.0, 20.0, neurons)

    def ours() -> jax.Array:
        end = simulate(Total(neuron), currents, dt=_DT, steps=steps, record=record_nothing)
        return jax.block_until_ready(end.state[1])

    rest = [float(x) for x in neuron.equilibrium(0.0)]
    spikes = np.asarray(ours())
    return Workload(
        title=f"{neurons} Hodgkin–Huxley neurons, {steps} steps by exponential Euler, spike counts",
        experiment="hodgkin-huxley",
        ours=ours,
        peers={
            "Brian2 C++ standalone": _brian2(currents, steps, rest, spikes, np.float64),
            "Brian2 C++ standalone, float32": _brian2(currents, steps, rest, spikes, np.float32),
        },
        targets={"Brian2 C++ standalone": 8.0},
    )


def _brian2(currents, steps, rest, spikes, dtype):
    """Build the program once; every call runs it and returns the seconds that its own clock gives for the steps.

    Refuses to time what does not compute the same. Brian2 counts a spike at its upstroke and ours when it is over, so
    that each neuron may have one more there.
    """
    import brian2

    folder = tempfile.TemporaryDirectory()
    brian2.prefs.core.default_float_dtype = dtype
    brian2.set_device("cpp_standalone", directory=folder.name)
    group = brian2.NeuronGroup(
        len(currents),
        _EQUATIONS,
        method="exponential_euler",
        threshold="v >= 0",
        refractory="v >= 0",
        dt=_DT * brian2.ms,
    )
    group.v, group.n, group.m, group.h = rest
    group.current = np.asarray(currents)
    monitor = brian2.SpikeMonitor(group, record=False)
    brian2.Network(group, monitor).run(steps * _DT * brian2.ms)
    if np.any((monitor.count < spikes) | (monitor.count > spikes + 1)):
        raise RuntimeError(f"Brian2 counts {monitor.num_spikes} spikes, neuraxis {spikes.sum():.0f}")
    brian2.get_device().reinit()
    brian2.set_device("runtime")
    brian2.prefs.core.default_float_dtype = np.float64

    def run() -> float:
        subprocess.run(["./main", "--results_dir", "results/"], cwd=folder.name, check=True)
        return float(Path(folder.name, "results", "last_run_info.txt").read_text().split()[0])

    return run
