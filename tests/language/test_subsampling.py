import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.language.subsampling import keep_probability


def test_is_the_formula():
    counts = np.array([900_000, 99_000, 990, 10])
    f, t = counts / counts.sum(), 1e-3
    expected = [min(1, np.sqrt(t / x) + t / x) for x in f]
    np.testing.assert_allclose(keep_probability(counts, t), expected)
    assert list(keep_probability(counts, t)[2:]) == [1, 1]


def test_0_keeps_all():
    assert list(keep_probability(np.array([5, 1]), 0.0)) == [1, 1]


@pytest.mark.parametrize(("counts", "sample"), [([1, 0], 1e-3), ([3], -1.0), ([3], float("nan")), (["a"], 1e-3)])
def test_bad_input(as_user, counts, sample):
    with pytest.raises(InputError):
        keep_probability(counts, sample)
