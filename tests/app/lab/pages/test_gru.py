from dataclasses import replace

import jax
import pytest

from neuraxis.app.lab.pages import gru as page


@pytest.mark.slow
def test_u_follows_q(monkeypatch):
    monkeypatch.setattr(page, "BATCHES", 50)  # as much learning in fewer steps
    [mission] = page.MISSIONS
    controls = page.Controls(text="The q")
    state = page.start(controls, jax.random.key(0))
    for _ in range(10):
        state = page.step(state, controls)
    assert page.CHARACTERS.alphabet[state.chances.argmax()] == "u"
    assert mission.is_done(page.measures(state, controls))
    state = page.step(state, page.Controls())
    assert not mission.is_done(page.measures(state, page.Controls()))


@pytest.mark.slow
def test_reads_what_it_knows_of_any_text():
    controls = page.Controls(text="ζ†")
    state = page.step(page.start(controls, jax.random.key(0)), controls)
    assert state.gates.shape == (3, page.SHOWN, 1)
    longer = replace(controls, text="A longer text ζ")
    assert page.picture(state, longer)[0].columns == ["A"]
    assert page.step(state, longer).gates.shape == (3, page.SHOWN, 14)
