import dataclasses

import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.experiment import Session
from neuraxis.experiments import diffusion


@pytest.fixture(scope="module")
def result():
    return diffusion.run(diffusion.QUICK, Session(progress=False))


def test_the_quick_run_shows_the_effect(result):
    """The closed form is met; of images and densities, which take longer, it is seen that they are being learnt."""
    m = result.metrics
    claims = [claim for claim in result.claims if claim.metric.startswith("gaussian")]
    assert len(claims) == 3
    assert all(claim.of_quick().holds(m) for claim in claims)
    assert m["moons_mmd_ratio"] < 5
    assert m["frechet_distance"] < m["ddpm_frechet_distance_1"] / 3
    assert "digits" in result.data


def test_figures(result):
    names = ["points", "optimum", "samples", "reverse", "guidance", "steps", "scores"]
    assert list(diffusion.plot(result)) == names


def test_the_way_ends_at_the_images_that_are_shown(result):
    reverse = result.arrays["reverse"]
    assert (reverse["times"][0], reverse["times"][-1]) == (diffusion.QUICK.times, 0)
    shown = np.clip((reverse["x"][-1] + 1) / 2, 0, 1)
    np.testing.assert_allclose(shown, result.arrays["samples"][: len(shown)], atol=1e-6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 12},
        {"width": 0},
        {"multipliers": ()},
        {"multipliers": (1, 0)},
        {"steps": 0},
        {"times": 1},
        {"sampling_steps": (0,)},
        {"samples": 3},
        {"label_dropout": 1.0},
        {"average": -0.1},
        {"guidance": float("inf")},
        {"point_steps": 0},
        {"learning_rate": 0.0},
        {"batch_size": 0},
    ],
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        dataclasses.replace(diffusion.QUICK, **wrong)
