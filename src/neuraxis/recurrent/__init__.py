"""Recurrent networks: dynamics in discrete time whose weights are trained through time."""
