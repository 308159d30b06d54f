import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.experiments import losses


@pytest.fixture(scope="module")
def result():
    return losses.run(losses.QUICK)


def test_all_claims_hold_in_the_quick_run(result):
    assert [claim for claim in result.claims if not claim.of_quick().holds(result.metrics)] == []


def test_the_mismatched_gradient_vanishes_at_both_ends(result):
    mismatched, matching = result.arrays["mismatched"], result.arrays["matching"]
    assert np.abs(mismatched[[0, -1]]).max() < 1e-3 < 0.1 < np.abs(mismatched).max()
    np.testing.assert_allclose(matching, 1 / (1 + np.exp(-result.arrays["z"])) - 1, atol=1e-6)


def test_figures_are_drawn(result):
    figures = losses.plot(result)
    assert set(figures) == {"losses", "gradients"}
    assert all(figure.axes for figure in figures.values())


@pytest.mark.parametrize(
    "wrong", [{"examples": 0}, {"outputs": 1}, {"seed": -1}, {"spread": -1.0}, {"spread": 0.0}, {"reach": np.inf}]
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        losses.Settings(**wrong)
