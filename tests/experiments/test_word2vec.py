import numpy as np
import pytest

from neuraxis.errors import DataError, InputError
from neuraxis.experiment import Session
from neuraxis.experiments import names, word2vec
from neuraxis.experiments.word2vec import grammar, text
from neuraxis.language import Vocabulary, WordVectors, load_word2vec_text

random = np.random.default_rng(0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def result(folder):
    return word2vec.run(word2vec.QUICK, Session(folder, progress=False))


def test_claims_hold_in_the_quick_run(result):
    failed = {claim.metric for claim in result.claims if not claim.of_quick().holds(result.metrics)}
    assert failed <= {"related_words_among_ten_nearest"}  # which takes more epochs


def test_the_vectors_are_written_for_other_programs(result, folder):
    vectors = load_word2vec_text(folder / "vectors.txt")
    assert vectors.words == result.arrays["vectors"].words
    np.testing.assert_array_equal(vectors.vectors, result.arrays["vectors"].vectors)


def test_figures_are_drawn(result):
    figures = word2vec.plot(result)
    assert set(figures) == {"relations", "loss", "neighbours", "map"}
    assert all(figure.axes for figure in figures.values())


@pytest.mark.slow
def test_a_text_of_your_own(tmp_path):
    path = tmp_path / "own.txt"
    path.write_text("\n".join(map(" ".join, grammar.sentences(3000, random))))
    settings = word2vec.Settings(text=str(path), epochs=1, size=8, grammar_sentences=500, grammar_epochs=1)
    result = word2vec.run(settings, Session(progress=False))
    assert str(path) in result.data
    assert {claim.metric for claim in result.claims} == {
        "analogies_right_softmax",
        "analogies_right_negative_sampling",
    }
    assert set(word2vec.plot(result)) == {"relations", "loss", "neighbours", "map"}


def test_the_grammar_knows_every_word_of_its_pairs():
    vocabulary = Vocabulary.count(grammar.sentences(3000, random), min_count=5)
    related = [word for pairs in grammar.pairs().values() for pair in pairs for word in pair]
    assert len(related) == len(set(related)) == 64
    assert all(word in vocabulary for word in related)


def test_analogies_right_counts_both_directions():
    """Vectors that are sums of a part for the pair and a part for the side answer all; vectors at random, none."""
    places, words = [], []
    for number, pairs in enumerate(grammar.pairs().values()):
        for pair in pairs:
            own = random.normal(size=40)
            side = np.eye(40)[number]
            places += [own - side, own + side]
            words += pair
    assert grammar.analogies_right(WordVectors(tuple(words), np.array(places))) == 1
    assert grammar.analogies_right(WordVectors(tuple(words), random.normal(size=(64, 40)))) < 0.1


def test_related_words_are_counted_in_either_direction():
    words = ("king", "queen", "sun", "moon", *(f"w{i}" for i in range(40)))
    places = random.normal(size=(44, 20))
    places[1] = places[0] + 0.1
    places[2] = -places[3]
    assert text.related_found(WordVectors(words, places)) == (0.5, 2)
    found, pairs = text.related_found(WordVectors(words[4:], places[4:]))
    assert np.isnan(found)
    assert pairs == 0


def test_words_of_a_line():
    assert text.words("The King's, \"naïve\" love's-labour; 3 o'clock_x") == [
        "the", "king's", "naïve", "love's", "labour", "o'clock", "x"
    ]  # fmt: skip


def test_it_is_listed_once():
    assert [name for name in names() if "word2vec" in name] == ["word2vec"]


@pytest.mark.parametrize("wrong", ["size", "window", "negatives", "min_count", "epochs", "grammar_epochs"])
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InputError, match=wrong):
        word2vec.Settings(**{wrong: 0})


def test_bad_texts_are_refused(as_user):
    for wrong in (3, "a\0b"):
        with pytest.raises(InputError, match="text must be"):
            word2vec.Settings(text=wrong)
    with pytest.raises(DataError, match="no/such/file cannot be read"):
        word2vec.run(word2vec.Settings(text="no/such/file"))
