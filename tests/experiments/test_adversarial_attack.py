import dataclasses

import numpy as np
import pytest

from neuraxis import plots
from neuraxis.errors import InputError
from neuraxis.experiment import Session
from neuraxis.experiments import adversarial_attack

SETTINGS = adversarial_attack.QUICK  # on the digits, which are always at hand


@pytest.fixture(scope="module")
def result():
    return adversarial_attack.run(SETTINGS, Session(progress=False))


def test_the_robust_network_withstands_more(result):
    m = result.metrics
    assert m["plain_accuracy"] > 0.95
    assert m["robust_accuracy"] > 0.9
    for attack in ("fgsm", "pgd", "apgd_ce", "ensemble"):
        assert m[f"robust_{attack}"] > m[f"plain_{attack}"] + 0.15, attack
    assert m["plain_pgd"] < 0.15


def test_the_ensemble_is_never_above_a_part(result):
    assert result.metrics["ensemble_above_part"] <= 0
    for report in result.arrays["reports"].values():
        left = list(report.attacks["ensemble"].parts.values())
        assert left == sorted(left, reverse=True)


def test_the_hidden_gradient_is_found_out(result):
    assert result.metrics["masked_flattery"] > 0.3
    assert any("Square, which uses no gradient" in warning for warning in result.arrays["warnings"])
    assert result.metrics["unmasked_warnings"] == 0


def test_more_is_allowed_breaks_more(result):
    for curves in result.arrays["curves"].values():
        assert curves["epsilons"][0] == 0
        assert np.all(np.diff(curves["PGD"]) <= 0.02)


def test_figures(result):
    with plots.style():
        figures = adversarial_attack.plot(result)
    assert list(figures) == ["curves", "images", "table", "masked"]
    titles = [ax.get_title() for ax in figures["images"].axes]
    assert titles[0] == "0"
    assert titles[16].startswith("→ ")


@pytest.mark.parametrize(
    "wrong",
    [
        {"epsilon": 0.0},
        {"epsilon": 2.0},
        {"epsilon_l2": -1.0},
        {"images": 0},
        {"attack_steps": 0},
        {"queries": 0},
        {"epsilons": 1},
        {"channels": ()},
        {"channels": (4, 0)},
        {"robust_steps": 0},
        {"learning_rate": 0.0},
    ],
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        dataclasses.replace(SETTINGS, **wrong)
