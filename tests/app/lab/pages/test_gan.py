import jax
import pytest

from neuraxis.app.lab.pages import gan as page


@pytest.mark.slow
def test_all_modes_can_be_covered(monkeypatch):
    monkeypatch.setattr(page, "BATCHES", 100)  # as much learning in fewer steps
    [mission] = page.MISSIONS
    controls = page.Controls(objective="relativistic", penalty=0.2, momentum=0.0, learning_rate=2e-3)
    state = page.start(controls, jax.random.key(0))
    for _ in range(50):
        state = page.step(state, controls)
        if mission.is_done(page.measures(state, controls)):
            break
    assert mission.is_done(page.measures(state, controls))
