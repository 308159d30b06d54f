"""Spikes as recorded step by step, as times, and what is read from them: rates, intervals, regularity, histograms.

A spike train is an array of sorted spike times [ms] along its last axis. Trains of several neurons stand in one array
(…, spike), where `inf` fills up the shorter ones: a spike that never comes. How many spikes there are depends on the
data, so all functions here but `record_spikes` work on the host, in NumPy and in double precision.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError


class Spikes(NamedTuple):
    """Spikes of one step, of neurons of any shape; in a record there is a leading axis of steps."""

    number: Num[Array | np.ndarray, "..."]  # of spikes in the step
    age: Float[Array | np.ndarray, "..."]  # time from the latest of them to the end of the step [ms]


def record_spikes(state: Any, number: Num[Array, "..."]) -> Spikes:
    """Record spikes with their own times: `simulate(neurons, …, record=record_spikes)`, of states with an age."""
    return Spikes(number, state.age)


def events(spikes: Spikes | Num[ArrayLike, "time neuron"], dt: float | int) -> tuple[np.ndarray, np.ndarray]:
    """List the spikes of a record (time, neuron) in the order of time, as times [ms] and neurons (indices).

    Step i = 0, 1, … ends at (i + 1) dt. With `Spikes` the latest spike of a step lies `age` before that end; with
    counts alone it is taken to lie at it. Where a step holds k spikes, the others are spaced evenly between its
    beginning and the latest.

    Raises:
        InputError: for a dt that is not positive, a record that is not (time, neuron), counts that are not whole or are
            negative, or an age that does not lie in the step.
    """
    check.positive(dt=dt)
    counts, age = spikes if isinstance(spikes, Spikes) else (spikes, None)
    counts = np.asarray(counts, float)
    if counts.ndim != 2:
        raise InputError(f"a record of spikes must have shape (time, neuron), but has shape {counts.shape}")
    check.not_negative(counts=counts)
    if np.any(counts % 1):
        raise InputError(f"spike counts must be whole numbers, but hold {counts[counts % 1 > 0][0]}")
    steps, neurons = np.nonzero(counts)
    late = np.zeros(len(steps)) if age is None else np.asarray(age, float)[steps, neurons]
    # In float32 an age of the whole step may come out longer by a last bit.
    if not np.all((late >= 0) & (late <= dt * (1 + 1e-5))):
        raise InputError(f"ages of spikes must lie from 0 to dt = {dt} ms, but reach from {late.min()} to {late.max()}")
    many = counts[steps, neurons].astype(int)
    steps, neurons, late, total = (np.repeat(x, many) for x in (steps, neurons, late, many))
    rank = np.arange(len(steps)) - np.repeat(np.cumsum(many) - many, many) + 1  # 1, …, k within the step
    times = (steps + 1) * dt - late - (dt - late) * (1 - rank / total)
    order = np.lexsort((neurons, times))
    return times[order], neurons[order]


def trains(
    times: Float[ArrayLike, " spike"], neurons: Int[ArrayLike, " spike"], neuron_count: int
) -> Float[np.ndarray, "n p"]:
    """Sort a list of events into one spike train a neuron: (neuron, spike), filled up with `inf`.

    Args:
        times: spike times in ascending order [ms].
        neurons: which neuron fired, 0 to neuron_count − 1.
        neuron_count: number of neurons.

    Raises:
        InputError: for lists of different lengths, times that are negative or not sorted, or a neuron out of range.
    """
    check.whole(neuron_count=neuron_count)
    times, neurons = np.asarray(times, float), np.asarray(neurons)
    check_sorted(times=times)
    if times.ndim != 1 or times.shape != neurons.shape:
        raise InputError(f"times and neurons must be lists of one length, but have {times.shape} and {neurons.shape}")
    neurons = neurons if neurons.size else neurons.astype(int)  # an empty list is one of floats
    if np.any((neurons < 0) | (neurons >= neuron_count)):
        raise InputError(
            f"neurons must lie from 0 to {neuron_count - 1}, but reach from {neurons.min()} to {neurons.max()}"
        )
    found = np.bincount(neurons, minlength=neuron_count)
    order = np.argsort(neurons, kind="stable")  # neuron by neuron, each still in the order of time
    rank = np.arange(len(times)) - np.repeat(np.cumsum(found) - found, found)
    sorted_trains = np.full((neuron_count, found.max()), np.inf)
    sorted_trains[neurons[order], rank] = times[order]
    return sorted_trains


def counts(trains: Float[ArrayLike, "*neurons spike"]) -> Int[np.ndarray, "*neurons"]:
    """Count the spikes of each train; 0 for an empty one.

    Raises:
        InputError: for times that are negative or not sorted.
    """
    check_sorted(trains=trains)
    return np.asarray(np.isfinite(trains).sum(axis=-1))


def firing_rates(trains: Float[ArrayLike, "*neurons spike"], duration: float | int) -> Float[np.ndarray, "*neurons"]:
    """Give the mean firing rate of each train over `duration` [ms], in Hz; 0 for an empty one.

    Raises:
        InputError: for times that are negative, not sorted or beyond the duration, or a duration that is not positive.
    """
    _check_duration(trains, duration)
    return np.asarray(1000 * counts(trains) / duration)


def intervals(trains: Float[ArrayLike, "*neurons spike"]) -> Float[np.ndarray, "*neurons interval"]:
    """Give the times from spike to spike [ms]; NaN where a shorter train has ended, none for a train of one spike.

    Raises:
        InputError: for times that are negative or not sorted.
    """
    check_sorted(trains=trains)
    ended = np.isinf(trains)
    return np.diff(np.where(ended, np.nan, trains), axis=-1)


def variation(trains: Float[ArrayLike, "*neurons spike"]) -> Float[np.ndarray, "*neurons"]:
    """Give the coefficient of variation of each train's intervals, their standard deviation over their mean.

    It is 0 for a clock and 1 for a Poisson process. Fewer than three spikes have none, and give NaN: a silent neuron
    is no mistake. `np.nanmean` averages over the others.

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
    """Give the firing rate over time, averaged over trains (of a population, or of trials: then it is the PSTH).

    Args:
        trains: spike times from 0 to `duration` [ms].
        duration: length of the recording [ms], a whole number of bins.
        bin_width: length of a bin [ms].

    Returns:
        The middles of the bins [ms], and the rate of one train in each [Hz].

    Raises:
        InputError: for times that are negative, not sorted or beyond the duration, a duration or bin width that is not
            positive, or bins that do not fill the duration.
    """
    check.positive(bin_width=bin_width)
    _check_duration(trains, duration)
    bins = round(duration / bin_width)
    if bins < 1 or not np.isclose(bins * bin_width, duration, rtol=1e-9):
        raise InputError(f"duration must be a whole number of bins of {bin_width} ms, but is {duration} ms")
    times = np.asarray(trains, float)
    number = np.prod(times.shape[:-1], dtype=int)
    found, edges = np.histogram(times[np.isfinite(times)], bins, range=(0, duration))
    return (edges[:-1] + edges[1:]) / 2, 1000 * found / (number * bin_width)


