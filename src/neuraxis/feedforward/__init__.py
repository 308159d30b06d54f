"""Feedforward networks: maps without memory."""

from neuraxis.described import describe as _describe
from neuraxis.feedforward import classification as classification
from neuraxis.feedforward.cnn import CNN as CNN
from neuraxis.feedforward.mlp import MLP as MLP
from neuraxis.feedforward.universal_approximation import approximate as approximate

_describe(globals())
