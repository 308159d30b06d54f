import dataclasses

import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.experiment import Session
from neuraxis.experiments import gradient_flow
from neuraxis.functions.activations import identity, logistic, relu, tanh

SETTINGS = gradient_flow.QUICK


@pytest.fixture(scope="module")
def result():
    return gradient_flow.run(SETTINGS, Session(progress=False))


@pytest.mark.slow
def test_claims(result):
    assert [claim.metric for claim in result.claims if not claim.of_quick().holds(result.metrics)] == []


def test_theory_has_closed_forms_where_the_activation_is_simple():
    assert gradient_flow._theory(identity, 1.3, 5) == pytest.approx(1.3, rel=1e-5)
    assert gradient_flow._theory(relu, 2.0, 5) == pytest.approx(np.sqrt(2), rel=1e-3)
    assert gradient_flow._theory(tanh, 0.1, 20) == pytest.approx(0.1, rel=1e-5)  # its activations go to 0
    assert gradient_flow._theory(logistic, 0.1, 20) == pytest.approx(0.025, rel=1e-2)  # σ′ = ¼ at 0


@pytest.mark.slow
def test_figures(result):
    figures = gradient_flow.plot(result)
    assert list(figures) == ["layers", "scales", "learning"]
    gradient = figures["layers"].axes[0].lines[0].get_ydata()
    assert len(gradient) == SETTINGS.depth + 1
    assert gradient[-1] == 1
    assert gradient[0] <= 4.0**-SETTINGS.depth


@pytest.mark.parametrize("wrong", [{"depth": 3}, {"width": 0}, {"learning_rate": 0.0}, {"scales": (0.0,)}])
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        dataclasses.replace(SETTINGS, **wrong)
