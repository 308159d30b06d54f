import dataclasses

import numpy as np
import pytest

from neuraxis.autodiff import RULES
from neuraxis.engine import checkpoint
from neuraxis.errors import DivergedError, InputError
from neuraxis.experiment import Session
from neuraxis.experiments import autodiff

# The digits are always at hand; on them the bounds of the default run hold for the quick one too.
SETTINGS = dataclasses.replace(autodiff.QUICK, data="digits")


@pytest.fixture(scope="module")
def result():
    return autodiff.run(SETTINGS, Session(progress=False))


def test_all_claims_hold(result):
    assert [claim for claim in result.claims if not claim.holds(result.metrics)] == []
    assert result.metrics["rules"] >= len(RULES)
    assert "digits" in result.data


def test_it_learns_and_keeps_what_it_learned(result):
    losses = result.arrays["losses"]
    assert losses[-1] < 0.1 * losses[0]
    assert [W.shape for W, _ in result.model] == [(64, 64), (64, 10)]


def test_figures(result):
    figures = autodiff.plot(result)
    assert list(figures) == ["graph", "rules", "learning"]
    texts = [text.get_text() for text in figures["graph"].axes[0].texts]
    assert {"x₁", "w₂", "y = logistic", "E = ×"} <= set(texts)


@pytest.fixture
def few_rules(monkeypatch):
    monkeypatch.setattr(autodiff, "CASES", {"exp": autodiff.CASES["exp"]})


@pytest.mark.usefixtures("few_rules")
def test_it_goes_on_from_a_checkpoint_to_the_same_result(tmp_path):
    short = dataclasses.replace(SETTINGS, steps=69, timed_steps=1)  # three epochs
    whole = autodiff.run(short, Session(progress=False))
    kept = checkpoint.save

    def save_and_stop(file, tree, about):
        kept(file, tree, about)
        if len(about["losses"]) == 2:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(checkpoint, "save", save_and_stop)
        autodiff.run(short, Session(folder=tmp_path, progress=False))
    resumed = autodiff.run(short, Session(folder=tmp_path, resume=True, progress=False))
    np.testing.assert_array_equal(resumed.arrays["losses"], whole.arrays["losses"])
    for (W, b), (V, c) in zip(resumed.model, whole.model, strict=True):
        np.testing.assert_array_equal(W, V)
        np.testing.assert_array_equal(b, c)


@pytest.mark.usefixtures("few_rules")
@pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")
def test_a_diverging_run_names_its_step():
    with pytest.raises(DivergedError, match="stopped being finite at step") as caught:
        autodiff.run(dataclasses.replace(SETTINGS, learning_rate=1e12), Session(progress=False))
    assert caught.value.step < 100


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"batch_size": -1},
        {"hidden_sizes": (8, 0)},
        {"learning_rate": 0.0},
        {"timed_steps": 0},
        {"seed": -1},
    ],
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        dataclasses.replace(SETTINGS, **wrong)
