import jax
import numpy as np
import pytest

from neuraxis.app.lab.pages import activations


@pytest.mark.slow
def test_the_mission_can_be_done():
    (mission,) = activations.MISSIONS
    for controls, possible in ((activations.Controls(), False), (activations.Controls(w=4.0, b=-2.0), True)):
        state, done = activations.start(controls, jax.random.key(0)), []
        for _ in range(activations.PERIOD):
            done.append(mission.is_done(activations.measures(state, controls)))
            state = activations.step(state, controls)
        assert any(done) == possible


@pytest.mark.slow
def test_the_gradient_is_that_of_jax():
    sigma = activations.FUNCTIONS["tanh"]
    z, w, b = np.float32([0.3, -1.2]), 1.3, 0.2
    _, slope = activations.passed(z, w, b, sigma)
    expected = jax.grad(lambda z: activations.passed(z, w, b, sigma)[0][-1].sum())(z)
    np.testing.assert_allclose(slope[-1], expected, rtol=1e-5)
