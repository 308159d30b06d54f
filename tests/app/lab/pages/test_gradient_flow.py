import jax
import pytest

from neuraxis.app.lab.pages import gradient_flow


@pytest.mark.slow
def test_the_missions_can_be_done():
    kept, exploding = gradient_flow.MISSIONS
    for mission, activation, gain in ((kept, "relu", 2**0.5), (exploding, "tanh", 6.0)):
        controls = gradient_flow.Controls(activation=activation, depth=6)
        state = gradient_flow.start(controls, jax.random.key(0))
        assert not mission.is_done(gradient_flow.measures(state, controls))
        controls = gradient_flow.Controls(activation=activation, depth=6, gain=gain)
        state = gradient_flow.step(state, controls)
        assert mission.is_done(gradient_flow.measures(state, controls)), gradient_flow.measures(state, controls)


@pytest.mark.slow
def test_a_network_that_diverges_is_still_measured():
    controls = gradient_flow.Controls(activation="relu", gain=8.0, learning_rate=1.0, depth=8)
    state = gradient_flow.step(gradient_flow.start(controls, jax.random.key(0)), controls)
    assert state.diverged
    assert gradient_flow.picture(state, controls)[-1].title == "Training: diverged"
