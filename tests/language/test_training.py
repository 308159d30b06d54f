import jax
import numpy as np
import pytest

from neuraxis.errors import DataError, InputError
from neuraxis.language import train_word_vectors

KEY = jax.random.key(0)
random = np.random.default_rng(0)
# Two topics that never meet.
TEXT = [[f"{topic}{n}" for n in random.integers(0, 6, 12)] for topic in "ab" for _ in range(300)]


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("\n".join(map(" ".join, TEXT)))
    return train_word_vectors(path, size=10, epochs=20, key=KEY, progress=None)


def test_words_of_one_topic_are_near_each_other(vectors):
    assert len(vectors) == 12
    for word in vectors:
        assert {near[0] for near, _ in vectors.most_similar(word, count=5)} == {word[0]}


def test_a_file_and_lists_and_two_runs_give_the_same(vectors):
    again = train_word_vectors(TEXT, size=10, epochs=20, key=KEY, progress=None)
    assert again.words == vectors.words
    np.testing.assert_array_equal(again.vectors, vectors.vectors)
    assert again.counts.sum() == 2 * 300 * 12


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ([], {}, "the text contains no word"),
        ([["one"]], {"min_count": 1}, "no sentence of the text contains two known words"),
        ([["one", "two"]], {}, "no word of the text appears min_count=5 times"),
        (TEXT, {"size": 0}, "size must be an integer"),
        (TEXT, {"window": 0}, "window must be an integer"),
        (TEXT, {"negatives": 0}, "negatives must be an integer"),
        (TEXT, {"epochs": 0}, "epochs must be an integer"),
        (TEXT, {"key": 7}, "key must be one random key"),
        ("no/such/file.txt", {}, "cannot be read"),
        (5, {}, "sentences must be the path of a text file"),
    ],
)
def test_bad_input(as_user, text, settings, message):
    with pytest.raises((InputError, DataError), match=message):
        train_word_vectors(text, **{"key": KEY, "progress": None} | settings)
