from dataclasses import dataclass, fields

import numpy as np

from neuraxis import data
from neuraxis.app.lab import handwriting, handwritten
from neuraxis.app.lab.controls import Drawing, control_of

THREE = "019ea1000388ab000005de10000ae2000004e2000000b90000349f1000cfe900"  # test image 8


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    digit: str = handwriting(THREE)
    """Digit."""


def _drawn(image):
    return "".join("0123456789abcdef"[level] for level in np.asarray(image).ravel())


def test_the_default_is_a_digit_of_the_data_set():
    each = fields(Controls)[0]
    assert control_of(each) == Drawing("", False, 16, 16)
    digit = data.load("digits").scaled().test_x[8]
    assert np.abs(handwritten(Controls().digit) - digit).mean() < 0.1
    assert np.corrcoef(handwritten(Controls().digit).ravel(), digit.ravel())[0, 1] > 0.9


def test_place_and_size_make_no_difference():
    small = np.zeros((16, 16), int)
    small[3:9, 2:4], small[7:9, 2:6] = 15, 15  # an L
    moved = np.roll(small, (5, 7), (0, 1))
    twice = np.zeros((16, 16), int)
    twice[2:14, 3:7], twice[10:14, 3:11] = 15, 15
    seen = handwritten(_drawn(small))
    np.testing.assert_allclose(handwritten(_drawn(moved)), seen, atol=1e-6)
    np.testing.assert_allclose(handwritten(_drawn(twice)), seen, atol=0.35)  # but for the softness of edges
    assert seen.max() == 1
    assert (seen.max(axis=1) > 0.5).all()


def test_nothing_drawn_is_black():
    np.testing.assert_array_equal(handwritten("0" * 256), np.zeros((8, 8)))
