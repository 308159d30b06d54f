import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from neuraxis.errors import InputError
from neuraxis.spiking import latency_code, rate_code

KEY = jax.random.key(0)
BRIGHTNESS = st.floats(0, 1, width=32, allow_subnormal=False)


def test_the_rate_is_the_brightness():
    images = jnp.asarray([[0.0, 0.1, 0.5], [0.9, 0.99, 1.0]])
    spikes = np.asarray(rate_code(images, 4000, key=KEY))
    assert set(np.unique(spikes)) == {0, 1}
    low, high = binom.interval(1 - 1e-6, 4000, np.asarray(images))
    assert np.all((spikes.sum(0) >= low) & (spikes.sum(0) <= high))


def test_spikes_of_a_rate_code_are_independent():
    spikes = np.asarray(rate_code(jnp.full(2, 0.5), 4000, key=KEY)).T
    assert abs(np.corrcoef(spikes)[0, 1]) < 0.06
    assert abs(np.corrcoef(spikes[0, 1:], spikes[0, :-1])[0, 1]) < 0.06
    np.testing.assert_array_equal(rate_code(jnp.full(2, 0.5), 9, key=KEY), rate_code(jnp.full(2, 0.5), 9, key=KEY))


@settings(max_examples=30, deadline=None)
@given(  # of few shapes, as each is compiled anew
    st.sampled_from([1, 3, 8]).flatmap(lambda pixels: st.lists(BRIGHTNESS, min_size=pixels, max_size=pixels)),
    st.sampled_from([1, 2, 7, 40]),
)
def test_every_pixel_fires_once_and_brighter_ones_earlier(brightness, steps):
    images = np.array(brightness, np.float32)
    spikes = np.asarray(latency_code(images, steps))
    np.testing.assert_array_equal(spikes.sum(0), images > 0)
    when = np.argmax(spikes, axis=0)[images > 0]
    order = np.argsort(-images[images > 0], kind="stable")
    assert np.all(np.diff(when[order]) >= 0)
    np.testing.assert_allclose(when, (1 - images[images > 0]) * (steps - 1), atol=0.501)


def test_axes_before_the_pixels_are_kept():
    images = jnp.full((2, 3, 4), 0.5)
    assert latency_code(images, 7).shape == rate_code(images, 7, key=KEY).shape == (7, 2, 3, 4)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize("code", [rate_code, latency_code])
def test_bad_input_is_refused(code):
    for wrong in ([0.5, 1.5], [-0.1, 0.2]):
        with pytest.raises(InputError, match=r"the brightness of images must lie in \[0, 1\], but ranges from"):
            code(jnp.asarray(wrong), 5, key=KEY)
    with pytest.raises(InputError, match=r"images must be finite, but contains nan at index \(1,\)"):
        code(jnp.asarray([0.5, np.nan]), 5, key=KEY)
    for steps in (0, -1, 2.5):
        with pytest.raises(InputError, match="steps must be an integer of at least 1"):
            code(jnp.asarray([0.5]), steps, key=KEY)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize("code", [rate_code, latency_code])
def test_bytes_are_refused_and_truth_values_taken(code):
    with pytest.raises(InputError, match="ranges from 0 to 255; divide bytes by 255"):
        code(np.array([0, 255], np.uint8), 5, key=KEY)
    with pytest.raises(InputError, match=r"images must be floats in compiled code, .* dtype uint8"):
        jax.jit(lambda images: code(images, 5, key=KEY))(np.array([0, 1], np.uint8))
    spikes = code(np.array([False, True]), 5, key=KEY)
    assert spikes.dtype == jnp.float32
    np.testing.assert_array_equal(spikes.sum(0), [0, 5 if code is rate_code else 1])
    with pytest.raises(InputError, match="steps must be smaller: an array of shape"):
        code(np.array([0.5]), 2**40, key=KEY)


@pytest.mark.parametrize("code", [rate_code, latency_code])
def test_compiled_code_makes_nan_of_what_it_cannot_refuse(code):
    images = jnp.asarray([0.0, 0.5, 1.0, 1.5, -0.1, np.nan])
    spikes = jax.jit(lambda images: code(images, 5, key=KEY))(images)
    np.testing.assert_array_equal(np.isnan(spikes), np.broadcast_to([False, False, False, True, True, True], (5, 6)))


@pytest.mark.usefixtures("as_user")
def test_a_rate_code_needs_a_key():
    with pytest.raises(InputError, match="needs a key=, but received None"):
        rate_code(jnp.asarray([0.5]), 5, key=None)
