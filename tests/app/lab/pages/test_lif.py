from dataclasses import replace

import jax
import numpy as np
import pytest

from neuraxis import LIF, record_state, simulate
from neuraxis.app.lab.pages import lif

RATE, FLUCTUATIONS = lif.MISSIONS


def run(controls, steps, state=None):
    state = lif.start(controls, jax.random.key(0)) if state is None else state
    for _ in range(steps):
        state = lif.step(state, controls)
    return state


@pytest.mark.slow
def test_the_missions_can_be_done():
    controls = lif.Controls()
    state = run(controls, 100)
    np.testing.assert_allclose(1000 * state.counts / state.counted, LIF().firing_rate(lif.CURRENTS), atol=2.0)
    assert not any(mission.is_done(lif.measures(state, controls)) for mission in lif.MISSIONS)
    # The closed form, solved for the current: 1/r − τ_ref is τ_m ln(J/(J − 1)).
    controls = replace(controls, tau_ref=12.0, current=1 / (1 - np.exp(-(20.0 - 12.0) / 20.0)))
    state = run(controls, 100, state)
    assert RATE.is_done(lif.measures(state, controls))
    controls = replace(controls, tau_ref=2.0, current=0.9, noise=0.5)
    state = run(controls, 100, state)
    assert FLUCTUATIONS.is_done(lif.measures(state, controls))


@pytest.mark.slow
def test_noise_has_the_standard_deviation_that_is_asked_for():
    controls = lif.Controls(noise=0.3, tau_m=5.0)
    drive = lif.noisy(jax.random.key(1), np.full(2000, -4.0), controls, 1.0)  # far from the threshold
    potentials = simulate(lif.model(controls), drive, dt=1.0, record=record_state).record.v[-1]
    assert np.std(potentials) == pytest.approx(0.3, rel=0.05)
