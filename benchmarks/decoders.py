"""Decoders: 1000 neurons, 2000 points, two values to decode, by regularised least squares in single precision.

The activities are given. All sides form HᵀH and decompose it by Cholesky: SciPy as one would write it, and Nengo's
solver `LstsqL2`, both in double precision, in which Nengo always solves. Ours solves once more for what is left, which
brings single precision within 10⁻⁵ of double. SciPy in single precision is off by some 10⁻⁴. Before anything is timed,
all solutions are compared.
"""

from benchmarks._decoders import solving
from benchmarks.harness import Workload


def workload(quick: bool) -> Workload:
    """Build all sides."""
    return solving(quick, double=False, target=1.5)
