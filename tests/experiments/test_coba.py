import dataclasses

import pytest

from neuraxis.errors import InputError
from neuraxis.experiments import coba, summary


@pytest.fixture(scope="module")
def result():
    return coba.run(coba.QUICK)


def test_all_claims_hold_in_the_quick_run(result):
    assert [claim for claim in result.claims if not claim.of_quick().holds(result.metrics)] == []
    # Mean conductances are what the rates deliver: rate · in-degree · jump · τ, over the leak.
    for name, inputs, jump, tau in (("excitatory", 64, 0.6, 0.005), ("inhibitory", 16, 6.7, 0.01)):
        expected = result.metrics[f"{name}_rate_hz"] * inputs * jump * tau
        assert result.metrics[f"{name}_conductance_over_leak"] == pytest.approx(expected, rel=0.05)


@pytest.mark.slow
def test_without_the_push_the_network_is_silent():
    settings = dataclasses.replace(coba.QUICK, push_rate=0.0, duration=100.0)
    metrics = coba.run(settings).metrics
    assert metrics["last_quarter_rate_hz"] == metrics["mean_cv"] == 0


def test_figures_are_drawn(result, tmp_path):
    figures = coba.plot(result)
    assert set(figures) == {"raster", "regularity", "potentials"}
    for name, figure in figures.items():
        assert figure.get_label()
        figure.savefig(tmp_path / f"{name}.png")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"push_rate": -1.0}, "push_rate must be finite and not negative"),
        ({"weight_e": -1.0}, "weight_e must be finite and not negative"),
        ({"probability": -0.1}, "probability must be between 0 and 1"),
        ({"g_leak": 0.0}, "g_leak must be positive"),
    ],
)
def test_bad_settings_are_named(change, words):
    with pytest.raises(InputError, match=words):
        dataclasses.replace(coba.QUICK, **change)


def test_the_memory_of_a_run_is_estimated():
    large = dataclasses.replace(coba.QUICK, neurons=10**6)
    assert large.memory() > 80 * 0.02 * 1e12


def test_the_summary_fits_a_line():
    assert 20 < len(summary("coba")) < 100
