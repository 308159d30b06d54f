from pathlib import Path

import numpy as np
import pytest

from neuraxis.errors import DataError
from neuraxis.language.encoded import NO_WORD, encoded
from neuraxis.language.sentences import Sentences
from neuraxis.language.vocabulary import Vocabulary

VOCABULARY = Vocabulary(("a", "b", "c"), np.array([3, 2, 1]))


def test_marks_the_first_known_word_of_each_sentence():
    sentences = Sentences([["x", "b", "a", "c"], ["x"], ["a", "y", "b"]])
    with encoded(sentences, VOCABULARY, 3, 3) as chunks:
        assert np.array(chunks).tolist() == [[~1, 0, 2], [~0, 1, NO_WORD], [NO_WORD] * 3]
        path = Path(chunks.filename)
        assert path.exists()
    assert not path.exists()


def test_many_sentences_are_as_one_after_the_other():
    lists = [["a", "b", "c"] * 7, ["c"]] * 5000
    with encoded(Sentences(lists), VOCABULARY, 1000, 110) as chunks:
        flat = np.array(chunks).ravel()
    assert flat.size == 110_000
    expected = np.tile([~0, 1, 2, *[0, 1, 2] * 6, ~2], 5000)
    np.testing.assert_array_equal(flat, expected)


def test_no_pairs():
    with (
        pytest.raises(DataError, match="no sentence of the text contains two known words"),
        encoded(Sentences([["a"], ["x", "b"]]), VOCABULARY, 3, 1),
    ):
        pass


def test_a_text_that_grew_since_it_was_counted():
    with (
        pytest.raises(DataError, match="more than the 4 words"),
        encoded(Sentences([["a", "b", "a", "b", "a"]]), VOCABULARY, 2, 2),
    ):
        pass
