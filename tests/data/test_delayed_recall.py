import numpy as np
import pytest

from neuraxis.data import delayed_recall
from neuraxis.errors import InputError


def test_a_symbol_nothing_and_a_cue():
    x, t = delayed_recall(200, 3, symbols=4, seed=1)
    assert x.shape == (200, 5, 5)
    assert set(t) == {0, 1, 2, 3}
    np.testing.assert_array_equal(x[:, 0], np.eye(5)[t])
    assert not x[:, 1:4].any()
    np.testing.assert_array_equal(x[:, 4], np.tile(np.eye(5)[4], (200, 1)))


def test_noise_between_symbol_and_cue():
    x, t = delayed_recall(2000, 3, symbols=4, noise=0.5, seed=1)
    np.testing.assert_array_equal(x[:, 0], np.eye(5)[t])
    np.testing.assert_array_equal(x[:, 4], np.tile(np.eye(5)[4], (2000, 1)))
    np.testing.assert_allclose([x[:, 1:4].mean(), x[:, 1:4].std()], [0.0, 0.5], atol=0.01)


def test_the_shortest_and_the_seed():
    x, t = delayed_recall(5, 0, symbols=1)
    np.testing.assert_array_equal(x[0], np.eye(2))
    assert not t.any()
    first, again, other = (delayed_recall(30, 2, seed=seed)[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)
    assert delayed_recall(0, 2)[0].shape == (0, 4, 9)


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": -1},
        {"delay": -1},
        {"delay": 1.5},
        {"symbols": 0},
        {"symbols": "ab"},
        {"noise": -1.0},
        {"noise": [1.0, 2.0]},
        {"seed": -1},
    ],
)
@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        delayed_recall(**({"count": 3, "delay": 5} | wrong))
