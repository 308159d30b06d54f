from dataclasses import replace

import jax
import numpy as np
import pytest

from neuraxis.app.lab.pages import mlp
from neuraxis.errors import InputError


@pytest.mark.slow
def test_the_missions_can_be_done():
    by_two = mlp.Controls(shape="XOR", layers=1, width=2, learning_rate=0.05)
    by_three = mlp.Controls(shape="circles", layers=1, width=3, learning_rate=0.05)
    by_heart = mlp.Controls(**mlp.PRESETS["Overfitting"], learning_rate=0.02)
    for mission, controls, steps in zip(mlp.MISSIONS, (by_two, by_three, by_heart), (20, 45, 45), strict=True):
        state = mlp.start(controls, jax.random.key(1))
        assert not mission.is_done(mlp.measures(state, controls))
        for _ in range(steps):
            state = mlp.step(state, controls)
        assert mission.is_done(mlp.measures(state, controls)), (mission.text, mlp.measures(state, controls))


def test_own_points_are_scaled_and_their_classes_numbered():
    points, labels = mlp.own_points("x,y,class\n0,0,3\n10,0,5\n10,20,5\n0,20,3\n")
    np.testing.assert_allclose(points, [[-1, -1], [1, -1], [1, 1], [-1, 1]])
    np.testing.assert_array_equal(labels, [0, 1, 1, 0])


def test_own_points_that_cannot_be_learnt_are_refused():
    with pytest.raises(InputError, match="at most 10 classes, but have 11"):
        mlp.own_points("\n".join(f"0,1,{k}" for k in range(11)))
    with pytest.raises(InputError, match="3 points or more"):
        mlp.own_points("0,1,2\n1,1,3")


@pytest.mark.slow
def test_own_points_can_be_learnt():
    written = "".join(f"{k % 7},{k % 5},{k % 3}\n" for k in range(12))
    controls = replace(mlp.Controls(), points=written, batch="200")
    state = mlp.step(mlp.start(controls, jax.random.key(0)), controls)
    assert mlp.answers(state.model)[0].shape[-1] == 3
