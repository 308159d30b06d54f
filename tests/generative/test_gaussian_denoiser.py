import jax
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.generative import Diffusion, GaussianDenoiser, Noise, V, Velocity, cosine, straight

MEAN, COVARIANCE = np.array([0.5, -1.0]), np.array([[1.0, 0.6], [0.6, 0.5]])


def test_is_the_conditional_mean():
    """x₀ and x_t are normal together: condition their joint distribution, of four numbers, on x_t."""
    diffusion = Diffusion(cosine(20), Noise())
    a, s = (float(level) for level in diffusion.schedule.at(8))
    joint = np.block([[np.eye(2), s * np.eye(2)], [s * np.eye(2), a * a * COVARIANCE + s * s * np.eye(2)]])  # ε and x_t
    x = np.array([1.2, 0.1])
    expected = joint[:2, 2:] @ np.linalg.inv(joint[2:, 2:]) @ (x - a * MEAN)
    np.testing.assert_allclose(GaussianDenoiser(MEAN, COVARIANCE, diffusion)(x, 0.4), expected, rtol=1e-4)


@pytest.mark.parametrize(("schedule", "what"), [(cosine(20), V()), (straight(20), Velocity())])
def test_no_shift_of_its_output_lowers_the_loss(schedule, what):
    diffusion = Diffusion(schedule, what)
    best = GaussianDenoiser(MEAN, COVARIANCE, diffusion)
    x = np.random.default_rng(0).multivariate_normal(MEAN, COVARIANCE, 20_000).astype(np.float32)

    def loss(network):
        return float(np.mean(diffusion.loss(network, x, key=jax.random.key(0))))

    assert loss(best) < min(
        loss(lambda x, time, label, key: best(x, time) + 0.05),
        loss(lambda x, time, label, key: best(x, time) * 0.95),
        loss(lambda x, time, label, key: best(x, time) * 1.05),
    )


@pytest.mark.usefixtures("as_user")
def test_bad_input():
    diffusion = Diffusion(cosine(20))
    with pytest.raises(InputError, match=r"have shapes \(2,\) and \(3, 3\)"):
        GaussianDenoiser(MEAN, np.eye(3), diffusion)
    with pytest.raises(InputError, match="covariance must be symmetric and positive definite"):
        GaussianDenoiser(MEAN, -COVARIANCE, diffusion)
    with pytest.raises(InputError, match=r"x must have shape \(…, 2\)"):
        GaussianDenoiser(MEAN, COVARIANCE, diffusion)(np.ones(3), 0.5)
