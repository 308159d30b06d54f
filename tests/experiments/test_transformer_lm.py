import dataclasses

import numpy as np
import pytest

from neuraxis.errors import DataError, InputError
from neuraxis.experiment import Session
from neuraxis.experiments import transformer_lm
from neuraxis.experiments.transformer_lm import texts

SETTINGS = dataclasses.replace(transformer_lm.QUICK, size=32)


@pytest.fixture(scope="module")
def result():
    return transformer_lm.run(SETTINGS, Session(progress=False))


def test_the_modern_network_is_better_in_the_quick_run_too(result):
    metrics = result.metrics
    assert metrics["gain_of_the_modern_network"] >= 0.08
    assert metrics["largest_difference_of_the_cache"] <= 1e-4
    assert metrics["validation_loss_modern"] < 2.9  # from ln 60 = 4.1
    assert metrics["bits_per_byte_2017"] == pytest.approx(metrics["validation_loss_2017"] / np.log(2), rel=0.02)


def test_what_was_trained_goes_on_writing(result):
    written = result.arrays["samples"]["modern"]
    assert len(written) == 500
    assert set(written) <= set(result.model.tokenizer.alphabet)


def test_figures(result):
    figures = transformer_lm.plot(result)
    assert list(figures) == ["learning", "samples", "attention"]
    assert len(figures["attention"].axes) == SETTINGS.layers * SETTINGS.heads


def test_a_text_of_the_user_is_read(tmp_path):
    (tmp_path / "own.txt").write_text("abc äöü\n" * 100, encoding="utf-8")
    text = texts.load(str(tmp_path / "own.txt"), 20)
    assert text.tokenizer.decode(text.training) + text.held_out_text == "abc äöü\n" * 100
    assert text.tokenizer.decode(text.held_out) == text.held_out_text
    assert len(text.held_out) == 80
    assert text.prompt == "\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"too short for it", "text must have more than 64 characters, the context"),
        ("a naïve text".encode("latin-1") * 100, r"is not UTF-8 \(byte 4 is ef\)"),
        ("ä text\0".encode() * 100, "is not a text file: byte 7 is 00"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, content, message):
    (tmp_path / "own.txt").write_bytes(content)
    with pytest.raises(InputError, match=message):
        texts.load(str(tmp_path / "own.txt"), 64)


def test_a_missing_text_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.txt cannot be read"):
        texts.load(str(tmp_path / "none.txt"), 64)


@pytest.mark.parametrize(
    "wrong",
    [{"heads": 3}, {"size": 0}, {"steps": 0}, {"learning_rate": 0.0}, {"temperature": -1.0}, {"text": 3}],
)
def test_bad_settings_are_refused(as_user, wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        dataclasses.replace(SETTINGS, **wrong)
