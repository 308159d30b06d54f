import dataclasses

import jax
import numpy as np
import pytest

from neuraxis import plots
from neuraxis.errors import InputError
from neuraxis.experiment import Session
from neuraxis.experiments import gan
from neuraxis.experiments.gan.images import stack

SETTINGS = gan.QUICK  # on the digits, which are always at hand


@pytest.fixture(scope="module")
def result():
    return gan.run(SETTINGS, Session(progress=False))


def test_the_plain_game_drops_modes_and_the_other_keeps_them(result):
    m = result.metrics
    for name, count in (("ring", 8), ("grid", 9)):
        assert m[f"{name}_modes_covered"] == count > m[f"{name}_plain_modes_covered"]
        assert m[f"{name}_share_near_modes"] > 0.7  # 0.9 takes more steps


def test_images_are_of_all_classes(result):
    assert result.metrics["classes"] == 10
    assert result.metrics["confidence"] > 0.7
    assert result.model.sample(2, key=jax.random.key(0)).shape == (2, 8, 8, 1)
    assert "digits" in result.data


def test_figures(result):
    with plots.style():
        figures = gan.plot(result)
    assert list(figures) == ["modes", "frames", "images", "scores"]
    assert len(figures["frames"].axes) == 4 * SETTINGS.frames
    assert "of 8 modes" in figures["modes"].axes[1].get_title(loc="left")


def test_stacked_images_are_three_of_the_given():
    images = np.arange(5.0, dtype=np.float32)[:, None, None] * np.ones((5, 2, 2), np.float32)
    x = stack(images, 400, 0)
    assert x.shape == (400, 2, 2, 3)
    assert (x == x[:, :1, :1]).all()  # each colour is one image
    assert len({tuple(row) for row in x[:, 0, 0]}) > 100  # of 125
    np.testing.assert_array_equal(x, stack(images, 400, 0))


@pytest.mark.parametrize(
    "wrong",
    [
        {"ring": 1},
        {"side": 1},
        {"steps": 0},
        {"frames": 0},
        {"frames": 3000},
        {"batch_size": 0},
        {"hidden_sizes": ()},
        {"hidden_sizes": (8, 0)},
        {"channels": (4, -1)},
        {"latent_size": 0},
        {"learning_rate": 0.0},
        {"penalty": -1.0},
        {"image_steps": 0},
        {"training_images": 10},
    ],
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        dataclasses.replace(SETTINGS, **wrong)


def test_images_that_cannot_be_halved_so_often_are_refused_before_anything_is_trained():
    with pytest.raises(InputError, match="channels must name so few layers that images of 8×8"):
        gan.run(dataclasses.replace(SETTINGS, channels=(4, 4, 4, 4)), Session(progress=False))
