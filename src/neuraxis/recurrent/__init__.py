"""Recurrent networks: dynamics in discrete time whose weights are trained through time."""

from neuraxis.recurrent.min_gru import MinGRU as MinGRU
