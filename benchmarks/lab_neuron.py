"""The lab: how fast pictures of one Hodgkin–Huxley neuron with its gates follow each other, in Chromium."""

from benchmarks._lab import between_pictures
from benchmarks.harness import Workload


def workload(quick: bool) -> Workload:
    """Ours alone: the mean time between two pictures."""
    return Workload(
        title="Lab, between two pictures, Hodgkin–Huxley neuron with its gates",
        experiment="hodgkin-huxley",
        ours=between_pictures("hodgkin-huxley", 0.5 if quick else 3.0),
        peers={},
    )
