"""Large CUBA network: 20 000 neurons with 80 synapses each, 1 s of biology in steps of 0.1 ms, all spikes recorded."""

from benchmarks.cuba import compare
from benchmarks.harness import Workload


def workload(quick: bool) -> Workload:
    """Build all sides for a network five times as large as `benchmarks.cuba`, with as many synapses a neuron."""
    return compare(2000 if quick else 20_000, 100.0 if quick else 1000.0)
