import jax
import pytest

from neuraxis.app.lab import page


def _is_done(**values):
    found = page.load("rbm")
    module, controls = found.module, found.controls(**values)
    state = module.start(controls, jax.random.key(0))
    while state.batches < 1000:
        state = module.step(state, controls)
        if found.missions[0].is_done(module.measures(state, controls)):
            return True
    return False


@pytest.mark.slow
def test_a_higher_learning_rate_completes_better():
    assert _is_done(learning_rate=0.2)
    assert not _is_done()
