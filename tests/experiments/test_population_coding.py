import dataclasses

import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.experiment import Session
from neuraxis.experiments import population_coding, summary
from neuraxis.experiments.population_coding.hidden_layer import _centre


@pytest.fixture(scope="module")
def result():
    return population_coding.run(population_coding.QUICK, Session(progress=False))


def test_all_claims_hold_in_the_quick_run(result):
    assert [claim for claim in result.claims if not claim.holds(result.metrics)] == []


def test_pes_goes_on_to_learn(result):
    curve = result.arrays["pes_curve"]
    assert curve[0] > 2 * curve[-1]


def test_figures_are_drawn(result, tmp_path):
    figures = population_coding.plot(result)
    assert set(figures) == {"tuning-curves", "decoded", "error-against-size", "learning", "spikes"}
    for name, figure in figures.items():
        assert figure.get_label()
        figure.savefig(tmp_path / f"{name}.png")


def test_the_centre_of_the_ink_is_counted_from_the_middle():
    image = np.zeros((2, 8, 8))
    image[0, 7, 0] = 1.0
    image[1, 3:5, 3:5] = 0.5
    np.testing.assert_allclose(_centre(image), [[3.5, -3.5], [0, 0]])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"neurons": 0}, "neurons must be an integer"),
        ({"intercept": 1.0}, "intercept must be between"),
        ({"noise": 0.0}, "noise must be between"),
        ({"sizes": ()}, "sizes must name at least one value"),
        ({"sizes": (10, 10)}, "number of sizes must be an integer of at least 2"),
        ({"sizes": (10, 0)}, r"sizes\[1\] must be an integer"),
        ({"learning_rate": -1.0}, "learning_rate must be positive"),
        ({"tau_s": 0.0}, "tau_s must be positive"),
        ({"online_duration": 10.0}, "online_duration must be between 1"),
        ({"duration": 1.0}, "duration must be between 500"),
    ],
)
def test_bad_settings_are_named(change, words):
    with pytest.raises(InputError, match=words):
        dataclasses.replace(population_coding.QUICK, **change)


def test_the_summary_fits_a_line():
    assert 20 < len(summary("population-coding")) < 120
