import jax
import numpy as np
import pytest

from neuraxis.app.lab.pages import losses


@pytest.mark.slow
def test_the_mission_can_be_done():
    (mission,) = losses.MISSIONS
    controls = losses.Controls()
    state = losses.start(controls, jax.random.key(0))
    assert not mission.is_done(losses.measures(state, controls))
    controls = losses.Controls(begin=-5.0)
    state = losses.step(state, controls)  # begins again from where z was moved to
    assert mission.is_done(losses.measures(state, controls))
    for _ in range(120):
        state = losses.step(state, controls)
    matching, mismatched = state.y[-1]
    assert matching > 0.9 > 0.1 > mismatched


@pytest.mark.slow
def test_the_gradients_are_those_of_the_equations():
    controls = losses.Controls(target=0.5)
    y = losses.answered(np.float32([-2.0, 1.0]), controls)
    found = losses.slopes_at(np.float32([-2.0, 1.0]), controls)[:2]
    np.testing.assert_allclose(found, (y - 0.5) * [1.0, y[1] * (1 - y[1])], rtol=1e-5)
