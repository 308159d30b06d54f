import numpy as np
import pytest

from neuraxis.data import adding_problem
from neuraxis.errors import InputError


@pytest.mark.parametrize("length", [2, 3, 10])
def test_two_marks_one_in_each_half(length):
    x, t = adding_problem(500, length, seed=1)
    marked = [np.argwhere(row).ravel() for row in x[..., 1]]
    assert all(len(places) == 2 and places[0] < length // 2 <= places[1] for places in marked)
    assert len({tuple(places) for places in marked}) == (length // 2) * (length - length // 2)
    np.testing.assert_allclose(t[:, 0], [row[places].sum() for row, places in zip(x[..., 0], marked, strict=True)])


def test_the_error_of_the_best_constant():
    _, t = adding_problem(20_000, 4)
    np.testing.assert_allclose(np.mean((t - 1) ** 2), 1 / 6, rtol=0.03)


def test_the_seed_decides():
    first, again, other = (adding_problem(3, 5, seed=seed)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)
    assert adding_problem(0, 5)[0].shape == (0, 5, 2)


@pytest.mark.parametrize(
    "wrong", [{"count": -1}, {"count": 2.0}, {"length": 1}, {"length": "5"}, {"seed": -1}, {"count": 10**9}]
)
@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        adding_problem(**({"count": 3, "length": 5000} | wrong))
