from dataclasses import replace

import jax
import pytest

from neuraxis.app.lab.pages import population_dynamics as page


@pytest.mark.slow
def test_the_mission_can_be_done(monkeypatch):
    monkeypatch.setattr(page, "ADVANCE", 100)  # the same in larger parts
    (mission,) = page.MISSIONS
    controls = page.Controls(system="integrator", u=1.0, neurons=1000)
    state = page.start(controls, jax.random.key(0))
    for _ in range(6):
        state = page.step(state, controls)
    controls = replace(controls, u=0.0)
    for _ in range(42):
        state = page.step(state, controls)
    assert mission.is_done(page.measures(state, controls)), page.measures(state, controls)
