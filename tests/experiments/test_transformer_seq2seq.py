import dataclasses
from datetime import date

import jax
import numpy as np
import pytest

from neuraxis.data.written_dates import Pair
from neuraxis.engine import checkpoint
from neuraxis.errors import InputError
from neuraxis.experiment import Session
from neuraxis.experiments import transformer_seq2seq
from neuraxis.experiments.transformer_seq2seq import characters
from neuraxis.language import EncoderDecoder

SETTINGS = transformer_seq2seq.QUICK


@pytest.fixture(scope="module")
def result():
    return transformer_seq2seq.run(SETTINGS, Session(progress=False))


def test_the_quick_run_reads_most_dates(result):
    """Its own bound; that of the default run is 99 %."""
    assert result.metrics["exact_known_forms"] > 0.3
    assert result.metrics["exact_new_forms"] > 0.3
    for name in ("known_forms", "new_forms"):
        wrong = round((1 - result.metrics[f"exact_{name}"]) * SETTINGS.test_pairs)
        assert result.metrics[f"mistakes_{name}"] == wrong


def test_the_saved_model_reads_dates(result, tmp_path):
    checkpoint.save(tmp_path / "model.safetensors", result.model)
    model = checkpoint.load(tmp_path / "model.safetensors")
    written = [pair.written for pair, _ in result.arrays["tests"]["known_forms"]]
    assert transformer_seq2seq.read(model, written) == [found for _, found in result.arrays["tests"]["known_forms"]]


def test_attention_maps_are_weights(result):
    for text, written, weights in result.arrays["attention"]:
        assert weights.shape == (len(written), len(text))
        np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)


def test_figures(result):
    figures = transformer_seq2seq.plot(result)
    assert list(figures) == ["learning", "attention", "dates"]
    assert "Tuesday, 3 March 1987" in figures["attention"].axes[0].get_title()


def test_figures_without_a_mistake(result):
    arrays = {**result.arrays, "wrong": []}
    fig = transformer_seq2seq.plot(dataclasses.replace(result, arrays=arrays))["dates"]
    assert "The first mistakes: none" in [text.get_text() for text in fig.axes[0].texts]


def test_dates_as_tokens():
    day = Pair("3.III.1987", date(1987, 3, 3).isoformat())
    written, iso = characters.lay_out([day])
    assert written.shape == (1, 40)
    assert characters.to_text(written[0]) == day.written
    assert iso[0, 0] == 1
    assert characters.to_text(iso[0, 1:]) == day.iso


def test_unknown_characters_and_long_dates_are_refused():
    size = characters.CHARACTERS.size
    model = EncoderDecoder(size, size, size=4, layers=1, heads=1, hidden_size=4, key=jax.random.key(0))
    with pytest.raises(InputError, match="the character 'ä' at index 3"):
        transformer_seq2seq.read(model, ["3 März"])
    with pytest.raises(InputError, match="at most 40 tokens long"):
        transformer_seq2seq.read(model, ["3 March 1987" * 5])


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 0},
        {"heads": 3},
        {"steps": 19},
        {"batch_size": -1},
        {"learning_rate": 0.0},
        {"new_forms": 16},
        {"test_pairs": 40_000},
        {"pairs": 0},
        {"layers": 0},
    ],
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        dataclasses.replace(SETTINGS, **wrong)
