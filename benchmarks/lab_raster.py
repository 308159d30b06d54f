"""The lab: how fast pictures of a network of 1000 spiking neurons follow each other, in Chromium."""

from benchmarks._lab import between_pictures
from benchmarks.harness import Workload


def workload(quick: bool) -> Workload:
    """Ours alone: the mean time between two pictures of raster and rate."""
    return Workload(
        title="Lab, between two pictures, raster of 1000 neurons",
        experiment="spiking-network",
        ours=between_pictures("spiking-network", 0.5 if quick else 3.0),
        peers={},
    )
