import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads
from scipy import ndimage

from neuraxis.errors import InputError
from neuraxis.functions.augmentation import add_noise, affine, augment, elastic, smooth, warp

KEY = jax.random.key(0)
random = np.random.default_rng(0)
images = random.random((4, 9, 12, 2)).astype(np.float32)
image = images[0, ..., 0]
EVERYTHING = {"shift": 1.5, "rotation": 20.0, "scale": 0.2, "alpha": 8.0, "sigma": 2.0, "noise": 0.1, "flip": 0.5}
smoothed = jax.jit(smooth)
everything = jax.jit(lambda key, images: augment(key, images, **EVERYTHING))


@jax.jit
def moved(**how):
    """The image, warped by an affine map."""
    return warp(image[..., None], affine(9, 12, **how))[..., 0]


@pytest.mark.parametrize("spread", [0.6, 4.0, 50.0])  # the last ones reach far outside
def test_warp_is_scipys_linear_interpolation(spread):
    displacement = random.normal(0, spread, (4, 9, 12, 2)).astype(np.float32)
    ours = warp(images, displacement)
    pixels = np.stack(np.meshgrid(np.arange(9), np.arange(12), indexing="ij"))
    for i in range(4):
        places = pixels + np.moveaxis(displacement[i], -1, 0)
        for channel in range(2):
            expected = ndimage.map_coordinates(images[i, ..., channel], places, order=1, mode="grid-constant")
            np.testing.assert_allclose(ours[i, ..., channel], expected, atol=5e-6)


def test_warp_broadcasts_the_displacement_and_survives_what_is_not_finite():
    shift = affine(9, 12, shift=(1.0, 0.0))
    np.testing.assert_array_equal(warp(images, shift)[2], warp(images[2], shift))
    np.testing.assert_array_equal(warp(images, jnp.full((9, 12, 2), jnp.inf)), np.zeros_like(images))


def test_gradients_of_warp_agree_with_finite_differences():
    with jax.enable_x64(True):
        x = random.random((3, 4, 1))
        displacement = random.uniform(-1.4, 1.4, (3, 4, 2))
        check_grads(warp, (x, displacement), 1, modes=["rev"], eps=1e-6)


@given(down=st.floats(-5, 5, width=32), right=st.floats(-5, 5, width=32))
@settings(max_examples=15, deadline=None)
def test_shift_is_scipys(down, right):
    expected = ndimage.shift(image, (down, right), order=1, mode="grid-constant")
    np.testing.assert_allclose(moved(shift=np.float32([down, right])), expected, atol=1e-5)


def test_shift_by_whole_pixels_moves_them():
    np.testing.assert_array_equal(moved(shift=np.float32([2, -3]))[2:, :-3], image[:-2, 3:])


@pytest.mark.parametrize("angle", [-130.0, 7.0, 60.0])
def test_rotation_is_scipys(angle):
    expected = ndimage.rotate(image, angle, reshape=False, order=1, mode="grid-constant")
    np.testing.assert_allclose(moved(angle=angle), expected, atol=1e-5)


def test_a_right_angle_turns_counter_clockwise():
    square = image[:, :9]
    turned = warp(square[..., None], affine(9, 9, angle=90))[..., 0]
    np.testing.assert_allclose(turned, np.rot90(square), atol=1e-5)


@pytest.mark.parametrize("factor", [0.6, 1.7])
def test_scaling_is_scipys_about_the_centre(factor):
    centre = np.array([4.0, 5.5])
    expected = ndimage.affine_transform(
        image, np.eye(2) / factor, centre - centre / factor, order=1, mode="grid-constant"
    )
    np.testing.assert_allclose(moved(factor=factor), expected, atol=1e-5)


def test_shift_comes_after_rotation_and_scaling():
    together = affine(9, 12, shift=(1.0, 2.0), angle=30.0, factor=0.8)
    turned = warp(image[..., None], affine(9, 12, angle=30.0, factor=0.8))
    in_turn = warp(turned, affine(9, 12, shift=(1.0, 2.0)))[..., 0]
    np.testing.assert_allclose(warp(image[..., None], together)[1:, 2:, 0], in_turn[1:, 2:], atol=1e-5)


def test_affine_gives_each_image_its_own():
    angles = jnp.array([[0.0, 10.0], [20.0, 30.0]])
    field = affine(9, 12, angle=angles)
    assert field.shape == (2, 2, 9, 12, 2)
    np.testing.assert_allclose(field[1, 0], affine(9, 12, angle=20.0), atol=1e-6)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.7, 20.0])
