"""The parts that maps are built of."""

from neuraxis.layers.linear import Linear as Linear
