from dataclasses import replace

import jax
import numpy as np
import pytest

from neuraxis.app.lab.pages import synapse as page


@pytest.mark.slow
def test_the_mission_can_be_done(monkeypatch):
    monkeypatch.setattr(page, "ADVANCE", 100)  # the same in larger parts
    (mission,) = page.MISSIONS
    for moved, done in (({}, False), ({"tau_s": 14.0, "neurons": 40}, True), ({"tau_s": 60.0, "neurons": 40}, False)):
        controls = replace(page.Controls(), **moved)
        state = page.start(controls, jax.random.key(0))
        for _ in range(42):
            state = page.step(state, controls)
        assert mission.is_done(page.measures(state, controls)) == done, page.measures(state, controls)


@pytest.mark.slow
@pytest.mark.parametrize("order", [0, 2])
def test_recursion_and_definition_agree(order):
    controls = replace(page.Controls(), order=order)
    state = page.start(controls, jax.random.key(1))
    for _ in range(180):
        state = page.step(state, controls)
    times = state.time - np.array([900.0, 500.0, 0.0])
    found = page.definition(state, controls, times)
    np.testing.assert_allclose(state.current[[-901, -501, -1]], found, rtol=0.02, atol=0.1)
