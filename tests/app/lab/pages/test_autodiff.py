import jax
import numpy as np

from neuraxis.app.lab.pages import autodiff


def test_the_missions_can_be_done():
    saturated, cancelled = autodiff.MISSIONS
    controls = autodiff.Controls()
    state = autodiff.start(controls, jax.random.key(0))
    assert not any(mission.is_done(autodiff.measures(state, controls)) for mission in autodiff.MISSIONS)
    assert saturated.is_done(autodiff.measures(state, autodiff.Controls(x1=1.0, w1=-8.0)))
    branches = autodiff.Controls(expression="two branches", x1=-1.0, b=2.0)
    assert cancelled.is_done(autodiff.measures(state, branches))


def test_gradients_appear_from_the_last_node_to_the_first():
    controls = autodiff.Controls()
    state, seen = autodiff.start(controls, jax.random.key(0)), []
    for _ in range(40):
        nodes = autodiff.picture(state, controls)[0].nodes
        seen.append([node.below.count("\n") + bool(node.below) for node in nodes])
        state = autodiff.step(state, controls)
    count = len(seen[0])
    np.testing.assert_array_equal(seen[count // 2], [1] * (count // 2) + [0] * (count - count // 2))
    np.testing.assert_array_equal(seen[count], [1] * count)
    np.testing.assert_array_equal(seen[count + 1], [1] * (count - 1) + [2])
    np.testing.assert_array_equal(seen[2 * count], [2] * count)
