import numpy as np
import pytest

from neuraxis.errors import DataError, InputError
from neuraxis.language import AnalogyScore, WordVectors, analogies, evaluate_analogies

# Sexes, and royalty or not, each along an axis of its own.
WORDS = ("man", "woman", "King", "queen", "king", "apple")
VECTORS = WordVectors(WORDS, np.array([[1, 0, 0], [0, 1, 0], [1, 0, 2], [0, 1, 2], [1.1, 0, 2], [-1, -1, -1]]))
RIGHT = ("man", "woman", "king", "queen")
WRONG = ("man", "woman", "king", "apple")
UNKNOWN = ("man", "woman", "boy", "girl")


@pytest.fixture
def questions(tmp_path):
    def write(text):
        path = tmp_path / "questions.txt"
        path.write_text(text)
        return path

    return write


def test_sections_and_their_total(questions):
    right, wrong, unknown = map(" ".join, (RIGHT, WRONG, UNKNOWN))
    text = f": one\n{right}\n{wrong.upper()}\n\n: two\n{unknown}\r\nKING man QUEEN woman\n"
    one, two, total = evaluate_analogies(VECTORS, questions(text))
    assert one == AnalogyScore("one", correct=1, asked=2, unknown=0)
    assert two == AnalogyScore("two", correct=1, asked=1, unknown=1)
    assert total == AnalogyScore("total", correct=2, asked=3, unknown=1)
    assert (one.accuracy, two.accuracy) == (0.5, 1)


def test_questions_in_a_list():
    assert evaluate_analogies(VECTORS, [RIGHT, list(WRONG)])[0] == AnalogyScore("analogies", 1, 2, 0)
    assert evaluate_analogies(VECTORS, [UNKNOWN])[-1].accuracy == 0


def test_other_forms_of_a_word_are_no_answer():
    # "King" is nearest to woman − man + king in a space where the sexes hardly differ.
    near = {"man": [1, 0, 0], "woman": [1, 0.1, 0], "king": [1, 0, 2], "King": [1, 0.05, 2], "queen": [1, 0.6, 2]}
    vectors = WordVectors(tuple(near), np.array(list(near.values())))
    assert vectors.analogy("man", "woman", "king")[0][0] == "King"
    assert evaluate_analogies(vectors, [RIGHT])[-1].correct == 1
    assert evaluate_analogies(vectors, [RIGHT], ignore_case=False)[-1].correct == 0


def test_case_and_number_of_words():
    assert evaluate_analogies(VECTORS, [("Man", "Woman", "King", "Queen")], ignore_case=False)[-1].unknown == 1
    assert evaluate_analogies(VECTORS, [RIGHT], max_words=3)[-1].unknown == 1
    assert evaluate_analogies(VECTORS, [RIGHT], max_words=4)[-1].correct == 1


def test_nothing_else_to_answer():
    vectors = WordVectors(("a", "b", "c"), np.eye(3))
    assert evaluate_analogies(vectors, [("a", "b", "c", "a")])[-1] == AnalogyScore("total", 0, 1, 0)


def test_blocks_do_not_show(monkeypatch):
    random = np.random.default_rng(0)
    words = tuple("abcdefghijkl")
    vectors = WordVectors(words, random.normal(size=(12, 3)))
    questions = [tuple(random.choice(list(words), 4, replace=False)) for _ in range(50)]
    expected = sum(vectors.analogy(*question[:3], count=1)[0][0] == question[3] for question in questions)
    assert expected
    assert evaluate_analogies(vectors, questions)[-1].correct == expected
    monkeypatch.setattr(analogies, "_BLOCK", 1)
    assert evaluate_analogies(vectors, questions)[-1].correct == expected


def test_bad_files(questions):
    with pytest.raises(DataError, match=r"line 3 of .*questions\.txt must be four words, but is 'a b c'"):
        evaluate_analogies(VECTORS, questions(": one\na b c d\na b c\n"))
    with pytest.raises(DataError, match=r"questions\.txt contains no question"):
        evaluate_analogies(VECTORS, questions(": one\n"))
    with pytest.raises(DataError, match="none cannot be read: No such file"):
        evaluate_analogies(VECTORS, "none")


def test_bad_input(as_user):
    with pytest.raises(DataError, match="the list contains no question"):
        evaluate_analogies(VECTORS, [])
    for question in ("abcd", ("a", "b", "c"), ("a", "b", "c", 4), 3):
        with pytest.raises(InputError, match="a question must be four words, but is"):
            evaluate_analogies(VECTORS, [question])
    with pytest.raises(InputError, match="questions must be a path or a list, but is 3"):
        evaluate_analogies(VECTORS, 3)
    with pytest.raises(InputError, match="vectors must be a WordVectors, but is None"):
        evaluate_analogies(None, [RIGHT])
    with pytest.raises(InputError, match="max_words must be an integer of at least 1, but is 0"):
        evaluate_analogies(VECTORS, [RIGHT], max_words=0)
    with pytest.raises(InputError, match="ignore_case must be True or False, but is 1"):
        evaluate_analogies(VECTORS, [RIGHT], ignore_case=1)
