from dataclasses import replace

import jax
import numpy as np
import pytest

from neuraxis.app.lab import Labels
from neuraxis.app.lab.pages import word2vec as page


@pytest.fixture
def fast(monkeypatch):
    monkeypatch.setattr(page, "ADVANCE", 100)  # as much learning in fewer steps


@pytest.mark.slow
def test_missions_can_be_done_and_are_not_done_by_the_defaults(fast):
    few, alike = page.MISSIONS
    controls = page.Controls(grammar_size=16, learning_rate=0.05)
    state = page.start(controls, jax.random.key(0))
    for rate in [0.05] * 8 + [0.01] * 2:
        state = page.step(state, replace(controls, learning_rate=rate))
    assert few.is_done(page.measures(state, controls))
    assert not few.is_done(page.measures(state, page.Controls()))
    assert not alike.is_done(page.measures(state, page.Controls()))
    assert alike.is_done(page.measures(state, page.Controls(a="wine", c="cheese")))
    assert not alike.is_done(page.measures(state, page.Controls(a="wine", c="wine")))
    assert "cosine_of_words_never_together" not in page.measures(state, page.Controls(a="wine", c="paris"))


@pytest.mark.slow
def test_an_unknown_word_is_answered_with_the_nearest_and_the_last_question_stays():
    controls = page.Controls(a="queen", b="king", c="prince")
    state = page.step(page.start(controls, jax.random.key(0)), controls)
    typing = replace(controls, c=" Walkd ")
    for now in (state, page.step(state, typing)):
        shown = page.picture(now, typing)
        assert "the same step from prince" in [getattr(mark, "label", "") for mark in shown[0].marks]
        assert shown[1].title.startswith("The word 'walkd' is not known; the nearest known are 'walked'")
    assert page.step(state, replace(controls, c=" Walked ")).asked == ("queen", "king", "walked")


@pytest.mark.slow
@pytest.mark.parametrize("words", [("wine", "of", "they"), ("the", "the", "the")])
def test_words_without_a_relation_have_a_map(words):
    controls = page.Controls(*words)
    state = page.step(page.start(controls, jax.random.key(0)), controls)
    [plot, *_] = page.picture(state, controls)
    [labels] = [mark for mark in plot.marks if isinstance(mark, Labels)]
    assert set(words) < set(labels.texts)


@pytest.mark.slow
def test_the_map_does_not_flip(fast):
    controls = page.Controls()
    state = page.start(controls, jax.random.key(0))
    for _ in range(5):
        before, state = state, page.step(state, controls)
        assert np.all((before.axes * state.axes).sum(axis=1) >= 0)


@pytest.mark.slow
def test_a_long_run_keeps_a_short_history(monkeypatch):
    monkeypatch.setattr(page, "REMEMBERED", 6)
    controls = page.Controls()
    state = page.start(controls, jax.random.key(0))
    for _ in range(7):
        state = page.step(state, controls)
        assert len(state.history) <= 6
    assert state.history[-1, 0] == 7 * page.ADVANCE
