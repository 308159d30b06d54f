from dataclasses import replace

import jax
import pytest

from neuraxis.app.lab.pages import population_coding as page

READ, LEARN = page.MISSIONS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mission", "moved", "steps", "done"),
    [
        (READ, {"frequency": 1.0}, 12, False),  # too late
        (READ, {"frequency": 1.0, "neurons": 400, "tau_s": 8.0}, 12, True),
        (LEARN, {"learning": True, "function": "x²"}, 15, False),  # not yet
        (LEARN, {"learning": True, "function": "x²", "neurons": 200}, 110, True),
    ],
)
def test_the_missions_can_be_done(mission, moved, steps, done, monkeypatch):
    monkeypatch.setattr(page, "ADVANCE", 200)  # the same in larger parts
    controls = replace(page.Controls(), **moved)
    state = page.start(controls, jax.random.key(0))
    for _ in range(steps):
        state = page.step(state, controls)
    assert mission.is_done(page.measures(state, controls)) == done, page.measures(state, controls)


@pytest.mark.slow
def test_another_function_is_read_from_the_same_spikes():
    controls = page.Controls()
    state = page.start(controls, jax.random.key(0))
    for _ in range(5):
        state = page.step(state, replace(controls, function="x²"))
    assert page.error_of_rates(state, replace(controls, function="x²")) < 0.05
