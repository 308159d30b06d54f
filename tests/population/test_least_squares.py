import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.population import Ensemble, solve_decoders

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 2)).astype(np.float32)


def activities(points, neurons):
    return RNG.uniform(0, 300, (points, neurons)).astype(np.float32)


def reference(H, targets, noise):
    """By the singular values of [H; σ√D I], which squares no condition number."""
    H, targets = H.astype(float), targets.astype(float)
    sigma = noise * np.abs(H).max()
    more = sigma * np.sqrt(len(H)) * np.eye(H.shape[1])
    return np.linalg.lstsq(np.vstack([H, more]), np.vstack([targets, np.zeros((H.shape[1], 2))]), rcond=None)[0]


@pytest.mark.parametrize("neurons", [1, 7, 90])
@pytest.mark.parametrize("noise", [0.02, 0.1, 1.0])
def test_decoders_solve_the_regularised_problem(neurons, noise):
    H = activities(60, neurons)
    wanted = reference(H, X, noise)
    np.testing.assert_allclose(solve_decoders(H, X, noise), wanted, rtol=1e-5, atol=1e-5 * np.abs(wanted).max())


def test_decoders_of_an_ensemble_are_within_1e_5_in_single_precision():
    """Its activities are so alike that HᵀH has a condition of 1e5."""
    ensemble = Ensemble(300, 2, key=jax.random.key(0))
    points = RNG.uniform(-0.7, 0.7, (900, 2)).astype(np.float32)
    H = np.asarray(ensemble.rates(points))
    wanted = reference(H, points, 0.02)
    error = np.linalg.norm(solve_decoders(H, points, 0.02) - wanted) / np.linalg.norm(wanted)
    assert error < 1e-5


def test_decoders_are_the_best_under_noise():
    """The expected error, measured with drawn noise, is lowest at the solution, whatever direction one leaves it in."""
    H, targets = activities(60, 8).astype(float), X.astype(float)
    best = np.asarray(solve_decoders(H, targets, 0.2), float)
    noise = 0.2 * H.max() * RNG.normal(size=(4000, 60, 8))

    def expected(d):
        return np.mean(np.sum((np.einsum("kpn,no->kpo", H + noise, d) - targets) ** 2, axis=(1, 2)))

    least = expected(best)
    closed = np.sum((H @ best - targets) ** 2) + (0.2 * H.max()) ** 2 * 60 * np.sum(best**2)
    np.testing.assert_allclose(least, closed, rtol=0.02)
    for scale in (0.8, 1.25):
        assert expected(scale * best) > least


def test_without_noise_targets_in_the_span_are_hit():
    H = activities(60, 5)
    d = RNG.normal(size=(5, 2)).astype(np.float32)
    np.testing.assert_allclose(solve_decoders(H, H @ d, 0.0), d, rtol=1e-4, atol=1e-5)


def test_decoders_can_be_traced_and_differentiated():
    H, noise = activities(60, 5), jnp.asarray(0.1)
    solve = lambda noise: jnp.sum(solve_decoders(H, X, noise) ** 2)
    step = 1e-2
    slope = (solve(noise + step) - solve(noise - step)) / (2 * step)
    np.testing.assert_allclose(jax.jit(jax.grad(solve))(noise), slope, rtol=0.02)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("H", "targets", "noise", "message"),
    [
        (
            np.ones((4, 2)),
            np.ones((4, 1)),
            0.0,
            "noise must be larger than 0: without it float32 does not determine",
        ),
        (np.zeros((4, 2)), np.ones((4, 1)), 0.1, "some of the 2 neurons are silent"),
        (np.ones((2, 3)), np.ones((2, 1)), 0.0, "some of the 3 neurons are .* or the 2 points are too few"),
        (np.ones(4), np.ones((4, 1)), 0.1, r"activities must have shape \(points, neurons\), but has shape \(4,\)"),
        (np.ones((4, 2)), np.ones(4), 0.1, r"targets must have shape \(points, out\), but has shape \(4,\)"),
        (np.ones((4, 2)), np.ones((3, 1)), 0.1, "the data must agree along their first axis"),
        (np.ones((0, 2)), np.ones((0, 1)), 0.1, "activities must have shape"),
        (np.full((4, 2), np.nan), np.ones((4, 1)), 0.1, "activities must be finite"),
        (np.ones((4, 2)), np.full((4, 1), np.inf), 0.1, "targets must be finite"),
        (np.ones((4, 2)), np.ones((4, 1)), -0.1, "noise must be finite and not negative, but is -0.1"),
        (np.ones((4, 2)), np.ones((4, 1)), [0.1, 0.2], "noise must be one number"),
        (np.ones((4, 2)) * 1j, np.ones((4, 1)), 0.1, "activities must contain real numbers"),
        ("H", np.ones((4, 1)), 0.1, "activities must be a"),
    ],
)
def test_bad_input_is_refused(H, targets, noise, message):
    with pytest.raises(InputError, match=message):
        solve_decoders(H, targets, noise)
