import dataclasses

import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.experiments import lif, summary


@pytest.fixture(scope="module")
def result():
    return lif.run(lif.QUICK)


def test_all_claims_hold_in_the_quick_run(result):
    assert [claim for claim in result.claims if not claim.of_quick().holds(result.metrics)] == []


def test_crossings_inside_the_step_are_worth_it(result):
    metrics = result.metrics
    assert metrics["rate_error_on_grid_percent"] > 10
    assert metrics["spike_time_error_constant_ms"] < 1e-3 < 1 < metrics["spike_time_error_constant_on_grid_ms"]
    errors = result.arrays["time_errors"]["inside"][:, 1]  # under a varying drive
    assert errors[1] / errors[0] > 10  # from 0.2 to 1 ms, a factor of 25 in an order of 2, of 5 in an order of 1


def test_figures_are_drawn(result, tmp_path):
    figures = lif.plot(result)
    assert set(figures) == {"potential", "firing-rate", "tuning-curves", "spike-times"}
    for name, figure in figures.items():
        assert figure.get_label()
        figure.savefig(tmp_path / f"{name}.png")


def test_rates_are_measured_where_a_step_holds_several_spikes():
    model = lif.LIF(tau_m=5.0, tau_ref=1.0)
    trace = lif.simulate(model, np.full((4, 1), 2.0), dt=12.0, record=lif.record_spikes)
    period = 1000 / float(model.firing_rate(2.0))
    np.testing.assert_allclose(lif.measured_rates(trace), 1000 / period, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tau_m": -1.0}, "tau_m must be positive"),
        ({"dt": 0.0}, "dt must be positive"),
        ({"drives": 0}, "drives must be an integer"),
        ({"steps": (1.0, -1.0)}, "steps must be positive"),
        ({"duration": 100.0}, "duration must be at least 20"),
    ],
)
def test_bad_settings_are_named(change, words):
    with pytest.raises(InputError, match=words):
        dataclasses.replace(lif.QUICK, **change)


def test_the_summary_fits_a_line():
    assert 20 < len(summary("lif")) < 100
