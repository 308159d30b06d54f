"""gensim reads what neuraxis writes and the other way round, and both give the same answers."""

from pathlib import Path

import gensim
import numpy as np
import pytest
from gensim.models import KeyedVectors

from neuraxis.language import (
    WordVectors,
    evaluate_analogies,
    evaluate_similarity,
    load_word2vec_binary,
    load_word2vec_text,
    save_word2vec_binary,
    save_word2vec_text,
)

DATA = Path(gensim.__file__).parent / "test" / "test_data"

# All of gensim's test files that are in one of these formats: those that KeyedVectors.load_word2vec_format reads.
TEXTS = [
    "EN.1-10.cbow1_wind5_hs0_neg10_size300_smpl1e-05.txt",
    "IT.1-10.cbow1_wind5_hs0_neg10_size300_smpl1e-05.txt",
    "crime-and-punishment.vec",
    "high_precision.kv.txt",
    "lee_fasttext.vec",
    "pang_lee_polarity_fasttext.vec",
    "test_glove.txt",
    "toy-model.vec",
    "w2v_keyedvectors_load_test.modeldata",
    "word2vec_pre_kv_c",
]
BINARIES = ["euclidean_vectors.bin", "high_precision.kv.bin", "poincare_vectors.bin"]


def replaced(word):
    return word.decode(errors="replace")


def twin(vectors):
    theirs = KeyedVectors(vectors.size)
    theirs.add_vectors(list(vectors.words), vectors.vectors)
    return theirs


def assert_same(ours, theirs):
    assert list(ours.words) == theirs.index_to_key
    assert ours.vectors.tobytes() == theirs.vectors.tobytes()


@pytest.fixture(scope="module")
def lee():
    return load_word2vec_text(DATA / "lee_fasttext.vec")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # gensim leaves GloVe's file open
@pytest.mark.parametrize("name", TEXTS)
def test_their_text_files(name):
    theirs = KeyedVectors.load_word2vec_format(
        DATA / name, no_header=name == "test_glove.txt", unicode_errors="replace"
    )
    assert_same(load_word2vec_text(DATA / name, replaced), theirs)


@pytest.mark.parametrize("name", BINARIES)
def test_their_binary_files(name):
    assert_same(load_word2vec_binary(DATA / name), KeyedVectors.load_word2vec_format(DATA / name, binary=True))


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2"])
def test_they_read_ours_and_we_read_theirs(tmp_path, suffix):
    random = np.random.default_rng(0)
    array = random.normal(size=(50, 7)).astype(np.float32)
    array[0] = [0, -0.0, 1e-45, -1e-40, 3e38, -3e38, 1]
    vectors = WordVectors(("größe", "new_york", "日本", *map(str, range(47))), array)
    save_word2vec_text(vectors, text := f"{tmp_path}/ours.txt{suffix}")
    save_word2vec_binary(vectors, binary := f"{tmp_path}/ours.bin{suffix}")
    assert_same(vectors, KeyedVectors.load_word2vec_format(text))
    assert_same(vectors, KeyedVectors.load_word2vec_format(binary, binary=True))
    twin(vectors).save_word2vec_format(text)
    twin(vectors).save_word2vec_format(binary, binary=True)
    assert_same(load_word2vec_text(text), twin(vectors))
    assert_same(load_word2vec_binary(binary), twin(vectors))


@pytest.mark.parametrize(
    ("positive", "negative"), [(["government"], []), (["Minister", "Sydney"], ["Gaza"]), (["the"], ["of", "to"])]
)
def test_most_similar(lee, positive, negative):
    theirs = twin(lee).most_similar(positive, negative, topn=20)
    ours = lee.most_similar(positive, negative, count=20)
    assert [word for word, _ in ours] == [word for word, _ in theirs]
    np.testing.assert_allclose([c for _, c in ours], [c for _, c in theirs], rtol=1e-5)


def test_similarity_and_analogy(lee):
    theirs = twin(lee)
    for a, b in zip(lee.words[:50], lee.words[50:100], strict=True):
        assert lee.similarity(a, b) == pytest.approx(float(theirs.similarity(a, b)), abs=1e-6)
    a, b, c = lee.words[100:103]
    assert [word for word, _ in lee.analogy(a, b, c)] == [
        word for word, _ in theirs.most_similar(positive=[b, c], negative=[a])
    ]


@pytest.fixture(scope="module")
def made():
    """Vectors of the words of the questions and pairs, in which a third of the questions can be answered."""
    words = {}
    for line in (DATA / "questions-words.txt").read_text().splitlines():
        words |= dict.fromkeys(line.split() if not line.startswith(":") else [])
    words |= {word.lower(): None for word in list(words)[::3]} | dict.fromkeys(["tiger", "cat", "book", "paper"])
    random = np.random.default_rng(0)
    array = random.normal(size=(len(words), 30)).astype(np.float32)
    # The second of a pair is the first with something added that all of a kind share.
    for line in (DATA / "questions-words.txt").read_text().splitlines():
        if line.startswith(":"):
            shared = random.normal(size=30)
        else:
            numbers = [list(words).index(word) for word in line.split()[:2]]
            array[numbers[1]] = array[numbers[0]] + shared
    return WordVectors(tuple(words), array)


@pytest.mark.parametrize(("max_words", "ignore_case"), [(300_000, True), (300_000, False), (400, True)])
def test_analogies_of_a_file(made, tmp_path, max_words, ignore_case):
    lines = (DATA / "questions-words.txt").read_text().splitlines(keepends=True)
    path = tmp_path / "questions.txt"
    path.write_text("".join(line for i, line in enumerate(lines) if line.startswith(":") or i % 10 == 0))
    score, theirs = twin(made).evaluate_word_analogies(path, max_words, ignore_case)
    *ours, total = evaluate_analogies(made, path, max_words, ignore_case)
    assert total.accuracy == pytest.approx(score)
    assert 0 < total.correct < total.asked
    expected = {s["section"]: (len(s["correct"]), len(s["correct"]) + len(s["incorrect"])) for s in theirs[:-1]}
    assert {s.name: (s.correct, s.asked) for s in ours} == expected


@pytest.mark.parametrize(("max_words", "ignore_case"), [(300_000, True), (300_000, False), (1000, True)])
def test_pairs_of_a_file(lee, max_words, ignore_case):
    _, (rho, _), unknown = twin(lee).evaluate_word_pairs(
        DATA / "wordsim353.tsv", restrict_vocab=max_words, case_insensitive=ignore_case
    )
    score = evaluate_similarity(lee, DATA / "wordsim353.tsv", max_words, ignore_case)
    assert score.spearman == pytest.approx(float(rho), abs=1e-3)
    assert score.unknown / (score.pairs + score.unknown) == pytest.approx(unknown / 100)
