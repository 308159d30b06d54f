"""Kernels in C++, compiled on first use where there is a compiler. Nothing depends on them but speed."""

from neuraxis.kernels.batching import one_by_one as one_by_one
from neuraxis.kernels.build import compiled as compiled
