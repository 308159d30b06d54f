import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.generative import NoiseSchedule, cosine, from_beta, linear, straight

SCHEDULES = {"linear": linear(), "cosine": cosine(50), "straight": straight(20)}


def test_linear_is_that_of_the_paper():
    schedule, beta = linear(), np.linspace(1e-4, 0.02, 1000)
    np.testing.assert_allclose(schedule.beta, beta, rtol=2e-3)
    np.testing.assert_allclose(schedule.signal[1:] ** 2, np.cumprod(1 - beta), rtol=1e-5)
    np.testing.assert_allclose(schedule.signal**2 + schedule.noise**2, 1, rtol=1e-6)
    assert float(schedule.signal[-1] ** 2) == pytest.approx(4.04e-5, rel=0.01)


def test_cosine_is_that_of_the_paper():
    schedule, t = cosine(1000), np.arange(1001) / 1000
    f = np.cos(np.pi / 2 * (t + 0.008) / 1.008) ** 2
    np.testing.assert_allclose(schedule.signal[:-1] ** 2, (f / f[0])[:-1], rtol=1e-4)
    assert float(schedule.beta[-1]) == pytest.approx(0.999, rel=1e-5)


def test_straight_is_straight():
    schedule = straight(4)
    np.testing.assert_allclose(schedule.signal, [1, 0.75, 0.5, 0.25, 0])
    np.testing.assert_allclose(schedule.noise, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(schedule.snr[1:], [9, 1, 1 / 9, 0], rtol=1e-5)
    assert schedule.steps == 4


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
@pytest.mark.parametrize("apart", [1, 7])
def test_the_posterior_is_that_of_bayes_rule(schedule, apart):
    """q(x_r|x_t, x₀) ∝ q(x_t|x_r) q(x_r|x₀): multiply the two densities on a grid, and take mean and variance."""
    a, s = np.asarray(schedule.signal, float), np.asarray(schedule.noise, float)
    x0, grid = 0.7, np.linspace(-8, 8, 160_001)
    for t in (apart + 1, schedule.steps // 2, schedule.steps):
        r = t - apart
        alpha = a[t] / a[r]
        beta = s[t] ** 2 - alpha**2 * s[r] ** 2
        x_t = a[t] * x0 + 0.4 * s[t]
        log_density = -((x_t - alpha * grid) ** 2) / (2 * beta) - (grid - a[r] * x0) ** 2 / (2 * s[r] ** 2)
        density = np.exp(log_density - log_density.max())
        mean = np.sum(density * grid) / np.sum(density)
        variance = np.sum(density * (grid - mean) ** 2) / np.sum(density)
        q = schedule.posterior(t, r)
        np.testing.assert_allclose(q.of_x * x_t + q.of_clean * x0, mean, atol=2e-5)
        np.testing.assert_allclose(q.variance, variance, rtol=2e-3)


def test_the_posterior_of_neighbours_is_that_of_the_paper():
    beta = np.linspace(1e-3, 0.2, 30)
    alpha_bar = np.cumprod(1 - beta)
    before = np.append(1.0, alpha_bar[:-1])
    q = from_beta(beta).posterior(np.arange(1, 31), np.arange(30))
    np.testing.assert_allclose(q.variance, beta * (1 - before) / (1 - alpha_bar), rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(q.of_clean, np.sqrt(before) * beta / (1 - alpha_bar), rtol=1e-4)
    np.testing.assert_allclose(q.of_x, np.sqrt(1 - beta) * (1 - before) / (1 - alpha_bar), rtol=1e-4, atol=1e-9)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: linear(0), "steps must be an integer of at least 1, but is 0"),
        (lambda: cosine(-1), "steps must be an integer of at least 1, but is -1"),
        (lambda: straight(2.5), "steps must be an integer of at least 1, but is 2.5"),
        (lambda: linear(last=1.0), "last, a variance β, must lie between 0 and 1, but is 1"),
        (lambda: linear(first=0.0), "first, a variance β, must lie between 0 and 1, but is 0"),
        (lambda: linear(first=float("nan")), "first must be finite"),
        (lambda: linear(first="a"), "first must be a number"),
        (lambda: cosine(offset=-1), "offset must be finite and not negative"),
        (lambda: cosine(largest=1.5), "largest, a variance β, must lie between 0 and 1"),
        (lambda: from_beta([0.1, 1.2]), "beta, a variance β, must lie between 0 and 1, but is 1.2 at index 1"),
        (lambda: from_beta([]), r"beta must have shape \(T,\) with T ≥ 1"),
        (lambda: from_beta([0.1, np.nan]), "beta must be finite, but contains nan at index"),
        (lambda: NoiseSchedule([1.0, 0.5], [0.0]), r"have shapes \(2,\) and \(1,\)"),
        (lambda: NoiseSchedule([0.5, 0.1], [0.0, 1.0]), "signal must fall from 1"),
        (lambda: NoiseSchedule([1.0, 0.1, 0.9], [0.0, 0.5, 0.6]), "must not rise from any time"),
        (lambda: straight(4).at(5), "t must be between 0 and 4, but is 5"),
        (lambda: straight(4).posterior(-1, 0), "t must be between 0 and 4, but is -1"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(InputError, match=message):
        make()
