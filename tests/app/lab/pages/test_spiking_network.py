from dataclasses import replace

import jax
import numpy as np
import pytest

from neuraxis.app.lab.pages import spiking_network as page

AREA, DRIVE = page.MISSIONS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mission", "moved"),
    [(AREA, {"tau_i": 5.0, "weight_i": -20.0, "weight_e": 1.4}), (DRIVE, {"v_rest": -60.0, "external": 1.3})],
)
def test_the_missions_can_be_done(mission, moved, monkeypatch):
    monkeypatch.setattr(page, "ADVANCE", 400)  # the same run in larger parts
    controls = replace(page.Controls(), **moved)
    state = page.start(controls, jax.random.key(0))
    assert not mission.is_done(page.measures(state, controls))
    for _ in range(30):
        state = page.step(state, controls)
    assert mission.is_done(page.measures(state, controls)), page.measures(state, controls)


@pytest.mark.slow
def test_counts_every_spike_in_its_bin_and_finds_a_clock_regular():
    controls = replace(page.Controls(), weight_e=0.0, weight_i=0.0)  # nobody hears of anybody
    state = page.start(controls, jax.random.key(0))
    for _ in range(150):
        state = page.step(state, controls)
    window = state.counts[:, -int(page.SHOWN / page.BIN) :]
    assert window.sum() == len(state.times)
    assert window[0].sum() == np.sum(state.neurons < page.EXCITATORY)
    # From −60 to −50 mV, with −49 mV as aim and 5 ms before.
    assert page.firing_rate(state) == pytest.approx(1000 / (5 + 20 * np.log(11)), rel=0.05)
    assert page.irregularity(state) < 0.01
