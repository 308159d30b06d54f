import dataclasses

import jax
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.experiments import spiking_network, summary
from neuraxis.experiments.shared import balanced_network as balanced


@pytest.fixture(scope="module")
def result():
    return spiking_network.run(spiking_network.QUICK)


def test_claims_hold_in_the_quick_run(result):
    assert [c.metric for c in result.claims if not c.of_quick().holds(result.metrics)] == []
    assert 0.3 < result.metrics["mean_cv"] < 1


def test_measures_agree_with_a_count_by_hand(result):
    a = result.arrays
    rate = len(a["times"]) / 4000 / 0.5
    assert result.metrics["lowest_firing_rate_hz"] - 1e-6 <= rate <= result.metrics["highest_firing_rate_hz"] + 1e-6
    np.testing.assert_allclose(a["rate_over_time"].mean(), rate)
    one = a["times"][a["neurons"] == a["neurons"][0]]
    assert np.isin(np.round(np.diff(one), 6), np.round(a["intervals"], 6)).all()


def test_a_lost_event_would_be_counted():
    connections = balanced.connections(100, 0.1, (1.0, -1.0), key=jax.random.key(0))
    assert balanced.lost_events(connections) == 0

    class Losing(type(connections)):
        def deliver(self, pending, spikes, start):
            return super().deliver(pending, spikes.at[7].set(0), start)

    losing = Losing(*(getattr(connections, f.name) for f in dataclasses.fields(connections)))
    assert balanced.lost_events(losing) == (connections.sources == 7).sum() > 0


def test_figures_are_drawn(result, tmp_path):
    figures = spiking_network.plot(result)
    assert set(figures) == {"raster", "regularity", "potentials"}
    for name, figure in figures.items():
        assert figure.get_label()
        figure.savefig(tmp_path / f"{name}.png")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"neurons": 5}, "neurons must be an integer of at least 10"),
        ({"probability": 1.5}, "probability must be between 0 and 1"),
        ({"tau_e": -1.0}, "tau_e must be positive"),
        ({"delay": -1.0}, "delay must be finite and not negative"),
        ({"weight_i": float("nan")}, "weight_i must be 0 or between"),
        ({"duration": 1.0}, "duration must be at least 20"),
        ({"networks": 0}, "networks must be an integer"),
    ],
)
def test_bad_settings_are_named(change, words):
    with pytest.raises(InputError, match=words):
        dataclasses.replace(spiking_network.QUICK, **change)


def test_the_memory_of_a_run_is_estimated():
    large = dataclasses.replace(spiking_network.QUICK, neurons=10**6)
    assert large.memory() > 80 * 0.02 * 1e12


def test_the_summary_fits_a_line():
    assert 20 < len(summary("spiking-network")) < 100
