"""Populations: subsets of the neurons of a network, between which connections are made."""

from typing import Any

import numpy as np

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.spiking.projection import neurons

# A slice or range, such as slice(0, 3200); a list of distinct neurons; or a boolean mask with one entry per neuron.
Population = slice | range | np.ndarray | list | tuple

_MOST = 2**29  # maximum number of neurons of a network


def members(name: str, population: Any) -> range | np.ndarray:
    """Return the neurons of a population, which may be empty.

    Raises:
        InputError: for an argument that is not a `Population`, or that lists a neuron twice.
    """
    if isinstance(population, slice):
        population = _range(name, population)
    if isinstance(population, range):
        ends = (population[0], population[-1]) if len(population) else (0, 0)  # min and max would visit every neuron
        if min(ends) < 0 or max(ends) >= _MOST:
            raise InputError(f"{name} must contain neurons from 0 to 2²⁹ − 1, but is {population}")
        return population
    if population is None or isinstance(population, str | bytes | int | float):
        raise InputError(
            f"{name} must be a population, such as slice(first, end) or a list of neurons, but is "
            f"{check.received(population)}"
        )
    listed = check.host_array(name, population)
    if listed.dtype == bool and listed.ndim == 1:
        return np.flatnonzero(listed)
    listed = neurons(name, listed)
    if len(np.unique(listed)) < len(listed):
        twice = np.flatnonzero(np.bincount(np.unique(listed, return_inverse=True)[1]) > 1)
        raise InputError(f"{name} must list distinct neurons, but has neuron {np.unique(listed)[twice[0]]} twice")
    return listed


def picked(neurons: range | np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the neurons at the given positions of a population."""
    return neurons.start + neurons.step * places if isinstance(neurons, range) else neurons[places]


def _range(name: str, population: slice) -> range:
    parts = {part: getattr(population, part) for part in ("start", "stop", "step")}
    parts = {part: value for part, value in parts.items() if value is not None}
    whole = all(isinstance(x, int | np.integer) and not isinstance(x, bool) for x in parts.values())
    good = whole and "stop" in parts and parts.get("step") != 0 and all(0 <= x < _MOST for x in parts.values())
    if not good:
        raise InputError(
            f"{name} must be a population slice(first, end) with integers from 0 to 2²⁹ − 1, but is "
            f"{check.received(population)}"
        )
    return range(int(parts.get("start", 0)), int(parts["stop"]), int(parts.get("step", 1)))
