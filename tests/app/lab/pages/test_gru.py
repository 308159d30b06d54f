from dataclasses import replace

import jax
import pytest

from neuraxis.app.lab.controls import read
from neuraxis.app.lab.pages import gru as page
from neuraxis.errors import InputError


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
def test_a_text_of_another_length_is_read_at_the_next_step():
    controls = page.Controls(text="A")
    state = page.step(page.start(controls, jax.random.key(0)), controls)
    assert state.gates.shape == (3, page.SHOWN, 1)
    longer = replace(controls, text="A longer text ")
    assert page.picture(state, longer)[0].columns == ["A"]
    assert page.step(state, longer).gates.shape == (3, page.SHOWN, 14)


def test_a_character_that_the_model_does_not_know_is_refused():
    with pytest.raises(InputError, match="its character 2 is 'ζ'"):
        read(page.Controls, "text", "Aζ")
