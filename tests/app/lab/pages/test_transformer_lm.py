import jax
import numpy as np
import pytest

from neuraxis.app.lab.pages import transformer_lm as page


@pytest.mark.slow
def test_a_head_looks_at_the_character_before(monkeypatch):
    monkeypatch.setattr(page, "BATCHES", 50)  # as much learning in fewer steps
    [mission] = page.MISSIONS
    heads = [page.Controls(block=b, head=h) for b in (1, 2) for h in (1, 2, 3, 4)]
    state = page.start(page.Controls(), jax.random.key(0))
    for _ in range(12):
        state = page.step(state, page.Controls())
    assert any(mission.is_done(page.measures(state, each)) for each in heads)
    assert not mission.is_done(page.measures(state, page.Controls()))


@pytest.mark.slow
def test_what_stands_behind_the_text_changes_nothing():
    model = page.start(page.Controls(), jax.random.key(0)).model
    tokens = np.arange(page.CONTEXT)
    maps, chances = page.read(model, tokens, 5)
    others, same = page.read(model, np.where(tokens < 5, tokens, 0), 5)
    np.testing.assert_array_equal(chances, same)
    np.testing.assert_array_equal(maps[..., :5, :5], others[..., :5, :5])
