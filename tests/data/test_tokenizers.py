import json
import sys

import numpy as np
import pytest

from neuraxis.data import BytePairs, Characters, Tokenizer, tokenizers
from neuraxis.errors import DataError, InputError

TEXT = "to be, or not to be — that is the question: 𝄞 \0\n"


@pytest.fixture(scope="module")
def pairs():
    return BytePairs.of(TEXT * 5, 270)


def test_characters_are_numbered_by_code_point():
    characters = Characters.of("cabbage")
    assert characters.alphabet == "abceg"
    assert characters.size == 5
    np.testing.assert_array_equal(characters.encode("bag"), [1, 0, 4])
    assert characters.decode(np.array([1, 0, 4])) == "bag"
    assert len(characters.encode("")) == 0
    assert Characters("ba").encode("ab").tolist() == [1, 0]


def test_every_text_comes_back(pairs):
    for tokenizer in (Characters.of(TEXT), pairs):
        assert isinstance(tokenizer, Tokenizer)
        tokens = tokenizer.encode(TEXT)
        assert tokenizer.decode(tokens) == TEXT
        assert set(tokens.tolist()) <= set(range(tokenizer.size))


def test_pairs_become_tokens(pairs):
    assert pairs.size == 270
    assert len(pairs.encode(TEXT)) < len(TEXT.encode())
    assert pairs.decode(pairs.encode("häß 中")) == "häß 中"  # never seen
    assert BytePairs.of("ab", 400).size < 260  # too short for more


def test_comes_back_from_json(pairs):
    for tokenizer in (Characters.of(TEXT), pairs):
        again = tokenizers.from_json(tokenizer.to_json())
        assert type(again) is type(tokenizer)
        np.testing.assert_array_equal(again.encode(TEXT), tokenizer.encode(TEXT))


def test_a_character_that_is_not_known_is_named():
    with pytest.raises(InputError, match="the character 'z' at index 2 of the text is not among the 2"):
        Characters("ab").encode("abz")
    with pytest.raises(InputError, match="the character '𝄞' at index 0"):
        Characters("ab").encode("𝄞")


def test_tokens_out_of_range_are_refused(as_user, pairs):
    for tokenizer in (Characters("ab"), pairs):
        size = tokenizer.size
        for wrong in (size, -1):
            with pytest.raises(
                InputError, match=f"tokens must be between 0 and {size - 1}, but contains {wrong} at index"
            ):
                tokenizer.decode(np.array([0, wrong]))
        with pytest.raises(InputError, match="tokens must be integers"):
            tokenizer.decode(np.array([[0]]))
        with pytest.raises(InputError, match="text must be a str"):
            tokenizer.encode(3)


def test_surrogates_are_no_characters(pairs):
    with pytest.raises(InputError, match=r"text must consist of Unicode characters, but contains '\\ud800' at index 1"):
        pairs.encode("a\ud800")


def test_bad_alphabets_are_refused(as_user):
    with pytest.raises(InputError, match="'a' more often"):
        Characters("aba")
    for empty in (lambda: Characters(""), lambda: Characters.of("")):
        with pytest.raises(InputError, match="at least one character, but is empty"):
            empty()
    with pytest.raises(InputError, match="size must be an integer of at least 256"):
        BytePairs.of("text", 10)
    with pytest.raises(InputError, match="merges must be a JSON text of the package tokenizers"):
        BytePairs("{}")


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "7", "{", json.dumps({"format": "neuraxis tokenizer 1", "kind": "words"}),
     json.dumps({"format": "other"}), json.dumps({"format": "neuraxis tokenizer 1", "kind": "characters"})],
)  # fmt: skip
def test_damaged_tokenizers_are_refused(text):
    with pytest.raises(DataError, match="the tokeniser"):
        tokenizers.from_json(text)


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(InputError, match=r"pip install \"neuraxis\[tokenizers\]\""):
        BytePairs.of("text", 300)
