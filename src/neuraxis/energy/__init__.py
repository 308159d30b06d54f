"""Energies: states settle in their minima."""

from neuraxis.energy.continuous_hopfield import ContinuousHopfield as ContinuousHopfield
from neuraxis.energy.hopfield import Hopfield as Hopfield
from neuraxis.energy.hopfield import Recalled as Recalled
from neuraxis.energy.hopfield import hebbian as hebbian
from neuraxis.energy.modern_hopfield import ModernHopfield as ModernHopfield
