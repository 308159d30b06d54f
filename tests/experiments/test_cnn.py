import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.experiments import cnn


@pytest.mark.slow
def test_quick_run():
    result = cnn.run(cnn.QUICK)
    assert [claim.metric for claim in result.claims if not claim.of_quick().holds(result.metrics)] == []
    figures = cnn.plot(result)
    assert set(figures) == {"learning", "kernels", "maps", "shifts", "continuous"}


def test_shift_brings_black_in():
    x = np.arange(1.0, 13).reshape(1, 3, 4, 1)
    labels = np.zeros(1, int)
    right, left = (cnn._shift((x, labels), s)[0][0, ..., 0] for s in (1, -2))
    np.testing.assert_array_equal(right, [[0, 1, 2, 3], [0, 5, 6, 7], [0, 9, 10, 11]])
    np.testing.assert_array_equal(left, [[3, 4, 0, 0], [7, 8, 0, 0], [11, 12, 0, 0]])


@pytest.mark.slow
def test_shifts_that_leave_nothing_to_measure():
    for shifts in ((), (30,)):
        with pytest.raises(InputError, match="shifts"):
            cnn.run(cnn.Settings(data="digits", shifts=shifts))
