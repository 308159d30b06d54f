"""CUBA network: 4000 neurons with 2 % connectivity, 1 s of biology in steps of 0.1 ms, all spikes recorded.

All sides get the same list of connections and the same potentials at the beginning. All times are CPU times, of all
threads of a process together, because that is what Brian2's program reports: it takes the time of its loop from
`std::clock`. Time on the clock would be longer where others use the machine, too. For Brian2 and NEST it is the time of
the simulation loop alone; building, compiling and starting are not counted. For us it is that of the whole call. NEST
has no delay below a step, and runs with a delay of one step. Before anything is timed, the firing rates of all are
compared.
"""

import tempfile
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.harness import Workload
from neuraxis.engine import simulate
from neuraxis.neurons.synaptic_lif import CurrentLIF
from neuraxis.spiking.connections import connect
from neuraxis.spiking.connectivity import fixed_probability
from neuraxis.spiking.projection import Projection
from neuraxis.spiking.spiking_network import SpikingNetwork, packed_events, record_packed

_DT = 0.1  # [ms]
_TAU_M, _TAU_E, _TAU_I, _TAU_REF = 20.0, 5.0, 10.0, 5.0  # [ms]
_REST, _THRESHOLD, _RESET = -49.0, -50.0, -60.0  # [mV]
_INPUTS = 80  # connections onto a neuron for which the weights are made
_WEIGHTS = (1.62, -9.0)  # jumps of the synaptic input [mV]


def workload(quick: bool) -> Workload:
    """Build all sides for the benchmark network."""
    return compare(1000 if quick else 4000, 100.0 if quick else 1000.0)


def compare(neurons: int, duration: float) -> Workload:
    """Build all sides for a network in which each neuron has 80 connections on average."""
    lists, v = _connections(neurons), np.random.default_rng(1).uniform(_RESET, _THRESHOLD, neurons)
    ours, our_rate = _ours(neurons, lists, v, duration)
    peers, rates = {}, {"neuraxis": our_rate()}
    makers = {"Brian2 C++ standalone": ("brian2", _brian2), "NEST": ("nest", _nest)}
    for name, (module, make) in makers.items():
        if find_spec(module):
            peers[name], rates[name] = make(neurons, lists, v, duration)
    if max(rates.values()) > 1.25 * min(rates.values()):
        raise RuntimeError(f"firing rates differ too much to compare times: {rates}")
    targets = {"Brian2 C++ standalone": 1.5, "NEST": 8.0}
    return Workload(
        title=f"CUBA, {neurons} neurons × {_INPUTS} synapses, {duration:g} ms of biology",
        experiment="spiking-network",
        ours=ours,
        peers=peers,
        targets={name: targets[name] for name in peers},
    )


def _connections(neurons: int) -> list[Projection]:
    edge, whole = round(0.8 * neurons), slice(0, neurons)
    populations = slice(0, edge), slice(edge, neurons)
    keys = jax.random.split(jax.random.key(0))
    return [
        fixed_probability(population, whole, _INPUTS / neurons, key=key)
        for population, key in zip(populations, keys, strict=True)
    ]


def _ours(neurons: int, lists: list[Projection], v: np.ndarray, duration: float):
    areas = _WEIGHTS[0] * _TAU_E, _WEIGHTS[1] * _TAU_I
    parts = [
        Projection(p.source, p.target, weight=area, receptor=k)
        for k, (p, area) in enumerate(zip(lists, areas, strict=True))
    ]
    neuron = CurrentLIF(_TAU_M, (_TAU_E, _TAU_I), _TAU_REF, _REST, _THRESHOLD, _RESET)
    network = SpikingNetwork(neuron, connect(*parts, size=neurons))
    state = network.init_state()._replace(v=jnp.asarray(v, jnp.float32))
    steps = round(duration / _DT)

    def trace():
        return jax.block_until_ready(simulate(network, dt=_DT, steps=steps, state=state, record=record_packed))

    def run() -> float:
        start = time.process_time()
        trace()
        return time.process_time() - start

    return run, lambda: len(packed_events(trace().record, _DT)[0]) / neurons / (duration / 1000)


def _brian2(
    neurons: int, lists: list[Projection], start: np.ndarray, duration: float
) -> tuple[Callable[[], float], float]:
    """Generate and compile Brian2's program; each call runs it and gives the CPU seconds of its loop."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import brian2 as b

        folder = tempfile.mkdtemp(prefix="brian2-")
        b.device.reinit()
        b.set_device("cpp_standalone", directory=folder, build_on_run=False)
        b.defaultclock.dt = _DT * b.ms
        equations = f"""
        dv/dt = ({_REST}*mV - v + ge + gi)/({_TAU_M}*ms) : volt (unless refractory)
        dge/dt = -ge/({_TAU_E}*ms) : volt
        dgi/dt = -gi/({_TAU_I}*ms) : volt
        """
        rules = {
            "threshold": f"v > {_THRESHOLD}*mV",
            "reset": f"v = {_RESET}*mV",
            "refractory": (_TAU_REF + _DT) * b.ms,
        }
        group = b.NeuronGroup(neurons, equations, method="exact", **rules)
        group.v = start * b.mV
        parts: list[Any] = [group]
        for name, weight, p in zip(("ge", "gi"), _WEIGHTS, lists, strict=True):
            synapses = b.Synapses(group, group, on_pre=f"{name} += {weight}*mV")
            synapses.connect(i=p.source, j=p.target)
            parts.append(synapses)
        monitor = b.SpikeMonitor(group)
        network = b.Network(*parts, monitor)
        network.run(duration * b.ms)
        b.device.build(directory=folder, compile=True, run=False)

        def run() -> float:
            b.device.run(folder, with_output=False, run_args=[])
            return float(b.device._last_run_time)

        run()
        rate = int(monitor.num_spikes) / neurons / (duration / 1000)
    return run, rate


def _nest(neurons: int, lists: list[Projection], v: np.ndarray, duration: float) -> tuple[Callable[[], float], float]:
    """Build NEST's network; each call starts it afresh and gives the CPU seconds of its loop."""
    import nest

    nest.verbosity = nest.VerbosityLevel.ERROR
    spikes = [0]

    def run() -> float:
        nest.ResetKernel()
        nest.resolution = _DT
        # With a capacitance of τ_m [pF] a current of 1 pA is an input of 1 mV.
        group = nest.Create("iaf_psc_exp", neurons, params={
            "tau_m": _TAU_M, "C_m": _TAU_M, "tau_syn_ex": _TAU_E, "tau_syn_in": _TAU_I, "t_ref": _TAU_REF,
            "E_L": _REST, "V_th": _THRESHOLD, "V_reset": _RESET, "V_m": v,
        })  # fmt: skip
        for weight, p in zip(_WEIGHTS, lists, strict=True):
            constants = {"weight": np.full(len(p.source), weight), "delay": np.full(len(p.source), _DT)}
            nest.Connect(p.source + 1, p.target + 1, "one_to_one", constants | {"synapse_model": "static_synapse"})
        recorder = nest.Create("spike_recorder")
        nest.Connect(group, recorder)
        nest.Prepare()
        start = time.process_time()
        nest.Run(duration)
        seconds = time.process_time() - start
        nest.Cleanup()
        spikes[0] = recorder.n_events
        return seconds

    run()
    return run, spikes[0] / neurons / (duration / 1000)
