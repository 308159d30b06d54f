import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neuraxis.errors import InputError
from neuraxis.language import WordVectors

random = np.random.default_rng(0)
MADE = WordVectors(tuple("abcdefgh"), random.normal(size=(8, 5)))


def reference(vectors, positive, negative):
    """Cosines with every word that was not asked for, by the formula, in double precision."""
    unit = {word: vectors[word].astype(float) / np.linalg.norm(vectors[word].astype(float)) for word in vectors}
    direction = sum(unit[word] for word in positive) - sum(unit[word] for word in negative)
    direction /= np.linalg.norm(direction)
    cosines = {word: unit[word] @ direction for word in vectors if word not in [*positive, *negative]}
    return sorted(cosines.items(), key=lambda pair: -pair[1])


def assert_equal(answers, expected):
    assert [word for word, _ in answers] == [word for word, _ in expected]
    np.testing.assert_allclose([c for _, c in answers], [c for _, c in expected], rtol=1e-5, atol=1e-6)


def test_a_vector_for_every_word():
    assert len(MADE) == 8
    assert MADE.size == 5
    assert list(MADE) == list("abcdefgh")
    assert "a" in MADE
    assert "z" not in MADE
    assert MADE["c"].dtype == np.float32
    np.testing.assert_array_equal(MADE["c"], MADE.vectors[MADE.index("c")])
    assert repr(MADE) == "<WordVectors: 8 words, 5 numbers each>"
    with pytest.raises(ValueError, match="read-only"):
        MADE["c"][0] = 1


@pytest.mark.parametrize(("positive", "negative"), [(["a"], []), (["a", "b"], ["c"]), (["d"], ["e", "f"])])
def test_most_similar_is_the_formula(positive, negative):
    expected = reference(MADE, positive, negative)
    assert_equal(MADE.most_similar(positive, negative, count=3), expected[:3])
    assert_equal(MADE.most_similar(positive, negative, count=100), expected)


def test_words_may_be_given_singly():
    assert MADE.most_similar("a", "b") == MADE.most_similar(["a"], ("b",))
    assert MADE.most_similar([], "b") == MADE.most_similar((), ["b"])
    assert MADE.analogy("a", "b", "c", count=2) == MADE.most_similar(["b", "c"], ["a"], 2)


def test_similarity_is_the_cosine():
    expected = np.dot(MADE["a"], MADE["b"]) / np.linalg.norm(MADE["a"]) / np.linalg.norm(MADE["b"])
    assert MADE.similarity("a", "b") == pytest.approx(expected, rel=1e-6)
    assert MADE.similarity("a", "a") == pytest.approx(1, abs=1e-7)


def test_a_built_analogy_is_answered():
    words = ("man", "woman", "king", "queen", "apple")
    vectors = WordVectors(words, np.array([[1, 0, 1, 0], [0, 1, 1, 0], [1, 0, 1, 3], [0, 1, 1, 3], [-2, -2, 0, 1]]))
    [(answer, _)] = vectors.analogy("man", "woman", "king", count=1)
    assert answer == "queen"


def test_equals_keep_their_order():
    vectors = WordVectors(tuple("abcde"), np.array([[1, 0], [0, 1], [2, 0], [0, 3], [4, 0]]))
    assert [word for word, _ in vectors.most_similar("a", count=4)] == ["c", "e", "b", "d"]
    assert [word for word, _ in vectors.most_similar("a", count=3)] == ["c", "e", "b"]


def test_zero_vectors_are_similar_to_nothing():
    vectors = WordVectors(("zero", "one", "two"), np.array([[0, 0], [1, 0], [1, 1]]))
    assert vectors.similarity("zero", "one") == vectors.similarity("zero", "zero") == 0
    assert vectors.most_similar("zero") == [("one", 0), ("two", 0)]
    assert vectors.most_similar("one")[1] == ("zero", 0)
    assert vectors.most_similar("one", "one") == [("zero", 0), ("two", 0)]


def test_one_word_has_no_neighbours():
    assert WordVectors(("alone",), np.ones((1, 2))).most_similar("alone") == []


@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(2, 6), st.integers(1, 4)),
        elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
    )
)
def test_no_finite_vector_gives_nan(array):
    vectors = WordVectors(tuple("abcdef"[: len(array)]), array)
    answers = vectors.most_similar("a", "b", count=6) + vectors.most_similar(["a", "b"], count=6)
    cosines = [cosine for _, cosine in answers] + [vectors.similarity("a", "b")]
    assert np.all(np.abs(cosines) <= 1)


def test_single_precision_is_not_copied():
    array = random.normal(size=(4, 3)).astype(np.float32)
    vectors = WordVectors(tuple("abcd"), array)
    assert np.shares_memory(vectors.vectors, array)
    assert array.flags.writeable
    assert vectors.vectors.flags.c_contiguous
    assert WordVectors(tuple("abc"), array.T).vectors.flags.c_contiguous


def test_counts_are_kept():
    assert WordVectors(("a", "b"), np.eye(2), np.array([3, 0])).counts.tolist() == [3, 0]
    assert MADE.counts is None


def test_an_unknown_word_is_told_the_nearest():
    vectors = WordVectors(("king", "queen"), np.eye(2))
    for ask in (vectors.index, vectors.most_similar, lambda w: vectors[w], lambda w: vectors.similarity("king", w)):
        with pytest.raises(InputError, match="the word 'kign' is not known; the nearest known are 'king'"):
            ask("kign")
    with pytest.raises(InputError, match="'quen' is not known; the nearest known are 'queen'"):
        vectors.analogy("king", "queen", "quen")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((("a", "b"), [[1.0, 2.0]]), r"vectors must have shape \(2, size\), a vector for each word, but have shape"),
        ((("a",), [1.0]), r"vectors must have shape \(1, size\)"),
        ((("a",), [[]]), r"vectors must have shape \(1, size\), .* but have shape \(1, 0\)"),
        ((("a", "b"), [[1.0], [np.nan]]), "vectors must be finite, but that of 'b' is not"),
        ((("a", "b"), [[-np.inf], [1.0]]), "vectors must be finite, but that of 'a' is not"),
        ((("a", "b"), [[1.0], [1e39]]), "vectors must be finite, but that of 'b' is not"),
        ((("a", "a"), [[1.0], [2.0]]), "every word must appear once in words, but 'a' appears twice"),
        (((), np.zeros((0, 3))), "words must contain a word, but is empty"),
        ((("a",), [["x"]]), "vectors must be an array of numbers"),
        ((("a",), [[1j]]), "vectors must contain real numbers"),
        ((("a",), [[1.0]], [1, 2]), r"counts must be integers of shape \(1,\)"),
        ((("a",), [[1.0]], [-1]), "counts must be integers .* and none below 0"),
        ((("a",), [[1.0]], [0.5]), "counts must be integers"),
    ],
)
def test_bad_vectors(as_user, arguments, message):
    with pytest.raises(InputError, match=message):
        WordVectors(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), "most_similar needs a word to compare with, but positive and negative are empty"),
        (("a", 3), "negative must be a word or a list of words, but is 3"),
        ((None,), "positive must be a word or a list of words, but is None"),
        (([3],), "a word must be text, but is 3"),
        (("a", (), 0), "count must be an integer of at least 1, but is 0"),
        (("a", (), 2.0), "count must be an integer"),
    ],
)
def test_bad_questions(as_user, arguments, message):
    with pytest.raises(InputError, match=message):
        MADE.most_similar(*arguments)
