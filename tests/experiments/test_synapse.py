import dataclasses

import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.experiments import summary, synapse


@pytest.fixture(scope="module")
def result():
    return synapse.run(synapse.QUICK)


def test_all_claims_hold_in_the_quick_run(result):
    assert [claim for claim in result.claims if not claim.of_quick().holds(result.metrics)] == []


def test_times_in_the_step_are_worth_it(result):
    assert result.metrics["error_without_times"] > 1e3 * result.metrics["recursive_error"]


def test_the_decoded_signal_is_best_at_a_middle_time_constant(result):
    error = result.arrays["swept"][1]
    assert error[1] < min(error[0], error[2])


def test_figures_are_drawn(result, tmp_path):
    figures = synapse.plot(result)
    assert set(figures) == {"impulse-responses", "filtered-train", "agreement", "population", "time-constants"}
    for name, figure in figures.items():
        assert figure.get_label()
        figure.savefig(tmp_path / f"{name}.png")


def test_the_signal_has_no_frequency_beyond_the_chosen_one():
    settings = synapse.Settings()
    times = np.arange(0, settings.duration)
    signal = synapse.smooth_signal(times, settings, synapse.jax.random.key(0))
    power = np.abs(np.fft.rfft(signal)) ** 2
    frequencies = np.fft.rfftfreq(len(times), 1e-3)
    assert power[frequencies > settings.frequency].sum() < 1e-12 * power.sum()
    assert np.abs(signal).max() == 1


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tau_s": 0.0}, "tau_s must be positive"),
        ({"order": -1}, "order must be between 0 and 20"),
        ({"order": 1.5}, "order must be an integer"),
        ({"neurons": 0}, "neurons must be an integer"),
        ({"time_constants": (1.0, -1.0)}, "time_constants must be positive"),
        ({"duration": 100.0}, "at least 4 periods of the highest frequency, 2.0 Hz"),
        ({"dt": 3000.0}, "tau_s must be between 30 and"),
    ],
)
def test_bad_settings_are_named(change, words):
    with pytest.raises(InputError, match=words):
        dataclasses.replace(synapse.QUICK, **change)


def test_the_summary_fits_a_line():
    assert 20 < len(summary("synapse")) < 100
