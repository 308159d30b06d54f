import dataclasses

import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.experiment import Session
from neuraxis.experiments import regularization

# Digits are always at hand. Fewer remedies than the quick run has, as every one is a program to compile.
SETTINGS = dataclasses.replace(regularization.QUICK, remedies=("early_stopping", "weight_decay"), hidden_size=128)


@pytest.fixture(scope="module")
def result():
    return regularization.run(SETTINGS, Session(progress=False))


@pytest.mark.slow
def test_remedies_lower_the_test_error(result):
    assert [claim.metric for claim in result.claims if not claim.of_quick().holds(result.metrics)] == []
    assert "300 of them used for training and as many held out" in result.data


@pytest.mark.slow
def test_early_stopping_is_the_best_epoch_of_the_same_run(result):
    none, stopped = (result.arrays["histories"][name] for name in ("none", "early_stopping"))
    epochs = len(stopped["loss"])
    np.testing.assert_allclose(none["validation_loss"][:epochs], stopped["validation_loss"], rtol=1e-4)
    assert epochs < len(none["loss"])
    assert np.argmin(stopped["validation_loss"]) == epochs - 1 - SETTINGS.patience


@pytest.mark.slow
def test_figures(result):
    figures = regularization.plot(result)
    assert list(figures) == ["curves", "test-errors", "augmented"]
    assert [axes.get_title() for axes in figures["curves"].axes][:2] == ["none", "early stopping"]


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"hidden_size": -1},
        {"learning_rate": 0.0},
        {"dropout": 1.0},
        {"weight_decay": -1.0},
        {"rotation": -1.0},
        {"sigma": 0.0},
        {"remedies": ("prayer",)},
    ],
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        dataclasses.replace(SETTINGS, **wrong)
