import jax
import pytest

from neuraxis.app.lab import page


def _is_done(**values):
    found = page.load("cnn")
    module, controls = found.module, found.controls(**values)
    state = module.start(controls, jax.random.key(0))
    for _ in range(60):
        state = module.step(state, controls)
        if found.missions[0].is_done(module.measures(state, controls)):
            return True
    return False


@pytest.mark.slow
def test_the_right_learning_rate_is_found():
    assert _is_done(learning_rate=5e-3)
    assert not _is_done()
