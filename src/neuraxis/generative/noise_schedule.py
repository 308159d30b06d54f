"""Noise schedules: the coefficients by which diffusion turns data into noise.

x_t = a_t x₀ + s_t ε, with normal ε and t = 0 … T: the signal a_t falls from a₀ = 1 and the noise s_t rises from s₀ = 0.
"""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Float, Integer

from neuraxis import check
from neuraxis.errors import InputError


class Level(NamedTuple):
    """Amplitudes of signal and noise at a time."""

    signal: Float[Array, "..."]  # a_t; √ᾱ_t if the variance is preserved
    noise: Float[Array, "..."]  # s_t; √(1 − ᾱ_t) if the variance is preserved


class Posterior(NamedTuple):
    """q(x_r | x_t, x₀) = N(of_x x_t + of_clean x₀, variance · I)."""

    of_x: Float[Array, "..."]
    of_clean: Float[Array, "..."]
    variance: Float[Array, "..."]


class NoiseSchedule(eqx.Module):
    """x_t = a_t x₀ + s_t ε for t = 0 … T, as tables of a and s; see `linear`, `cosine` and `straight`.

    The transition from an earlier time r to t is q(x_t | x_r) = N(α x_r, β I), with α = a_t/a_r and β = s_t² − α² s_r².
    If the variance is preserved, a² + s² = 1, this is q(x_t | x_{t−1}) = N(√(1 − β_t) x_{t−1}, β_t I) for successive
    times, and ᾱ_t = a_t² is the product of 1 − β_i for i = 1 … t.

    Args:
        signal: a, (T + 1,), falling from 1 to 0 or above.
        noise: s, (T + 1,), rising from 0.

    Raises:
        InputError: for tables that are not of this form, or have fewer than two entries.

    Source: Ho, Jain and Abbeel, Advances in Neural Information Processing Systems (2020), equations 2 to 7; for any
    pair of times, Kingma, Salimans, Poole and Ho, ibid. (2021), appendix A.
    """

    signal: Float[Array, " time"]
    noise: Float[Array, " time"]

    def __init__(self, signal: ArrayLike, noise: ArrayLike):
        check.finite(signal=signal, noise=noise)
        a, s = check.floats("signal", signal), check.floats("noise", noise)
        if a.ndim != 1 or a.shape != s.shape or a.size < 2:
            raise InputError(
                f"signal and noise must both have shape (T + 1,) with T ≥ 1, but have shapes {a.shape} and {s.shape}"
            )
        _check_tables(a, s)
        self.signal, self.noise = a, s

    @property
    def steps(self) -> int:
        """Number of steps T."""
        return self.signal.size - 1

    def at(self, t: Integer[ArrayLike, "..."]) -> Level:
        """Return a_t and s_t for integer times t from 0 to T.

        Raises:
            InputError: for other values of t.
        """
        check.indices(self.steps + 1, t=t)
        t = jnp.asarray(t)
        return Level(self.signal[t], self.noise[t])

    @property
    def beta(self) -> Float[Array, " step"]:
        """Variance added by each step, β_t = s_t² − (a_t/a_{t−1})² s_{t−1}² for t = 1 … T."""
        t = np.arange(1, self.steps + 1)
        return _added(self.at(t), self.at(t - 1))

    @property
    def snr(self) -> Float[Array, " time"]:
        """Signal-to-noise ratio a_t²/s_t² for t = 0 … T, infinite at t = 0."""
        return (self.signal / self.noise) ** 2

    def noised(
        self, x: Float[ArrayLike, "..."], t: Integer[ArrayLike, "..."], noise: Float[ArrayLike, "..."]
    ) -> Float[Array, "..."]:
        """Return x_t = a_t x₀ + s_t ε, with one t for each leading index.

        Raises:
            InputError: for noise of another shape than x, or times that are not integers from 0 to T.
        """
        clean, drawn = check.floats("x", x), check.floats("noise", noise)
        if clean.shape != drawn.shape:
            raise InputError(f"x and noise must have the same shape, but have shapes {clean.shape} and {drawn.shape}")
        level = spread(self.at(t), clean)
        return level.signal * clean + level.noise * drawn

    def posterior(self, t: Integer[ArrayLike, "..."], r: Integer[ArrayLike, "..."]) -> Posterior:
        """Return q(x_r | x_t, x₀) for times r < t, which need not be successive.

        With α and β as above, its mean is (α s_r²/s_t²) x_t + (a_r β/s_t²) x₀, and its variance β s_r²/s_t². For
        r = t − 1 these are Ho's μ̃_t and β̃_t.
        """
        later, earlier = self.at(t), self.at(r)
        kept, added = later.signal / earlier.signal, _added(later, earlier)
        share = (earlier.noise / later.noise) ** 2
        return Posterior(kept * share, earlier.signal * added / later.noise**2, added * share)


