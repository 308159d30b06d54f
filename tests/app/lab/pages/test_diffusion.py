from dataclasses import replace

import jax
import numpy as np
import pytest

from neuraxis.app.lab.pages import diffusion as page


@pytest.mark.slow
def test_moons_can_be_drawn_in_few_steps(monkeypatch):
    monkeypatch.setattr(page, "BATCHES", 200)  # as much learning in fewer steps
    monkeypatch.setattr(page, "PAUSE", 0)
    [mission] = page.MISSIONS
    controls = page.Controls(steps=16)
    state = page.start(controls, jax.random.key(0))
    for _ in range(100):
        state = page.step(state, controls)
        if mission.is_done(page.measures(state, controls)):
            break
    assert mission.is_done(page.measures(state, controls))
    assert not mission.is_done(page.measures(state, page.Controls()))


def test_own_points_are_brought_to_variance_1():
    points = page.data_of(replace(page.Controls(), points="x,y\n0,10\n2,14\n4,10\n"))
    assert np.unique(points, axis=0).shape == (3, 2)
    np.testing.assert_allclose(points.std(axis=0), 1, atol=0.1)
