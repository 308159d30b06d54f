import equinox as eqx
import jax
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.functions.augmentation import augment
from neuraxis.layers import Augmentation

KEY = jax.random.key(0)
images = np.random.default_rng(0).random((3, 8, 8, 1)).astype(np.float32)
layer = Augmentation(shift=2, rotation=10.0, noise=0.1)


def test_augments_in_training_and_not_in_inference():
    np.testing.assert_array_equal(layer(images, key=KEY), augment(KEY, images, shift=2, rotation=10.0, noise=0.1))
    np.testing.assert_array_equal(eqx.nn.inference_mode(layer)(images), images)


@pytest.mark.usefixtures("as_user")
def test_bad_input():
    with pytest.raises(InputError, match="scale must lie in"):
        Augmentation(scale=1.5)
    with pytest.raises(InputError, match="sigma must be positive"):
        Augmentation(sigma=0.0)
    with pytest.raises(InputError, match="needs a key"):
        layer(images)
    with pytest.raises(InputError, match="channels"):
        layer(images[..., 0], key=KEY)
