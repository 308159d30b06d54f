import jax
import numpy as np
import pytest

from neuraxis.app.lab.pages import optimizers


@pytest.mark.slow
def test_the_missions_can_be_done():
    edge, rolling = optimizers.MISSIONS
    stable = optimizers.Controls(learning_rate=0.0398)
    away = optimizers.Controls(landscape="two minima", learning_rate=0.05, beta=0.9)
    for mission, controls, steps in ((edge, stable, 120), (rolling, away, 250)):
        state = optimizers.start(controls, jax.random.key(0))
        assert not mission.is_done(optimizers.measures(state, controls))
        for _ in range(steps):
            state = optimizers.step(state, controls)
        assert mission.is_done(optimizers.measures(state, controls)), mission.text


@pytest.mark.slow
def test_who_diverges_is_held_and_all_begin_again():
    controls = optimizers.Controls(**optimizers.PRESETS["Polyak 1964: optimal momentum in a ravine"])
    state = optimizers.start(controls, jax.random.key(0))
    for _ in range(optimizers.LONGEST):
        state = optimizers.step(state, controls)
    assert np.abs(state.paths[-1, 0]).max() == optimizers.FARTHEST
    assert np.linalg.norm(state.paths[-1, 1]) < 1e-6
    assert len(optimizers.step(state, controls).paths) == 1
