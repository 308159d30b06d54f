"""C++ kernels, compiled on first use if there is a compiler. Up to rounding, they affect only speed."""

from neuraxis.kernels.batching import one_by_one as one_by_one
from neuraxis.kernels.build import compiled as compiled
from neuraxis.kernels.conditions import is_one_cpu as is_one_cpu
