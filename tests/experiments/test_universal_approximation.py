import dataclasses

import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.experiments import universal_approximation

SETTINGS = dataclasses.replace(universal_approximation.QUICK, eps=(0.1, 0.07), cells=5)


@pytest.fixture(scope="module")
def result():
    return universal_approximation.run(SETTINGS)


@pytest.mark.slow
def test_every_network_is_as_near_as_wanted(result):
    assert len(result.claims) == 6
    assert [claim.metric for claim in result.claims if not claim.of_quick().holds(result.metrics)] == []
    assert result.metrics["neurons_1d_eps_0_07"] > result.metrics["neurons_1d_eps_0_1"]


@pytest.mark.slow
def test_pictures_hold_what_they_say(result):
    np.testing.assert_allclose(result.arrays["bumps"].sum(0), result.arrays["sum"], atol=1e-5)
    assert result.arrays["bump_2d"].max() == pytest.approx(1, abs=1e-3)
    assert (result.arrays["bump_2d"] > 0.5).mean() == pytest.approx(1 / 25, rel=0.2)


@pytest.mark.slow
def test_figures(result):
    assert list(universal_approximation.plot(result)) == ["bumps", "plane", "neurons"]


@pytest.mark.parametrize("wrong", [{"eps": (0.1, 0.0)}, {"points": 0}, {"cells": 1}, {"seed": -1}])
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        dataclasses.replace(SETTINGS, **wrong)
