import io

import jax
import numpy as np
import pytest

from neuraxis.data import published
from neuraxis.errors import InputError
from neuraxis.experiments.shared import images, scorer
from neuraxis.feedforward import CNN

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def untrained():
    return scorer.Scorer(CNN((8, 8, 1), (4, 4), (6,), 10, key=jax.random.key(0)), RANDOM.random((40, 8, 8, 1)))


def test_scores_are_those_of_the_logits(untrained):
    x = RANDOM.random((20, 8, 8, 1), np.float32)
    logits = np.asarray(untrained.network(x), float)
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    found = untrained.scores(x)
    assert found.confidence == pytest.approx(p.max(1).mean(), rel=1e-5)
    assert found.classes == len(set(p.argmax(1)))
    assert list(found.metrics()) == ["confidence", "classes", "class_entropy", "frechet_distance"]
    assert found == untrained.scores(x.reshape(20, 64))


def test_the_reference_has_no_distance_from_itself(untrained):
    assert untrained.scores(untrained.test[::2]).frechet_distance == pytest.approx(0, abs=1e-6)
    rows = scorer.table(untrained, {"ours": untrained.test[::2]})
    assert list(rows) == ["test images", "ours", "noise"]
    assert rows["test images"].frechet_distance > 0
    scorer.plot_table(rows).savefig(io.BytesIO())


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (np.ones((3, 7)), r"images must have shape \(N, 8, 8, 1\) or \(N, 64\) .* but have shape \(3, 7\)"),
        (np.ones((1, 64)), "at least 2"),
        (np.full((2, 64), 1.5), "images must be between 0 and 1, but range from 1.5 to 1.5"),
        (np.full((2, 64), np.nan), "images must be finite"),
        ("picture", "images must be a number"),
    ],
)
def test_what_are_no_images_is_refused(untrained, wrong, words):
    with pytest.raises(InputError, match=words):
        untrained.scores(wrong)


@pytest.mark.slow
def test_it_is_trained_once_and_again_where_its_file_is_damaged(tmp_path, monkeypatch):
    monkeypatch.setattr(published, "cache", lambda: tmp_path)
    first = scorer.load("digits", progress=False)
    read_right = np.argmax(first.network(first.test), axis=1) == images.find("digits").test_y
    assert read_right.mean() > 0.97
    rows = scorer.table(first, {})
    assert rows["test images"].confidence > 0.95
    assert rows["test images"].classes == 10
    assert rows["noise"].frechet_distance > 5 * rows["test images"].frechet_distance
    (file,) = tmp_path.rglob("*.safetensors")
    kept = file.read_bytes()
    monkeypatch.setattr(scorer, "_train", None)  # which is not needed
    assert scorer.load("digits", progress=False).scores(first.test) == first.scores(first.test)
    monkeypatch.undo()
    monkeypatch.setattr(published, "cache", lambda: tmp_path)
    file.write_bytes(kept[:1000])
    assert scorer.load("digits", progress=False).scores(first.test) == first.scores(first.test)
    assert file.read_bytes() == kept
