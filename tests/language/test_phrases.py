from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuraxis.data import Text
from neuraxis.errors import DataError, InputError
from neuraxis.language import Phrases, Sentences, phrases

LINES = [["new", "york", "times"], ["a", "new", "york", "day"], ["a", "day", "a", "year"], ["new", "york"]]


def reference(sentences, min_count, threshold):
    """The score by its formula, in a loop."""
    words = Counter(word for sentence in sentences for word in sentence)
    pairs = Counter(pair for sentence in sentences for pair in pairwise(sentence))
    length = sum(map(len, sentences))
    scores = {(a, b): (n - min_count) * length / words[a] / words[b] for (a, b), n in pairs.items()}
    return {pair: score for pair, score in scores.items() if score > threshold}


@given(
    st.lists(st.lists(st.sampled_from("abcd"), max_size=12), min_size=1, max_size=12),
    st.integers(1, 3),
    st.sampled_from([0.0, 0.5, 1.0]),
)
def test_scores_are_the_formula(sentences, min_count, threshold):
    try:
        found = Phrases.find(sentences, min_count, threshold).scores
    except DataError:
        assert max(Counter(word for sentence in sentences for word in sentence).values(), default=0) < min_count
        return
    expected = reference(sentences, min_count, threshold)
    assert found == pytest.approx(expected)
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_blocks_do_not_show(monkeypatch):
    random = np.random.default_rng(0)
    sentences = [[str(i) for i in random.integers(0, 6, 9)] for _ in range(40)]
    expected = reference(sentences, 1, 1.0)
    assert expected
    assert Phrases.find(sentences, 1, 1.0).scores == pytest.approx(expected)
    monkeypatch.setattr(phrases, "_BLOCK", 20)
    assert Phrases.find(sentences, 1, 1.0).scores == pytest.approx(expected)
    # Of more pairs than are held, those stay that are frequent.
    few = Phrases.find([*sentences, ["0", "1"] * 50], 1, 1.0, max_distinct=10)
    assert ("0", "1") in few.scores


def test_phrases_are_joined_from_left_to_right():
    found = Phrases({("new", "york"): 9.0, ("york", "times"): 9.0, ("a", "a"): 9.0})
    joined = found.join([["new", "york", "times"], ["a", "a", "a"], ["york", "times", "new"], ["york"]])
    expected = [["new_york", "times"], ["a_a", "a"], ["york_times", "new"], ["york"]]
    assert list(joined) == expected
    assert list(joined) == expected
    assert len(found) == 3
    assert repr(found) == "<Phrases: 3 pairs of words>"


def test_a_second_pass_finds_longer_ones():
    lines = [["the", "new", "york", "times", "said"], ["so", "new", "york", "times"], ["old", "times", "new", "hat"]]
    lines *= 9
    once = Phrases.find(lines, min_count=5, threshold=2.0)
    assert ("new", "york") in once.scores
    twice = Phrases.find(once.join(lines), min_count=5, threshold=2.5)
    assert ("new_york", "times") in twice.scores
    assert next(iter(twice.join(once.join(lines)))) == ["the", "new_york_times", "said"]


def test_texts_are_streamed(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("\n".join(map(" ".join, LINES)))
    expected = reference(LINES, 1, 1.0)
    assert ("new", "york") in expected
    for source in (path, str(path), Text("t", "t", path.read_text()), Sentences(path)):
        found = Phrases.find(source, 1, 1.0)
        assert found.scores == pytest.approx(expected)
        assert next(iter(found.join(source))) == ["new_york", "times"]
    # Sentences stay as long as they were.
    long = Sentences([["a"] * 20_001], max_words=30_000)
    assert [len(sentence) for sentence in found.join(long)] == [20_001]


def test_a_text_without_phrases():
    found = Phrases.find([["a", "b"], ["c"]], min_count=1)
    assert not found.scores
    assert list(found.join([["a", "b"]])) == [["a", "b"]]
    assert not Phrases.find([["a"]], min_count=1).scores


def test_bad_input(as_user):
    with pytest.raises(DataError, match="no word of the text appears min_count=5 times"):
        Phrases.find(LINES)
    with pytest.raises(InputError, match="threshold must be finite and not negative, but is -1"):
        Phrases.find(LINES, threshold=-1)
    with pytest.raises(InputError, match="threshold must be"):
        Phrases.find(LINES, threshold=[1.0, 2.0])
    with pytest.raises(InputError, match="max_distinct must be an integer of at least 1, but is 0"):
        Phrases.find(LINES, max_distinct=0)
    with pytest.raises(InputError, match="scores must be a Mapping, but is 3"):
        Phrases(3)
    with pytest.raises(InputError, match="scores must be those of pairs of words, but one is of 'ab'"):
        Phrases({"ab": 1.0})
