import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.experiments import activations


@pytest.fixture(scope="module")
def result():
    return activations.run(activations.QUICK)


def test_all_claims_hold_in_the_quick_run(result):
    assert [claim for claim in result.claims if not claim.of_quick().holds(result.metrics)] == []


def test_every_activation_function_is_drawn(result):
    curves = result.arrays["curves"]
    assert len(curves) == 13
    z = result.arrays["z"]
    np.testing.assert_allclose(curves["softmax"][0], np.exp(z) / (np.exp(z) + 1 + np.e), rtol=1e-5)
    np.testing.assert_allclose(curves["argmax"][0], np.where(z >= 1, z, 0), rtol=1e-6)
    (figure,) = activations.plot(result).values()
    assert [axes.get_title() for axes in figure.axes] == list(curves)


def test_jumps_are_not_drawn_as_slopes(result):
    figure = activations.plot(result)["functions"]
    threshold = next(axes for axes in figure.axes if axes.get_title() == "threshold")
    assert np.isnan(threshold.lines[0].get_ydata()).sum() == 1


@pytest.mark.parametrize("wrong", [{"reach": 0.0}, {"reach": np.nan}, {"extreme": -1.0}, {"points": 1}])
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        activations.Settings(**wrong)
