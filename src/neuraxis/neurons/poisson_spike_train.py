"""Spike trains of Poisson processes."""

from collections.abc import Callable

import jax
import numpy as np
from jaxtyping import ArrayLike, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.neurons.spike_train import on_host

_MOST = 1e9  # maximum number of spikes drawn at once, 8 GB of times


def poisson_spike_train(
    firing_rate: ArrayLike | Callable[[np.ndarray], ArrayLike],
    duration: float | int,
    *,
    max_rate: float | int | None = None,
    key: PRNGKeyArray,
) -> Float[np.ndarray, " spike"]:
    """Draw the spike times [ms] of a Poisson process on the host, without discretising time.

    Args:
        firing_rate: rate [Hz]: one number; an array, whose entries apply to equal parts of the duration in order; or a
            function of an array of times [ms].
        duration: length of the train [ms].
        max_rate: upper bound of the function [Hz]. Spikes are drawn at this rate, and each is kept with probability
            firing_rate(t)/max_rate.
        key: random key.

    Raises:
        InputError: for a rate that is negative, not finite or above max_rate, a function without max_rate, or a
            duration that is not positive.

    Source: Lewis & Shedler, Naval Research Logistics Quarterly 26:403 (1979), for thinning.
    """
    check.one_number(duration=duration, **({} if max_rate is None else {"max_rate": max_rate}))
    check.positive(duration=duration)
    check.key(key)
    random = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    if callable(firing_rate):
        if max_rate is None:
            raise InputError("a firing_rate that is a function needs max_rate, a rate [Hz] that it never exceeds")
        check.not_negative(max_rate=max_rate)
        drawn = _poisson("max_rate", np.array([max_rate], float), duration, random)
        kept = on_host("firing_rate", firing_rate(drawn))
        if kept.shape not in ((), drawn.shape):
            raise InputError(
                f"firing_rate must return one rate for each time, {drawn.shape}, but returned {kept.shape}"
            )
        _check_rates(kept, max_rate)
        return drawn[random.random(len(drawn)) * max_rate < kept]
    parts = np.atleast_1d(on_host("firing_rate", firing_rate))
    if parts.ndim != 1 or parts.size == 0:
        raise InputError(f"firing_rate must be a number, a list of rates or a function, but has shape {parts.shape}")
    _check_rates(parts, max_rate)
    return _poisson("firing_rate", parts, duration, random)


def _check_rates(rates: np.ndarray, max_rate: float | int | None) -> None:
    check.not_negative(firing_rate=rates)
    if max_rate is not None:
        check.not_negative(max_rate=max_rate)
        if np.any(rates > max_rate):
            raise InputError(f"firing_rate must not exceed max_rate = {max_rate} Hz, but reaches {rates.max()} Hz")


def _poisson(name: str, rates: np.ndarray, duration: float, random: np.random.Generator) -> np.ndarray:
    """Draw spike times at rates that are constant in equal parts of the duration."""
    part = duration / len(rates)
    expected = rates * part / 1000
    if expected.sum() > _MOST:
        raise InputError(f"{name} must be lower: {expected.sum():.3g} spikes in {duration:g} ms are too many to draw")
    starts = part * np.repeat(np.arange(len(rates)), random.poisson(expected))
    return np.sort(starts + part * random.random(len(starts)))
