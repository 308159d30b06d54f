import jax
import numpy as np
import pytest

from neuraxis import data
from neuraxis.errors import InputError
from neuraxis.experiments import hopfield, names
from neuraxis.experiments.hopfield import capacity, digits


@pytest.fixture(scope="module")
def result():
    return hopfield.run(hopfield.QUICK)


def test_claims_hold_in_the_quick_run(result):
    assert [claim.metric for claim in result.claims if not claim.of_quick().holds(result.metrics)] == []


def test_memory_fails_as_the_load_grows(result):
    overlap = result.arrays["overlap"]
    assert overlap[0] > 0.99
    assert overlap[-1] < 0.7
    assert result.metrics["one_step_error_deviation_percent"] < 15


def test_every_flip_was_followed_down(result):
    energies = result.arrays["energies"]
    assert sum(len(e) - 1 for e in energies) == result.metrics["flips_followed"] > 0
    assert all(np.all(np.diff(e) <= 0) for e in energies)


def test_the_modern_network_holds_what_the_classical_one_cannot(result):
    assert result.metrics["modern_images_stored"] >= 64
    assert result.metrics["classical_images_kept"] < 0.1 < 0.8 < result.metrics["modern_retrieved_from_half"]


@pytest.mark.slow
def test_the_same_key_gives_the_same_digits():
    source = data.load("digits").scaled()
    how = {"digits": 3, "flipped": 0.3, "trials": 4, "max_sweeps": 50}
    first, again, other = (digits.measure(jax.random.key(seed), source, **how)[0] for seed in (0, 0, 1))
    assert first == again
    assert first["digit_pixels_right_before"] != other["digit_pixels_right_before"]


def test_figures_are_drawn(result):
    figures = hopfield.plot(result)
    assert set(figures) == {"energy", "capacity", "modern"}
    assert all(figure.axes for figure in figures.values())


def test_the_theory_ends_at_a_load_of_0_138():
    load, overlap = capacity.limit()
    assert load.max() == pytest.approx(0.138, abs=5e-4)
    assert overlap[np.argmax(load)] == pytest.approx(0.967, abs=2e-3)


def test_weakly_correlated_patterns_of_different_classes_are_chosen():
    rng = np.random.default_rng(0)
    alike = np.where(rng.random(100) < 0.5, 1, -1)
    flip = lambda share: np.where(rng.random((30, 100)) < share, -alike, alike)
    signs, labels = np.concatenate([flip(0.0), flip(0.1), flip(0.5)]), np.repeat([0, 1, 2], 30)
    signs[5] = signs[40] = np.where(np.arange(100) % 2, 1, -1)  # one pair that is the same, in classes 0 and 1
    chosen = digits.weakly_correlated(signs, labels, 3)
    assert sorted(labels[chosen]) == [0, 1, 2]
    overlaps = np.abs(signs[chosen] @ signs[chosen].T / 100 - np.eye(3))
    assert overlaps.max() < 0.3


def test_helper_modules_are_no_experiments():
    assert [name for name in names() if "hopfield" in name] == ["hopfield"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"neurons": 10},
        {"networks": 0},
        {"probes": 0},
        {"max_sweeps": 0},
        {"digits": 0},
        {"flipped": 0.6},
        {"flipped": -0.1},
        {"trials": 0},
        {"images": 0},
        {"noise": -1.0},
        {"beta": 0.0},
        {"seed": -1},
    ],
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        hopfield.Settings(**wrong)
