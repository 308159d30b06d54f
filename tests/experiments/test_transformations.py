import dataclasses

import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.experiments import summary, transformations
from neuraxis.experiments.transformations.networks import signal


@pytest.fixture(scope="module")
def result():
    return transformations.run(transformations.QUICK)


def test_claims_hold_in_the_quick_run(result):
    # How long things take is not for a test, which shares the machine with others.
    claims = [claim for claim in result.claims if claim.metric != "full_over_factored_time"]
    assert [claim for claim in claims if not claim.holds(result.metrics)] == []


def test_the_full_matrix_has_the_rank_of_what_is_decoded(result):
    assert result.metrics["rank"] == 1


def test_figures_are_drawn(result, tmp_path):
    figures = transformations.plot(result)
    assert set(figures) == {"channel", "functions", "weights", "cost"}
    for name, figure in figures.items():
        assert figure.get_label()
        figure.savefig(tmp_path / f"{name}.png")


def test_signals_have_no_frequency_beyond_the_cutoff():
    settings = dataclasses.replace(transformations.QUICK, cutoff=3.0)
    x = signal(settings, 0)[:, 0]
    assert np.abs(x).max() == pytest.approx(0.9)
    size = np.abs(np.fft.rfft(x))
    assert size[int(3.0 * len(x) / 1000) + 1 :].max() < 1e-3 * size.max()
    assert not np.array_equal(x, signal(settings, 1)[:, 0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"neurons": 0}, "neurons must be an integer"),
        ({"noise": 0.0}, "noise must be between"),
        ({"tau_s": -1.0}, "tau_s must be positive"),
        ({"cutoff": 0.0}, "cutoff must be between"),
        ({"sizes": ()}, "sizes must name at least one value"),
        ({"sizes": (1,)}, r"sizes\[0\] must be an integer of at least 2"),
        ({"duration": 10.0}, "duration must be between 1000"),
        ({"steps": 0}, "steps must be an integer"),
    ],
)
def test_bad_settings_are_named(change, words):
    with pytest.raises(InputError, match=words):
        dataclasses.replace(transformations.QUICK, **change)


def test_the_summary_fits_a_line():
    assert 20 < len(summary("transformations")) < 120
