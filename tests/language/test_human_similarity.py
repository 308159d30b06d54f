from itertools import combinations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from neuraxis.errors import DataError, InputError
from neuraxis.language import SimilarityScore, WordVectors, evaluate_similarity, human_similarity

random = np.random.default_rng(0)
WORDS = tuple("abcdefghij")
VECTORS = WordVectors(WORDS, random.normal(size=(10, 4)))


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "pairs.tsv"
        path.write_text(text)
        return path

    return write


@given(st.lists(st.integers(0, 5), min_size=1, max_size=20))
def test_equal_values_share_their_rank(values):
    np.testing.assert_array_equal(human_similarity._ranks(np.array(values, float)), scipy.stats.rankdata(values))


def test_equals_scipy():
    pairs = [(a, b, float(random.integers(0, 5))) for a, b in combinations(WORDS, 2)]
    expected = scipy.stats.spearmanr([c for *_, c in pairs], [VECTORS.similarity(a, b) for a, b, _ in pairs]).statistic
    score = evaluate_similarity(VECTORS, pairs)
    assert score.spearman == pytest.approx(expected, abs=1e-9)
    assert (score.pairs, score.unknown) == (45, 0)


def test_a_file_with_comments_headings_and_unknown_words(file):
    lines = "# about\nWord 1\tWord 2\tHuman (mean)\na\tb\t1\n\nC\tD\t2.5\r\ne\tf\t10\na\tzebra\t3\n"
    expected = evaluate_similarity(VECTORS, [("a", "b", 1.0), ("c", "d", 2.5), ("e", "f", 10.0)])
    score = evaluate_similarity(VECTORS, file(lines))
    assert score == SimilarityScore(expected.spearman, pairs=3, unknown=1)
    assert evaluate_similarity(VECTORS, file(lines), ignore_case=False).unknown == 2
    assert evaluate_similarity(VECTORS, file(lines), max_words=4).unknown == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"of the 0 pairs of .*pairs\.tsv only 0 are of known words"),
        ("a\tb\t1\na\tz\t2\n", r"of the 2 pairs of .* only 1 are of known words"),
        ("a\tb\t1\na\tc\t1\n", "cannot be ranked: all judgements or all similarities are equal"),
        ("a\tb\t1\na\tb\t2\n", "cannot be ranked: all judgements or all similarities are equal"),
        ("a\tb\t1\na c 2\n", r"line 2 of .* must be two words and a number, separated by tabs, but is 'a c 2'"),
        ("a b 1\na c 2\n", r"line 1 of .* must be two words and a number, separated by tabs"),
        ("a\tb\t1\na\tc\tx\n", r"line 2 of .* must be two words and a number"),
        ("a\tb\t1\na\tc\tnan\n", r"line 2 of .* must be two words and one finite number"),
        ("a\tb\t1\t2\n", r"line 1 of .* must be two words and one finite number"),
    ],
)
def test_bad_files(file, text, message):
    with pytest.raises(DataError, match=message):
        evaluate_similarity(VECTORS, file(text))


def test_bad_input(as_user):
    for pair in (("a", "b"), "ab1", ("a", 2, 3)):
        with pytest.raises(InputError, match="a pair must be two words and a number, but is"):
            evaluate_similarity(VECTORS, [pair])
    with pytest.raises(InputError, match="the judgement of 'a' and 'b' must be finite, but is nan"):
        evaluate_similarity(VECTORS, [("a", "b", np.nan)])
    with pytest.raises(InputError, match="pairs must be a path or a list, but is None"):
        evaluate_similarity(VECTORS, None)
    with pytest.raises(DataError, match="none cannot be read"):
        evaluate_similarity(VECTORS, "none")
