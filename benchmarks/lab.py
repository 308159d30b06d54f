"""The lab: from moving the current of the Hodgkin–Huxley neuron to the picture that shows it, in Chromium."""

from benchmarks._lab import latency
from benchmarks.harness import Workload


def workload(quick: bool) -> Workload:
    """Ours alone: one slider moved, and one picture waited for."""
    return Workload(
        title="Lab, from a slider to the picture, Hodgkin–Huxley neuron",
        experiment="hodgkin-huxley",
        ours=latency("hodgkin-huxley", "current", 0.0, 50.0),
        peers={},
    )
