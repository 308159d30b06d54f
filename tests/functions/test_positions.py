import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.functions import rotate, sinusoidal_encoding

random = np.random.default_rng(0)


@pytest.mark.parametrize("size", [6, 5])
def test_sinusoidal_encoding_is_that_of_the_paper(size):
    encoding = sinusoidal_encoding(np.arange(50), size)
    for i in (0, 1, 7, 49):
        for column in range(size):
            angle = i / 10_000 ** ((column - column % 2) / size)
            expected = np.cos(angle) if column % 2 else np.sin(angle)
            assert encoding[i, column] == pytest.approx(expected, abs=1e-5)


def test_a_rotation_turns_each_pair_as_complex_numbers():
    x = random.normal(size=(5, 6)).astype(np.float32)
    turned = np.asarray(rotate(x, np.arange(5)))
    angles = np.arange(5)[:, None] / 10_000 ** (np.arange(3) * 2 / 6)
    expected = (x[:, :3] + 1j * x[:, 3:]) * np.exp(1j * angles)
    np.testing.assert_allclose(turned[:, :3] + 1j * turned[:, 3:], expected, atol=1e-5)


def test_products_depend_on_the_distance_alone():
    q, k = random.normal(size=(2, 1, 8)).astype(np.float32)
    near, far = (float((rotate(q, np.array([i + 3])) * rotate(k, np.array([i]))).sum()) for i in (2, 90))
    assert near == pytest.approx(far, abs=1e-4)


def test_bad_input_is_refused(as_user):
    with pytest.raises(InputError, match="even d"):
        rotate(np.zeros((4, 3)), np.arange(4))
    with pytest.raises(InputError, match="positions must broadcast"):
        rotate(np.zeros((4, 2)), np.arange(5))
    with pytest.raises(InputError, match="base must be positive"):
        rotate(np.zeros((4, 2)), np.arange(4), base=-1.0)
    with pytest.raises(InputError, match="size must be an integer"):
        sinusoidal_encoding(np.arange(4), 0)
    with pytest.raises(InputError, match="positions must be an array"):
        sinusoidal_encoding("first", 4)


def test_no_position():
    assert sinusoidal_encoding(np.zeros(0, int), 5).shape == (0, 5)
