"""The parts that maps are built of."""

from neuraxis.layers.batch_norm import BatchNorm as BatchNorm
from neuraxis.layers.batch_norm import RunningMoments as RunningMoments
from neuraxis.layers.dropout import Dropout as Dropout
from neuraxis.layers.linear import Linear as Linear
from neuraxis.layers.sequential import Sequential as Sequential
