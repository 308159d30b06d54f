"""Spike trains and their statistics: rates, intervals, regularity, histograms.

A spike train is an array of sorted spike times [ms] along its last axis. Trains of several neurons form one array
(…, spike), in which shorter trains are padded with `inf`. As the number of spikes depends on the data, all functions
here run on the host, in NumPy and in double precision.
"""

from typing import Any

import numpy as np
from jax.core import Tracer
from jaxtyping import ArrayLike, Float, Int

from neuraxis import check
from neuraxis.errors import InputError


def trains(
    times: Float[ArrayLike, " spike"], neurons: Int[ArrayLike, " spike"], neuron_count: int
) -> Float[np.ndarray, "n p"]:
    """Sort a list of events into one spike train per neuron: (neuron, spike), padded with `inf`.

    Args:
        times: spike times in ascending order [ms].
        neurons: index of the neuron that fired each spike, 0 to neuron_count − 1.
        neuron_count: number of neurons.

    Raises:
        InputError: for lists of different lengths, times that are negative or not sorted, or a neuron out of range.
    """
    check.whole(neuron_count=neuron_count)
    check.array_fits("neuron_count", (neuron_count,))
    times, neurons = sorted_times(times=times), np.asarray(check.array("neurons", neurons))
    if times.ndim != 1 or times.shape != neurons.shape:
        raise InputError(f"times and neurons must be lists of one length, but have {times.shape} and {neurons.shape}")
    neurons = neurons if neurons.size else neurons.astype(int)  # an empty list becomes an array of floats
    if neurons.dtype.kind not in "iu":
        raise InputError(f"neurons must be integers, but have dtype {neurons.dtype}")
    if np.any((neurons < 0) | (neurons >= neuron_count)):
        raise InputError(
            f"neurons must be between 0 and {neuron_count - 1}, but range from {neurons.min()} to {neurons.max()}"
        )
    found = np.bincount(neurons, minlength=neuron_count)
    order = np.argsort(neurons, kind="stable")  # by neuron, and in order of time for each
    rank = np.arange(len(times)) - np.repeat(np.cumsum(found) - found, found)
    sorted_trains = np.full((neuron_count, found.max()), np.inf)
    sorted_trains[neurons[order], rank] = times[order]
    return sorted_trains


def counts(trains: Float[ArrayLike, "*neurons spike"]) -> Int[np.ndarray, "*neurons"]:
    """Count the spikes of each train; 0 for an empty one.

    Raises:
        InputError: for times that are negative or not sorted.
    """
    return np.asarray(np.isfinite(sorted_times(trains=trains)).sum(axis=-1))


def firing_rates(trains: Float[ArrayLike, "*neurons spike"], duration: float | int) -> Float[np.ndarray, "*neurons"]:
    """Return the mean firing rate of each train over `duration` [ms], in Hz; 0 for an empty one.

    Raises:
        InputError: for times that are negative, not sorted or beyond the duration, or a duration that is not positive.
    """
    check_duration(trains, duration)
    return np.asarray(1000 * counts(trains) / duration)


def intervals(trains: Float[ArrayLike, "*neurons spike"]) -> Float[np.ndarray, "*neurons interval"]:
    """Return the interspike intervals [ms], shorter trains padded with NaN; a train of one spike has none.

    Raises:
        InputError: for times that are negative or not sorted.
    """
    trains = sorted_times(trains=trains)
    ended = np.isinf(trains)
    return np.diff(np.where(ended, np.nan, trains), axis=-1)


def variation(trains: Float[ArrayLike, "*neurons spike"]) -> Float[np.ndarray, "*neurons"]:
    """Return the coefficient of variation of each train's intervals, their standard deviation over their mean.

    It is 0 for a regular train and 1 for a Poisson process. Trains of fewer than three spikes, such as those of silent
    neurons, give NaN; `np.nanmean` averages over the others.

    Raises:
        InputError: for times that are negative or not sorted.
    """
    lengths = intervals(trains)
    number = np.isfinite(lengths).sum(axis=-1)
    mean = np.nansum(lengths, axis=-1) / np.maximum(number, 1)
    spread = np.sqrt(np.nansum((lengths - mean[..., None]) ** 2, axis=-1) / np.maximum(number, 1))
    defined = (number >= 2) & (mean > 0)
    return np.asarray(np.where(defined, spread / np.where(defined, mean, 1), np.nan))