def test_smooth_is_scipys_gaussian_filter(sigma):
    field = random.normal(size=(3, 9, 12)).astype(np.float32)
    expected = [ndimage.gaussian_filter(each, sigma, mode="constant") for each in field]
    np.testing.assert_allclose(smooth(field, sigma), expected, atol=1e-6)


def test_elastic_displacement_has_the_stated_size_and_smoothness():
    field = np.asarray(elastic(KEY, (30, 50, 50), alpha=34.0, sigma=4.0))[:, 12:-12, 12:-12]
    # 60 components, each of about (26/(4 √π))² independent patches, so within 3 % of the standard deviation.
    assert np.std(field) == pytest.approx(34 / (np.sqrt(12 * np.pi) * 4), rel=0.1)
    assert np.mean(field) == pytest.approx(0, abs=0.1)
    neighbours = np.corrcoef(field[:, 1:].ravel(), field[:, :-1].ravel())[0, 1]
    assert neighbours == pytest.approx(np.exp(-1 / (4 * 4**2)), abs=0.003)


def test_noise_has_its_deviation_and_no_mean():
    black = jnp.zeros((100, 100, 1))
    noisy = add_noise(KEY, black, 0.5)
    # Of 10 000 numbers: standard errors of 0.0035 and 0.005.
    assert float(jnp.std(noisy)) == pytest.approx(0.5, abs=0.015)
    assert float(jnp.mean(noisy)) == pytest.approx(0, abs=0.02)


@pytest.mark.usefixtures("as_user")
def test_warp_interpolates_integers_as_numbers():
    turned = affine(9, 12, angle=10.0)
    grey = random.integers(0, 256, (9, 12, 1))
    expected = warp(grey.astype(np.float32), turned)
    for dtype in (np.uint8, np.int32):
        np.testing.assert_allclose(warp(grey.astype(dtype), turned), expected, rtol=1e-6)
    half = np.asarray(warp(grey.astype(np.float16), turned.astype(np.float16)), float)
    np.testing.assert_allclose(half, expected, atol=3)  # of 255: places to 1/256 of a pixel


def test_flip_mirrors_that_share_of_the_images():
    many = jnp.asarray(images[:1] * np.ones((400, 1, 1, 1), np.float32))
    flipped = np.asarray(augment(KEY, many, flip=0.3))
    mirrored = (flipped == images[0, :, ::-1]).all((1, 2, 3))
    assert ((flipped == images[0]).all((1, 2, 3)) ^ mirrored).all()
    assert np.mean(mirrored) == pytest.approx(0.3, abs=0.07)  # three standard errors
    np.testing.assert_array_equal(augment(KEY, images, flip=1), images[:, :, ::-1])


def test_a_batch_without_images():
    none = images[:0]
    assert augment(KEY, none, **EVERYTHING).shape == none.shape
    assert warp(none, jnp.zeros((9, 12, 2))).shape == none.shape


@pytest.mark.parametrize("sigma", [0.4, 15.9, 16.2, 60.0])
def test_the_width_of_the_gaussian_is_a_value(sigma):
    """The sum over the cut Gaussian is SciPy's on both sides of where it is taken by an integral, and for any σ."""
    field = random.normal(size=(9, 12)).astype(np.float32)
    expected = ndimage.gaussian_filter(field.astype(float), sigma, mode="constant")
    np.testing.assert_allclose(smoothed(field, sigma), expected, rtol=1e-5, atol=1e-6)


def test_without_amounts_nothing_changes():
    np.testing.assert_array_equal(augment(KEY, images), images)
    np.testing.assert_array_equal(warp(images, jnp.zeros((9, 12, 2))), images)


@pytest.mark.parametrize("name", ["shift", "rotation", "scale", "alpha", "noise"])
def test_each_amount_changes_every_image_in_its_own_way(name):
    twice = jnp.stack([images[0]] * 2)
    changed = augment(KEY, twice, **{name: EVERYTHING[name]})
    assert float(jnp.abs(changed - twice).max(axis=(1, 2, 3)).min()) > 0.02
    assert float(jnp.abs(changed[0] - changed[1]).max()) > 0.005
    if name != "noise":
        assert 0 <= float(changed.min()) < float(changed.max()) <= 1


def test_jit_vmap_and_the_key():
    once = everything(KEY, images)
    np.testing.assert_array_equal(once, everything(KEY, images))
    assert float(jnp.abs(once - everything(jax.random.key(1), images)).max()) > 0.1
    keys = jax.random.split(KEY, 4)
    each = jnp.stack([everything(key, x) for key, x in zip(keys, images, strict=True)])
    np.testing.assert_allclose(jax.vmap(everything)(keys, images), each, atol=1e-5)
    assert everything(KEY, images.reshape(2, 2, 9, 12, 2)).shape == (2, 2, 9, 12, 2)


