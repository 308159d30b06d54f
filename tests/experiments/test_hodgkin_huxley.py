import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.experiments.hodgkin_huxley import QUICK, Settings, plot, run


def test_quick_run_keeps_every_claim_and_draws_its_figures():
    result = run(QUICK)
    assert [claim for claim in result.claims if not claim.of_quick().holds(result.metrics)] == []
    # Exponential Euler errs by a fixed share of the step, far more than the Runge–Kutta method.
    assert result.metrics["exponential_euler_spike_time_error_ms"] > 100 * result.metrics["spike_time_error_ms"]
    accuracy = result.arrays["accuracy"]
    order = np.log(accuracy["rk4"][0] / accuracy["rk4"][1]) / np.log(accuracy["dt"][0] / accuracy["dt"][1])
    assert order == pytest.approx(4, abs=0.6)
    figures = plot(result)
    assert sorted(figures) == ["accuracy", "bifurcation", "firing", "fit", "spike"]
    assert all(figure.get_label() for figure in figures.values())


@pytest.mark.parametrize(
    "setting",
    [{"dt": 0.0}, {"noise": -1.0}, {"currents": 2}, {"compared_dts": (0.01, -0.01)}, {"temperature": np.nan}],
)
def test_bad_settings_are_refused_by_name(setting):
    with pytest.raises(InputError, match=next(iter(setting))):
        Settings(**setting)
