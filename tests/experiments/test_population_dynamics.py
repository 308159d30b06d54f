import dataclasses

import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.experiments import population_dynamics, summary
from neuraxis.experiments.population_dynamics.delay import band_limited
from neuraxis.experiments.population_dynamics.lorenz import lobe_changes
from neuraxis.experiments.population_dynamics.oscillators import frequency

QUICK = population_dynamics.QUICK


@pytest.fixture(scope="module")
def result():
    return population_dynamics.run(QUICK)


def test_all_claims_hold_in_the_quick_run(result):
    assert [claim for claim in result.claims if not claim.of_quick().holds(result.metrics)] == []


def test_rates_turn_at_the_frequency(result):
    assert result.metrics["oscillator_of_rates_frequency_hz"] == pytest.approx(1.0, abs=2e-3)


def test_it_moves_from_lobe_to_lobe(result):
    assert result.metrics["lorenz_lobe_changes_per_unit"] > 0.2


def test_figures_are_drawn(result, tmp_path):
    figures = population_dynamics.plot(result)
    assert set(figures) == {"integrator", "oscillator", "controlled", "lorenz", "lorenz-time", "delay"}
    for name, figure in figures.items():
        assert figure.get_label()
        figure.savefig(tmp_path / f"{name}.png")


def test_frequency_is_counted():
    angle = 2 * np.pi * -1.5 * np.arange(0, 2, 0.002)
    assert frequency(np.stack([np.cos(angle), np.sin(angle)], 1), 2.0) == pytest.approx(-1.5, rel=1e-6)


def test_lobe_changes_are_counted():
    x = np.array([-10.0, -1.0, 1.0, -5.0, -1.0, 8.0, 2.0, -4.0])
    assert lobe_changes(np.stack([x, x, x], 1)) == 2


def test_the_signal_has_no_higher_frequencies():
    signal = band_limited(4000, 1.0, 2.0, 0)
    power = np.abs(np.fft.rfft(signal)) ** 2
    assert np.abs(signal).max() == pytest.approx(1.0)
    assert power[1:9].sum() > 0.9999 * power.sum()  # in steps of 0.25 Hz
    assert power[0] < 1e-12 * power.sum()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sizes": ()}, "sizes must name at least one value"),
        ({"sizes": (0,)}, r"sizes\[0\] must be an integer"),
        ({"ensembles": 0}, "ensembles must be an integer"),
        ({"neurons": -1}, "neurons must be an integer"),
        ({"order": 0}, "order must be an integer"),
        ({"theta": 0.0}, "theta must be positive"),
        ({"tau_s": -1.0}, "tau_s must be positive"),
        ({"tau_s": 0.5}, "tau_s must be between 1"),
        ({"lorenz_tau_s": 0.5}, "lorenz_tau_s must be between 1"),
        ({"dt": 0.0}, "dt must be positive"),
        ({"duration": 600.0}, "duration must be at least 4 theta = 2000 ms, but is 600 ms"),
        ({"lorenz_units": 1.0}, "lorenz_units must be between 10"),
        ({"bandwidth": 0.0}, "bandwidth must be positive"),
        ({"noise": float("nan")}, "noise must be"),
    ],
)
def test_bad_settings_are_named(change, words):
    with pytest.raises(InputError, match=words):
        dataclasses.replace(QUICK, **change)


def test_the_summary_fits_a_line():
    assert 20 < len(summary("population-dynamics")) < 100