def linear(steps: int = 1000, first: float = 1e-4, last: float = 0.02) -> NoiseSchedule:
    """Return the schedule in which β_t increases linearly from `first` to `last`.

    The defaults are meant for a thousand steps; fewer steps need larger values.

    Args:
        steps: number of steps T.
        first: β₁, in (0, 1).
        last: β_T, in (0, 1).

    Raises:
        InputError: for a number of steps that is not positive, or β outside (0, 1).

    Source: Ho, Jain and Abbeel, Advances in Neural Information Processing Systems (2020), section 4.
    """
    check.whole(steps=steps)
    _check_beta(first=first, last=last)
    return from_beta(np.linspace(first, last, steps))


def cosine(steps: int = 1000, offset: float = 0.008, largest: float = 0.999) -> NoiseSchedule:
    """Return the schedule ᾱ_t = f(t)/f(0), f(t) = cos²(π/2 · (t/T + o)/(1 + o)), with β_t ≤ `largest`.

    It destroys images more slowly than `linear`, so that no steps are wasted on almost pure noise.

    Args:
        steps: number of steps T.
        offset: offset o, which prevents β_t from being too small near t = 0.
        largest: maximum of β_t, in (0, 1).

    Raises:
        InputError: for a number of steps that is not positive, a negative offset, or a maximum outside (0, 1).

    Source: Nichol and Dhariwal, International Conference on Machine Learning (2021), equation 17.
    """
    check.whole(steps=steps)
    check.not_negative(offset=offset)
    _check_beta(largest=largest)
    f = np.cos(np.pi / 2 * (np.arange(steps + 1) / steps + offset) / (1 + offset)) ** 2
    return from_beta(np.minimum(1 - f[1:] / f[:-1], largest))


def straight(steps: int = 1000) -> NoiseSchedule:
    """Return the schedule a_t = 1 − t/T, s_t = t/T: the straight path from data to noise of flow matching.

    Args:
        steps: number of steps T.

    Raises:
        InputError: for a number of steps that is not positive.

    Source: Liu, Gong and Liu, International Conference on Learning Representations (2023); Lipman et al., ibid.
    """
    check.whole(steps=steps)
    t = np.arange(steps + 1) / steps
    return _rounded(1 - t, t)


def from_beta(beta: ArrayLike) -> NoiseSchedule:
    """Return the variance-preserving schedule a_t = √ᾱ_t, s_t = √(1 − ᾱ_t), with ᾱ_t = ∏_{i ≤ t} (1 − β_i).

    Args:
        beta: β_t for t = 1 … T, each in (0, 1).

    Raises:
        InputError: for an empty array, or values outside (0, 1), of which the first is named.
    """
    values = np.asarray(check.array("beta", beta), float)
    if values.ndim != 1 or not values.size:
        raise InputError(f"beta must have shape (T,) with T ≥ 1, but has shape {values.shape}")
    _check_beta(beta=values)
    log_kept = np.concatenate([[0.0], np.cumsum(np.log1p(-values))])  # ln ᾱ_t
    return _rounded(np.exp(log_kept / 2), np.sqrt(-np.expm1(log_kept)))


def spread(coefficients, x: Array):
    """Append axes of length 1 to coefficients, one per example, so that they broadcast over the entries of x."""
    return jax.tree.map(lambda c: jnp.reshape(c, (*c.shape, *(1,) * (x.ndim - c.ndim))), coefficients)


def _rounded(signal: np.ndarray, noise: np.ndarray) -> NoiseSchedule:
    """Return the schedule of double-precision tables, in JAX's default precision."""
    single = jax.dtypes.canonicalize_dtype(float)
    return NoiseSchedule(signal.astype(single), noise.astype(single))


def _added(later: Level, earlier: Level) -> Array:
    """Return the variance β added between two times."""
    ratio = later.signal * earlier.noise / (earlier.signal * later.noise)
    return later.noise**2 * (1 - ratio**2)


def _check_beta(**values: ArrayLike) -> None:
    for name, value in values.items():
        check.finite(**{name: value})
        numbers = np.asarray(value, float)
        if not np.all(good := (numbers > 0) & (numbers < 1)):
            place = "" if not numbers.ndim else f" at index {int(np.argmin(good))}"
            received = numbers.flat[int(np.argmin(good))]
            raise InputError(f"{name}, a variance β, must lie between 0 and 1, but is {received:g}{place}")


def _check_tables(signal: Array, noise: Array) -> None:
    if isinstance(signal, Tracer) or isinstance(noise, Tracer):
        return
    a, s = np.asarray(signal), np.asarray(noise)
    if not (math.isclose(a[0], 1, rel_tol=1e-6) and s[0] == 0 and a[-1] >= 0 and np.all(np.diff(s) >= 0)):
        raise InputError(
            f"signal must fall from 1 to 0 or above, and noise rise from 0, but they go from {a[0]:g} to {a[-1]:g} and "
            f"from {s[0]:g} to {s[-1]:g}"
        )
    if not np.all(np.diff(a / np.maximum(s, 1e-30)) <= 0):
        raise InputError("the signal-to-noise ratio must not rise from any time to the next, but does")
