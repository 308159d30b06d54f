"""One minGRU layer over 512 steps, forwards and backwards."""

from benchmarks._min_gru import layer
from benchmarks.harness import Workload


def workload(quick: bool) -> Workload:
    """Both sides have the same weights, inputs and first state of 0; see `_min_gru`."""
    return layer(32 if quick else 512)
