import jax
import pytest

from neuraxis.app.lab import page


@pytest.mark.slow
def test_the_left_half_of_a_three_is_needed():
    found = page.load("predictive-coding")
    module, controls = found.module, found.controls()
    learnt = module.start(controls, jax.random.key(0))
    while learnt.learnt < module.LEARNING:
        learnt = module.step(learnt, controls)
    for hidden, done in (("lower half", False), ("right half", False), ("left half", True)):
        controls = found.controls(hidden=hidden)
        state = module.step(learnt, controls)
        while len(state.energies) <= module.LONGEST:
            state = module.step(state, controls)
        assert found.missions[0].is_done(module.measures(state, controls)) is done
