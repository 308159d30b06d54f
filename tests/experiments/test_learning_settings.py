import dataclasses

import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.experiment import Session
from neuraxis.experiments import learning_settings


@pytest.fixture(scope="module")
def result():
    return learning_settings.run(learning_settings.QUICK, Session(progress=False))


@pytest.mark.slow
def test_learns_in_all_settings(result):
    assert [claim.metric for claim in result.claims if not claim.of_quick().holds(result.metrics)] == []
    regression = result.arrays["histories"]["regression"]["validation_loss"]
    unsupervised = result.arrays["histories"]["unsupervised"]["validation_loss"]
    assert regression[-1] < 0.3 * regression[0]
    assert unsupervised[-1] < 0.8 * unsupervised[0]
    assert result.metrics["reinforcement_steps_held"] >= 475
    before, after = result.arrays["angles"]["before"], result.arrays["angles"]["after"]
    assert np.isnan(before[250:]).all()
    assert np.isfinite(after[:400]).all()


@pytest.mark.slow
def test_the_error_of_principal_components_is_scikit_learns(result):
    from sklearn.decomposition import PCA

    from neuraxis import data

    digits = data.load("digits").scaled().flat()
    pca = PCA(2).fit(digits.train_x)
    restored = pca.inverse_transform(pca.transform(digits.test_x))
    expected = 0.5 * np.mean(np.sum((digits.test_x - restored) ** 2, -1))
    assert result.metrics["unsupervised_error_of_pca"] == pytest.approx(expected, rel=1e-3)


@pytest.mark.slow
def test_figures(result):
    figures = learning_settings.plot(result)
    assert list(figures) == ["curves", "learnt"]
    assert len(figures["curves"].axes) == 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"hidden_sizes": (0,)},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"noise": -0.1},
        {"discount": 1.5},
        {"reinforcement_epochs": 0},
        {"fresh_episodes": 0},
    ],
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        dataclasses.replace(learning_settings.QUICK, **wrong)
