"""Spikes as a simulation records them, step by step, and their conversion to and from spike trains."""

import math
from typing import Any, NamedTuple

import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Num

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.neurons.spike_train import check_duration, on_host, sorted_times, steps_of


class Spikes(NamedTuple):
    """Spikes of one step, for neurons of any shape; a record has a leading axis of steps."""

    number: Num[Array | np.ndarray, "..."]
    """Number of spikes in the step."""
    age: Float[Array | np.ndarray, "..."]
    """Time from the latest spike to the end of the step [ms]."""


def record_spikes(state: Any, number: Num[Array, "..."]) -> Spikes:
    """Record spikes with their exact times: `simulate(neurons, …, record=record_spikes)`, for states with an age.

    Raises:
        InputError: for states without an age, such as those of networks, whose spikes lie at the ends of the steps.
    """
    if not hasattr(state, "age"):
        raise InputError(
            "record_spikes needs neurons whose state has the age of a spike, such as LIF, but received a "
            f"{type(state).__name__}; spikes at the ends of steps are recorded with record_output"
        )
    return Spikes(number, state.age)


def events(
    spikes: Spikes | Num[ArrayLike, "time neuron"] | Bool[ArrayLike, "time neuron"],
    dt: float | int,
    *,
    apart: ArrayLike | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """List the spikes of a record (time, neuron) in order of time, as times [ms] and indices of neurons.

    Step i = 0, 1, … ends at (i + 1) dt. With `Spikes`, the latest spike of a step lies `age` before that end; with
    counts alone, all spikes of a step are listed at its end.

    Args:
        spikes: the record.
        dt: length of a step [ms].
        apart: interval between the spikes within a step [ms], of a shape that broadcasts to that of the record.
            Required where a step holds several `Spikes`; `LIF.period(drive)` gives it.

    Raises:
        InputError: for a dt that is not positive, a record that is not (time, neuron), counts that are negative or not
            integers, an age outside the step, or several `Spikes` in a step without `apart`, or too far apart to fit.
    """
    check.one_number(dt=dt)
    check.positive(dt=dt)
    timed = isinstance(spikes, Spikes)
    name, counts = ("number", spikes.number) if timed else ("spikes", spikes)
    counts = on_host(name, counts)
    if counts.ndim != 2:
        raise InputError(f"{name} must have shape (time, neuron), but has shape {counts.shape}")
    check.not_negative(**{name: counts})
    if np.any(counts % 1):
        raise InputError(f"{name} must be integers, but contains {counts[counts % 1 > 0][0]}")
    steps, neurons = np.nonzero(counts)
    many = counts[steps, neurons].astype(int)
    ages, gaps = np.zeros(len(steps)), np.zeros(len(steps))
    if timed:
        ages = _like("age", spikes.age, counts.shape)[steps, neurons]
        if np.any(many > 1):
            gaps = _gaps(apart, counts.shape)[steps, neurons]
    # In float32, rounding may make the age of a whole step longer by one bit.
    earliest = ages + np.where(many > 1, many - 1, 0) * np.where(many > 1, gaps, 0)
    if not np.all((ages >= 0) & (ages <= dt * (1 + 1e-5))):
        raise InputError(f"age must be between 0 and dt = {dt} ms, but ranges from {ages.min()} to {ages.max()}")
    if np.any(earliest > dt * (1 + 1e-5)):
        raise InputError(f"apart must let the spikes of a step fit in its {dt} ms, but they take {earliest.max()} ms")
    steps, neurons, ages, gaps, total = (np.repeat(x, many) for x in (steps, neurons, ages, gaps, many))
    before = total - 1 - (np.arange(len(steps)) - np.repeat(np.cumsum(many) - many, many))  # k − 1, …, 0 (the latest)
    times = (steps + 1) * dt - ages - np.where(before > 0, before * gaps, 0)
    order = np.lexsort((neurons, times))
    return times[order], neurons[order]


def binned(trains: Float[ArrayLike, "*neurons spike"], dt: float | int, steps: int) -> Spikes:
    """Bin spike trains into steps, in the form that `record_spikes` records and `Synapse.step` takes.

    Step i = 0, 1, … holds the spikes in (i dt, (i + 1) dt]; a spike at time 0 falls in the first step. Of several
    spikes in a step, the number and the age of the latest are kept.

    Args:
        trains: spike times [ms].
        dt: length of a step [ms].
        steps: number of steps.

    Returns:
        Number and age, each (step, *neurons). The age is 0 where there is no spike.

    Raises:
        InputError: for times that are negative, not sorted or beyond the last step, or a dt that is not positive.
    """
    check.whole(steps=steps)
    check.one_number(dt=dt)
    check.positive(dt=dt)
    trains = sorted_times(trains=trains)
    check.array_fits("steps", (steps, *trains.shape[:-1]))
    check_duration(trains, steps * dt)
    shape, flat = trains.shape[:-1], trains.reshape(math.prod(trains.shape[:-1]), trains.shape[-1])
    neuron, spike = np.nonzero(np.isfinite(flat))
    times = flat[neuron, spike]
    step = np.minimum(steps_of(times, dt), steps - 1)
    number, latest = np.zeros((steps, len(flat)), int), np.zeros((steps, len(flat)))
    np.add.at(number, (step, neuron), 1)
    np.maximum.at(latest, (step, neuron), times)
    age = np.where(number > 0, (np.arange(steps)[:, None] + 1) * dt - latest, 0.0)
    return Spikes(number.reshape(steps, *shape), np.clip(age, 0, dt).reshape(steps, *shape))


def _like(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Broadcast an array to the shape of a record."""
    value = on_host(name, value)
    check.fits(shape, **{name: value})
    return np.broadcast_to(value, shape)


def _gaps(apart: Any, shape: tuple[int, ...]) -> np.ndarray:
    if apart is None:
        raise InputError(
            "a step holds several spikes, and only the time of the latest is known: apart must be the interval between "
            "spikes, as LIF.period(drive) returns it, or steps must be no longer than the refractory period"
        )
    gaps = _like("apart", apart, shape)
    if not np.all(gaps >= 0):
        raise InputError(f"apart must be times that are not negative, but contains {gaps[~(gaps >= 0)][0]}")
    return gaps
