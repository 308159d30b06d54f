import jax
import numpy as np
import pytest

from neuraxis.app.lab.pages import universal_approximation
from neuraxis.errors import InputError


@pytest.mark.slow
def test_the_missions_can_be_done():
    few = universal_approximation.Controls(function="wave", neurons=4, learning_rate=0.03)
    many = universal_approximation.Controls(neurons=40, learning_rate=0.01)
    for mission, controls, steps in zip(universal_approximation.MISSIONS, (few, many), (160, 120), strict=True):
        state, done = universal_approximation.start(controls, jax.random.key(0)), []
        for _ in range(steps):
            done.append(mission.is_done(universal_approximation.measures(state, controls)))
            state = universal_approximation.step(state, controls)
        assert not done[0]
        assert any(done), state.history[-1]


def test_a_function_of_ones_own_is_drawn_through_its_points():
    controls = universal_approximation.Controls(own="x,y\n10,2\n0,1\n20,1\n")
    found = universal_approximation.target(controls)
    assert np.abs(found).max() == pytest.approx(1)
    np.testing.assert_allclose(found, found[::-1], atol=1e-5)
    with pytest.raises(InputError, match="more than one value of x"):
        universal_approximation.target(universal_approximation.Controls(own="1,2\n1,3"))