def poisson_spike_train(
    firing_rate: ArrayLike | Callable[[np.ndarray], ArrayLike],
    duration: float | int,
    *,
    max_rate: float | int | None = None,
    key: PRNGKeyArray,
) -> Float[np.ndarray, " spike"]:
    """Draw the spike times [ms] of a Poisson process, exactly, on the host.

    Args:
        firing_rate: in Hz, one number; or an array of rates, one for each of that many equal parts of the duration;
            or a function of an array of times [ms].
        duration: length of the train [ms].
        max_rate: a rate that the function never exceeds [Hz]. Spikes are drawn at it, and each is kept with probability
            rate(t)/max_rate.
        key: randomness.

    Raises:
        InputError: for a rate that is negative, not finite or above max_rate, a function without max_rate, or a
            duration that is not positive.

    Source: thinning: Lewis & Shedler, Naval Research Logistics Quarterly 26:403 (1979).
    """
    check.positive(duration=duration)
    random = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    if callable(firing_rate):
        if max_rate is None:
            raise InputError("a firing_rate that is a function needs max_rate, a rate [Hz] that it never exceeds")
        drawn = _poisson(np.array([max_rate], float), duration, random)
        kept = np.asarray(firing_rate(drawn), float)
        check.not_negative(firing_rate=kept)
        if np.any(kept > max_rate):
            raise InputError(f"firing_rate must not exceed max_rate = {max_rate} Hz, but reaches {kept.max()} Hz")
        return drawn[random.random(len(drawn)) * max_rate < kept]
    parts = np.atleast_1d(np.asarray(firing_rate, float))
    if parts.ndim != 1 or parts.size == 0:
        raise InputError(f"firing_rate must be a number, a list of rates or a function, but has shape {parts.shape}")
    return _poisson(parts, duration, random)


def check_sorted(**times: Any) -> None:
    """Spike times along the last axis are not negative, not NaN, and none is earlier than the one before.

    Raises:
        InputError: naming the first that is wrong. What is being traced by `jit`, `grad` or `vmap` passes.
    """
    for name, value in times.items():
        if isinstance(value, Tracer):
            continue
        array = np.asarray(value)
        if array.ndim == 0:
            raise InputError(f"{name} must have an axis of spikes, but is the number {value}")
        if not np.all(array >= 0):
            raise InputError(f"{name} must be spike times that are not negative, but hold {array[~(array >= 0)][0]}")
        back = array[..., 1:] < array[..., :-1]
        if np.any(back):
            later, earlier = array[..., :-1][back][0], array[..., 1:][back][0]
            raise InputError(f"{name} must be in ascending order, but hold {earlier} after {later}")


def _check_duration(trains: Any, duration: float | int) -> None:
    check.positive(duration=duration)
    check_sorted(trains=trains)
    last = np.max(trains, initial=0, where=np.isfinite(trains))
    if last > duration:
        raise InputError(f"duration must reach to the last spike, at {last} ms, but is {duration} ms")


def _poisson(rates: np.ndarray, duration: float, random: np.random.Generator) -> np.ndarray:
    """Draw spike times with a constant rate in each of as many equal parts of the duration as there are rates."""
    check.not_negative(firing_rate=rates)
    part = duration / len(rates)
    starts = part * np.repeat(np.arange(len(rates)), random.poisson(rates * part / 1000))
    return np.sort(starts + part * random.random(len(starts)))
