"""Decoders, as in `decoders`, with our side in double precision, too."""

from benchmarks._decoders import solving
from benchmarks.harness import Workload


def workload(quick: bool) -> Workload:
    """Build all sides."""
    return solving(quick, double=True, target=1.0)
