"""Kernels in C++, compiled on first use where there is a compiler. Nothing depends on them but speed."""

from neuraxis.spiking.kernels.build import compiled as compiled
