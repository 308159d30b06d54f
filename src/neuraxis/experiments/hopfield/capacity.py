"""The capacity of the Hopfield network: recall of random patterns at rising load."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import erf, erfc

from neuraxis import plots
from neuraxis.energy.hopfield import Hopfield

LOADS = (0.05, 0.08, 0.1, 0.12, 0.13, 0.14, 0.15, 0.16, 0.18, 0.2)  # patterns per neuron


def measure(key: jax.Array, *, neurons: int, networks: int, probes: int, max_sweeps: int) -> tuple[dict, dict]:
    """Recall at each load, metrics and arrays; the transition is where half of the patterns are still recalled."""
    keys = jax.random.split(key, networks)
    at_load = [[_recall_random(k, load, neurons, probes, max_sweeps) for k in keys] for load in LOADS]
    overlap, recalled, errors = np.mean(at_load, axis=1).T
    metrics = {f"overlap_at_load_{load:.2f}".replace(".", "_"): m for load, m in zip(LOADS, overlap, strict=True)}
    metrics["half_recalled_load"] = np.interp(-0.5, -np.minimum.accumulate(recalled), LOADS)
    loads = np.array(LOADS)
    excess = np.sum(errors * loads) / np.sum(one_step_error(loads) * loads) - 1
    metrics["one_step_error_deviation_percent"] = 100 * abs(excess)
    return metrics, {"overlap": overlap, "recalled": recalled, "one_step_errors": errors}


def _recall_random(key: jax.Array, load: float, neurons: int, probes: int, max_sweeps: int) -> tuple[float, ...]:
    """Start at stored patterns: mean overlap after recall, fraction above 0.9, and errors of one synchronous update."""
    network, patterns, wrong = _store(key, round(load * neurons), neurons)
    probed = np.asarray(patterns)[:probes]
    found = network.recall(probed, key=key, max_sweeps=max_sweeps).x
    overlap = np.mean(np.asarray(found) * probed, axis=-1)
    return float(np.mean(overlap)), float(np.mean(overlap > 0.9)), float(wrong)


@partial(jax.jit, static_argnums=(1, 2))
def _store(key: jax.Array, count: int, neurons: int) -> tuple[Hopfield, jax.Array, jax.Array]:
    """Store random patterns, and measure how many neurons leave them in a synchronous update."""
    patterns = jax.random.rademacher(key, (count, neurons), float)
    network = Hopfield.store(patterns)
    return network, patterns, jnp.mean(network.synchronous_step(patterns) != patterns)


def one_step_error(load: np.ndarray) -> np.ndarray:
    """½ erfc(1/√(2α)), the fraction of neurons that leave a stored pattern in the first update."""
    return erfc(1 / np.sqrt(2 * load)) / 2


def limit() -> tuple[np.ndarray, np.ndarray]:
    """Load and overlap in the limit of many neurons: √(2α) = erf(y)/y − 2/√π e^(−y²) and m = erf(y)."""
    y = np.linspace(1.0, 4.0, 2000)
    load = (erf(y) / y - 2 / np.sqrt(np.pi) * np.exp(-(y**2))) ** 2 / 2
    stable = slice(np.argmax(load), None)  # on the other branch the state is not a minimum
    return load[stable], erf(y[stable])


def plot(arrays: dict) -> plots.Figure:
    """Draw overlap and first errors against the load, with both theories."""
    fig, (left, right) = plots.figure(
        1,
        2,
        caption="Left: overlap between stored random patterns and the states recalled from them, and the theory for "
        "infinitely many neurons, in which recall ends at a load of 0.138. Right: fraction of neurons that leave a "
        "stored pattern in the first update, and ½ erfc(1/√(2α)).",
        height=3.6,
    )
    load, overlap = limit()
    left.plot(load, overlap, color=plots.COLORS["grey"], label="theory, N → ∞")
    left.axvline(load.max(), color=plots.COLORS["grey"], linestyle=":")
    left.plot(LOADS, arrays["overlap"], "o-", color=plots.COLORS["blue"], label="mean overlap")
    left.plot(LOADS, arrays["recalled"], "s--", color=plots.COLORS["orange"], label="fraction above 0.9", ms=4)
    left.set(xlabel="load α, patterns per neuron", ylabel="overlap with the pattern", ylim=(0, 1.05))
    plots.legend(left, loc="lower left")
    fine = np.linspace(LOADS[0], LOADS[-1], 200)
    right.semilogy(fine, one_step_error(fine), color=plots.COLORS["grey"], label="½ erfc(1/√(2α))")
    right.semilogy(LOADS, arrays["one_step_errors"], "o", color=plots.COLORS["blue"], label="measured")
    right.set(xlabel="load α, patterns per neuron", ylabel="fraction of neurons in error")
    right.set_xticks([0.05, 0.1, 0.15, 0.2])
    plots.legend(right, loc="lower right")
    return fig
