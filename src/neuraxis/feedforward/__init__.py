"""Maps without memory."""

from neuraxis.feedforward.mlp import MLP as MLP
