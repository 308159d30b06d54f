from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuraxis.data import Text
from neuraxis.errors import DataError, InputError
from neuraxis.language import Sentences, Vocabulary

LINES = [["b", "a", "c"], ["a", "c"], ["d", "a"]]


def test_most_frequent_first_and_first_seen_among_equals():
    vocabulary = Vocabulary.count(LINES, min_count=1)
    assert vocabulary.words == ("a", "c", "b", "d")
    assert vocabulary.counts.tolist() == [3, 2, 1, 1]
    assert Vocabulary.count(LINES, min_count=2).words == ("a", "c")
    assert Vocabulary.count(LINES, min_count=1, max_size=3).words == ("a", "c", "b")
    assert len(vocabulary) == 4
    assert "d" in vocabulary
    assert "e" not in vocabulary
    assert vocabulary.index("b") == 2
    assert repr(vocabulary) == "<Vocabulary: 4 words, 7 tokens>"
    assert not vocabulary.counts.flags.writeable


def test_texts_paths_and_streams_are_counted(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("a b\nb")
    for source in (path, str(path), Text("t", "t", "a b\nb"), Sentences(path), [["a", "b"], ["b"]]):
        assert Vocabulary.count(source, min_count=1).words == ("b", "a")


def test_rare_words_make_room_for_others():
    lines = [["a", "b"], ["a", "c"], ["a", "d"], ["d"], ["e"]]
    vocabulary = Vocabulary.count(lines, min_count=1, max_distinct=3)
    # b and c are dropped when d comes, and so is d itself, which then comes back with one count less.
    assert dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True)) == {"a": 3, "d": 1, "e": 1}


@given(st.lists(st.lists(st.sampled_from("abcdefg"))), st.integers(1, 3))
def test_counts_are_those_of_a_loop(sentences, min_count):
    counts = Counter(word for sentence in sentences for word in sentence)
    expected = {word: count for word, count in counts.items() if count >= min_count}
    if expected:
        vocabulary = Vocabulary.count(sentences, min_count)
        assert dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True)) == expected
        tokens = [word for sentence in sentences for word in sentence]
        known = [word for word in tokens if word in expected]
        numbers = vocabulary.encode(tokens)
        assert numbers.dtype == np.int32
        assert [vocabulary.words[number] for number in numbers] == known
    else:
        with pytest.raises(DataError):
            Vocabulary.count(sentences, min_count)


def test_one_word_and_unknown_words_are_encoded():
    vocabulary = Vocabulary(("word",), np.array([7]))
    assert vocabulary.words == ("word",)
    assert vocabulary.encode([]).tolist() == []
    assert vocabulary.encode(("none", "word")).tolist() == [0]
    assert vocabulary.encode(iter(["word"])).tolist() == [0]
    assert vocabulary.lookup(["none", "word"]).tolist() == [-1, 0]


def test_an_unknown_word_is_told_the_nearest(as_user):
    vocabulary = Vocabulary(["king", "queen", "Paris", "NASA", "new_york"], [9, 8, 7, 6, 5])
    for word, near in {
        "kign": "king",
        "paris": "Paris",
        "nasa": "NASA",
        "new york": "new_york",
        "King": "king",
    }.items():
        with pytest.raises(InputError, match=f"the word '{word}' is not known; the nearest known are '{near}'"):
            vocabulary.index(word)
    with pytest.raises(InputError, match="the word 'zzz' is not known; 5 others are"):
        vocabulary.index("zzz")
    with pytest.raises(InputError, match="a word must be text, but is 3"):
        vocabulary.index(3)


def test_bad_texts():
    with pytest.raises(DataError, match="the text contains no word"):
        Vocabulary.count(Text("t", "t", " \n"))
    with pytest.raises(DataError, match="min_count=5 times; the most frequent, 'a', appears 3 times"):
        Vocabulary.count(LINES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], []), "words must contain a word, but is empty"),
        ((["a", "a"], [2, 1]), "every word must appear once in words, but 'a' appears twice"),
        ((["a", 3], [2, 1]), "a word must be text, but is 3"),
        (("ab", [2, 1]), "words must be a list of words, but is 'ab'"),
        ((["a", "b"], [1, 2]), "counts must fall, the most frequent word first, but they rise"),
        ((["a", "b"], [1, 0]), "counts must be positive and finite, but is 0 at index"),
        ((["a", "b"], [1]), r"counts must be integers of shape \(2,\), one for each word, but has shape \(1,\)"),
        ((["a"], [1.5]), "counts must be integers"),
        ((["a"], None), "counts must be"),
    ],
)
def test_bad_vocabularies(as_user, arguments, message):
    with pytest.raises(InputError, match=message):
        Vocabulary(*arguments)


@pytest.mark.parametrize(
    "settings", [{"min_count": 0}, {"min_count": 1.5}, {"max_size": 0}, {"max_size": "all"}, {"max_distinct": 0}]
)
def test_bad_settings(as_user, settings):
    with pytest.raises(InputError, match="must be an integer of at least 1"):
        Vocabulary.count(LINES, **settings)


def test_bad_tokens(as_user):
    vocabulary = Vocabulary(["a"], [1])
    for tokens in ("a", 3, None, ["a", ["b"]]):
        with pytest.raises(InputError, match="must be"):
            vocabulary.encode(tokens)
