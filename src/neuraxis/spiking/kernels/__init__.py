"""C++ kernels, compiled on first use if there is a compiler. They affect only speed."""

from neuraxis.spiking.kernels.build import compiled as compiled
