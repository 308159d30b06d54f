import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.recurrent import ResetAfterGRU

SHAPES = {"weight_ih_l0": (15, 4), "weight_hh_l0": (15, 5), "bias_ih_l0": (15,), "bias_hh_l0": (15,)}
WEIGHTS = {name: np.random.default_rng(0).normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}


def test_pytorchs_weights_come_back_unchanged():
    found = ResetAfterGRU.from_torch(WEIGHTS).to_torch()
    assert found.keys() == WEIGHTS.keys()
    for name, array in WEIGHTS.items():
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"weight_ih_l0": WEIGHTS["weight_ih_l0"]}, "weight_hh_l0"),
        ({}, "contain nothing"),
        (WEIGHTS | {"weight_hh_l0": np.zeros((15, 4))}, r"\(3 hidden, in\)"),
        (WEIGHTS | {"weight_ih_l0": np.zeros((14, 4))}, r"\(3 hidden, in\)"),
        (WEIGHTS | {"bias_hh_l0": np.zeros(5)}, "biases"),
        (WEIGHTS | {"bias_hh_l0": "none"}, "bias_hh_l0"),
        ([1, 2], "weights"),
    ],
)
@pytest.mark.usefixtures("as_user")
def test_other_weights_are_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        ResetAfterGRU.from_torch(wrong)