def test_keeps_the_precision_of_the_images():
    def dtype(of):
        return jax.eval_shape(everything, KEY, images.astype(of)).dtype

    assert dtype(np.float16) == np.float16
    with jax.enable_x64(True):
        assert dtype(np.float32) == np.float32
        assert dtype(np.float64) == np.float64


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("amounts", "message"),
    [
        ({"shift": -1}, "shift must be finite and not negative, but is -1"),
        ({"rotation": float("nan")}, "rotation must be finite"),
        ({"scale": 1.0}, r"scale must lie in \[0, 1\), but is 1.0"),
        ({"alpha": -1.0}, "alpha must be finite and not negative"),
        ({"sigma": 0}, "sigma must be positive and finite, but is 0"),
        ({"noise": -0.1}, "noise must be finite and not negative"),
        ({"noise": "much"}, "noise must be a number, but is 'much'"),
        ({"noise": True}, "noise must be a number, but is True"),
        ({"shift": [1, 2]}, r"shift must be one number, but is \[1, 2\]"),
        ({"alpha": np.ones(4)}, "alpha must be one number, but is"),
        ({"flip": 1.5}, "flip must be a probability from 0 to 1, but is 1.5"),
    ],
)
def test_amounts_out_of_range(amounts, message):
    with pytest.raises(InputError, match=message):
        augment(KEY, images, **amounts)


@pytest.mark.usefixtures("as_user")
def test_what_is_no_image():
    with pytest.raises(InputError, match=r"at most 4 channels, but have shape \(100, 28, 28\); images\[\.\.\., None\]"):
        augment(KEY, np.zeros((100, 28, 28)))
    with pytest.raises(InputError, match=r"images must have shape \(…, height, width, channel\)"):
        augment(KEY, np.zeros((28, 3)))
    with pytest.raises(InputError, match=r"images must be floats from 0 to 1 .* have dtype uint8"):
        augment(KEY, np.zeros((28, 28, 1), np.uint8))
    with pytest.raises(InputError, match=r"images must be between 0 and 1 .* range from 0 to 255"):
        augment(KEY, np.array([[[0.0], [255.0]]]))
    with pytest.raises(InputError, match="images must contain real numbers, but has dtype complex64"):
        augment(KEY, images * 1j)
    with pytest.raises(InputError, match=r"key must be one random key, such as .* but is 0"):
        augment(0, images)
    with pytest.raises(InputError, match="images must be between 0 and 1"):
        augment(KEY, np.full((2, 2, 1), np.nan))


@pytest.mark.usefixtures("as_user")
def test_bad_displacements():
    with pytest.raises(InputError, match=r"displacement must have shape \(4, 9, 12, 2\) .* has shape \(9, 11, 2\)"):
        warp(images, jnp.zeros((9, 11, 2)))
    with pytest.raises(InputError, match=r"displacement must .* has shape \(5, 9, 12, 2\)"):
        warp(images, jnp.zeros((5, 9, 12, 2)))
    with pytest.raises(InputError, match="images must have shape"):
        warp(image, jnp.zeros((9, 12, 2)))
    with pytest.raises(InputError, match="factor must be positive and finite, but is 0"):
        affine(9, 12, factor=0)
    with pytest.raises(InputError, match=r"shift must have shape \(…, 2\)"):
        affine(9, 12, shift=(1.0,))
    with pytest.raises(InputError, match=r"broadcast with each other, but have shapes angle \(2,\), factor \(3,\)"):
        affine(9, 12, angle=np.ones(2), factor=np.ones(3))
    with pytest.raises(
        InputError, match=r"height and width must be smaller: an array of shape .* take about .* [GTP]iB"
    ):
        affine(10**9, 10**9)
    with pytest.raises(InputError, match="displacement must contain real numbers"):
        warp(images, np.ones((9, 12, 2)) * 1j)
    with pytest.raises(InputError, match="deviation must broadcast"):
        add_noise(KEY, images, np.ones(3))
    with pytest.raises(InputError, match="angle must be finite"):
        affine(9, 12, angle=np.inf)
    with pytest.raises(InputError, match=r"shape must be \(…, height, width\), but is \(3,\)"):
        elastic(KEY, (3,), alpha=1.0)
    with pytest.raises(InputError, match="alpha must be finite and not negative"):
        elastic(KEY, (3, 3), alpha=-1.0)
    with pytest.raises(InputError, match="field must have shape"):
        smooth(np.zeros(3), 1.0)
