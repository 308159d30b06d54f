"""The three ways to run a minGRU: that they agree, and how long they take for sequences of any length."""

import time
from collections.abc import Callable

import jax
import numpy as np

from neuraxis import plots
from neuraxis.engine import simulate
from neuraxis.functions import linear_scan_parallel, linear_scan_sequential
from neuraxis.recurrent import MinGRU

_COLORS = {"streaming": "orange", "sequential": "blue", "parallel": "green"}
_LABELS = {
    "streaming": "streaming, step by step",
    "sequential": "sequential scan",
    "parallel": "parallel scan, O(log T) rounds",
}


def measure(key: jax.Array, *, longest: int, width: int, rounds: int) -> tuple[dict, dict]:
    """Run all ways from the same h_0 on sequences of rising length; give metrics and arrays."""
    lengths = [4**n for n in range(2, 16) if 4**n <= longest]
    keys = jax.random.split(key, 3)
    model, h0 = MinGRU(width, width, key=keys[0]), jax.random.normal(keys[1], (width,))
    inputs = jax.random.normal(keys[2], (max(lengths), width))
    seconds = {name: [] for name in _LABELS}
    differences = {name: [] for name in ("sequential", "parallel")}
    for length in lengths:
        results = {}
        for name, way in _ways(model).items():
            results[name], took = _timed(way, inputs[:length], h0, rounds)
            seconds[name].append(took)
        for name, rows in differences.items():
            rows.append(float(np.max(np.abs(results[name] - results["streaming"]))))
    metrics = {f"largest_difference_{name}": max(rows) for name, rows in differences.items()}
    metrics |= {f"longest_{name}_ms": 1e3 * took[-1] for name, took in seconds.items()}
    return metrics, {"lengths": lengths, "seconds": seconds, "differences": differences}


def _ways(model: MinGRU) -> dict[str, Callable]:
    scans = {"sequential": linear_scan_sequential, "parallel": linear_scan_parallel}
    return {"streaming": lambda x, h0: simulate(model, x, state=h0).record} | {
        name: jax.jit(lambda x, h0, scan=scan: scan(*model.project(x), h0)) for name, scan in scans.items()
    }


def _timed(way: Callable, x: jax.Array, h0: jax.Array, rounds: int) -> tuple[np.ndarray, float]:
    """Return the result, and the median time [s] of calls after the first, which compiles."""
    result, took = jax.block_until_ready(way(x, h0)), []
    for _ in range(rounds):
        began = time.perf_counter()
        jax.block_until_ready(way(x, h0))
        took.append(time.perf_counter() - began)
    return np.asarray(result), float(np.median(took))


def plot(arrays: dict) -> plots.Figure:
    """Draw times and differences against the length."""
    fig, (left, right) = plots.figure(
        1,
        2,
        caption="Left: time to run a minGRU over one sequence, without compilation, against its length T. Right: "
        "largest difference of any state between the scans and streaming, from the same h₀ ≠ 0.",
        height=3.6,
    )
    lengths = arrays["lengths"]
    for name, took in arrays["seconds"].items():
        left.loglog(lengths, 1e3 * np.array(took), "o-", ms=4, color=plots.COLORS[_COLORS[name]], label=_LABELS[name])
    left.set(xlabel="sequence length T [steps]", ylabel="time [ms]", title="Time")
    left.set_ylim(top=10 * left.get_ylim()[1])  # room for the legend
    plots.legend(left, loc="upper left")
    for name, rows in arrays["differences"].items():
        label = f"{name} − streaming" + (": 0 at all lengths" if max(rows) == 0 else "")
        right.loglog(lengths, rows, "o-", ms=4, color=plots.COLORS[_COLORS[name]], label=label)
    right.axhline(1e-5, color=plots.COLORS["grey"], linestyle="--", linewidth=1)
    right.set(xlabel="sequence length T [steps]", ylabel="largest |Δh|", title="Agreement", ylim=(1e-8, 1e-4))
    plots.legend(right, loc="lower right")
    return fig
