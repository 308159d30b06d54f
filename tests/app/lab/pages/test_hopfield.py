import jax
import pytest

from neuraxis.app.lab import page


def _done(**values):
    """Recall once, and say which missions are done."""
    found = page.load("hopfield")
    module, controls = found.module, found.controls(**values)
    state = module.start(controls, jax.random.key(0))
    while state.quiet <= module.N:
        state = module.step(state, controls)
    measures = module.measures(state, controls)
    return [mission.is_done(measures) for mission in found.missions]


@pytest.mark.slow
def test_too_many_patterns_and_mixtures_do_the_missions():
    mixture = page.load("hopfield").presets["Spurious state: mixture of three memories"]
    assert _done() == [False, False]
    assert _done(flipped=0.0) == [False, False]
    assert _done(flipped=0.0, random_patterns=25) == [True, False]
    assert _done(**mixture) == [False, True]