def rate_histogram(
    trains: Float[ArrayLike, "*neurons spike"], duration: float | int, bin_width: float | int
) -> tuple[Float[np.ndarray, " bin"], Float[np.ndarray, " bin"]]:
    """Return the firing rate over time, averaged over the trains of a population, or of trials (PSTH).

    Args:
        trains: spike times from 0 to `duration` [ms].
        duration: length of the recording [ms], a whole number of bins.
        bin_width: length of a bin [ms].

    Returns:
        The centres of the bins [ms], and the mean rate per train in each bin [Hz].

    Raises:
        InputError: for times that are negative, not sorted or beyond the duration, a duration or bin width that is not
            positive, or bins that do not fill the duration.
    """
    check.one_number(bin_width=bin_width)
    check.positive(bin_width=bin_width)
    check_duration(trains, duration)
    ratio = duration / bin_width
    bins = round(ratio) if ratio < 2**31 else 0
    if bins < 1 or not np.isclose(bins * bin_width, duration, rtol=1e-9):
        raise InputError(f"duration must be a whole number of bins of {bin_width} ms, but is {duration} ms")
    times = sorted_times(trains=trains)
    number = np.prod(times.shape[:-1], dtype=int)
    found, edges = np.histogram(times[np.isfinite(times)], bins, range=(0, duration))
    return (edges[:-1] + edges[1:]) / 2, 1000 * found / (number * bin_width)


def sorted_times(**times: Any) -> np.ndarray:
    """Check spike times, passed by name, with `check_sorted`, and return them in double precision on the host."""
    check_sorted(**times)
    ((name, value),) = times.items()
    return on_host(name, value)


def check_sorted(**times: Any) -> None:
    """Check that spike times along the last axis are not negative, not NaN, and in ascending order.

    Raises:
        InputError: naming the first violation. Arrays that `jit`, `grad` or `vmap` are tracing are not checked.
    """
    for name, value in times.items():
        if isinstance(value, Tracer):
            continue
        array = on_host(name, value)
        if array.ndim == 0:
            raise InputError(f"{name} must have an axis of spikes, but is the number {value}")
        if not np.all(array >= 0):
            raise InputError(f"{name} must be spike times that are not negative, but contain {array[~(array >= 0)][0]}")
        back = array[..., 1:] < array[..., :-1]
        if np.any(back):
            later, earlier = array[..., :-1][back][0], array[..., 1:][back][0]
            raise InputError(f"{name} must be in ascending order, but contain {earlier} after {later}")


def steps_of(times: np.ndarray, dt: float | int) -> Int[np.ndarray, "..."]:
    """Return the step i in which each time lies, (i dt, (i + 1) dt]; time 0 lies in step 0.

    A time less than a millionth of a step after the end of a step still lies in it, because rounding moves quotients
    such as 1.1/0.1 slightly away from the intended whole number.
    """
    quotient = times / dt
    return np.maximum(np.ceil(quotient - np.maximum(1e-6, 4 * np.spacing(quotient))), 1).astype(int) - 1


def check_duration(trains: Any, duration: float | int) -> None:
    """Check that a duration is one positive number, and that no spike comes after it."""
    check.one_number(duration=duration)
    check.positive(duration=duration)
    trains = sorted_times(trains=trains)
    last = np.max(trains, initial=0, where=np.isfinite(trains))
    if last > duration:
        raise InputError(f"duration must reach the last spike, at {last} ms, but is {duration} ms")


def on_host(name: str, value: Any) -> np.ndarray:
    """Return an array in double precision on the host."""
    return np.asarray(check.host_array(name, value), float)
