import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuraxis.data import Text
from neuraxis.errors import DataError, InputError
from neuraxis.language import Sentences, sentences


def text(content):
    return Text("made", "a made text", content)


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(sentences, "_BLOCK", 16)


@pytest.fixture
def file(tmp_path):
    def write(content, name="corpus.txt"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


def test_a_line_is_a_sentence_again_and_again(file):
    stream = Sentences(file(b"The cat\tsat \r\n\n  on the mat\nthe end"))
    expected = [["The", "cat", "sat"], ["on", "the", "mat"], ["the", "end"]]
    assert list(stream) == expected
    assert list(stream) == expected
    assert repr(stream).endswith("corpus.txt>")


def test_texts_and_lists_give_the_same():
    expected = [["a", "b"], ["c"]]
    assert list(Sentences(text("a b\n\nc\n"))) == expected
    assert list(Sentences([["a", "b"], [], ("c",)])) == expected
    assert Sentences.of(stream := Sentences(expected)) is stream
    assert list(Sentences.of(expected)) == expected


@given(
    st.text("ab \n\tä€😀\u3000", max_size=200).filter(lambda t: max(map(len, t.split()), default=0) < 8),
    st.integers(1, 5),
    st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]),
)
def test_blocks_do_not_show(tmp_path_factory, content, max_words, encoding):
    expected = [
        words[start : start + max_words]
        for words in map(str.split, content.split("\n"))
        for start in range(0, len(words), max_words)
    ]
    path = tmp_path_factory.getbasetemp() / "blocks.txt"
    path.write_bytes(content.encode(encoding))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sentences, "_BLOCK", 16)
        assert list(Sentences(path, max_words=max_words, encoding=encoding)) == expected
        assert list(Sentences(text(content), max_words=max_words)) == expected


def test_a_long_line_is_read_in_pieces(file):
    path = file(b"word " * 1_000_000)
    longest = 0

    def tokenize(line):
        nonlocal longest
        longest = max(longest, len(line))
        return line.split()

    lengths = [len(sentence) for sentence in Sentences(path, tokenize, max_words=300_000)]
    assert lengths == [300_000, 300_000, 300_000, 100_000]
    assert longest <= 2 * 2**20


def test_words_by_a_function_of_ones_own():
    words = Sentences(text("The cat, the CAT."), lambda line: re.findall(r"\w+", line.lower()))
    assert list(words) == [["the", "cat", "the", "cat"]]


def test_a_byte_order_mark_is_no_letter(file):
    assert list(Sentences(file("\ufeffword".encode()))) == [["word"]]


@pytest.mark.parametrize("before", [b"", b"word " * 10, "wörd ".encode() * 10])
def test_another_encoding_and_zeros_are_located(file, small_blocks, before):
    latin = file(before + "Größe und mehr".encode("latin-1"))
    with pytest.raises(DataError, match=rf"corpus\.txt is not UTF-8 \(byte {len(before) + 2} is f6\); name its"):
        list(Sentences(latin))
    assert list(Sentences(file("Größe".encode("latin-1")), encoding="latin-1")) == [["Größe"]]
    with pytest.raises(DataError, match=rf"corpus\.txt is not text: byte {len(before) + 5} is 00"):
        list(Sentences(file(before + b"words\0 and more")))
    cut = file(before + "€".encode()[:2])
    with pytest.raises(DataError, match=rf"is not UTF-8 \(byte {len(before)} is e2\)"):
        list(Sentences(cut))


def test_zeros_in_wide_characters_and_texts(file, small_blocks):
    content = "words of text\0"
    with pytest.raises(DataError, match="byte 28 is 00"):
        list(Sentences(file(content.encode("utf-16")), encoding="utf-16"))
    with pytest.raises(DataError, match="made is not text: character 13 is 0"):
        list(Sentences(text(content)))


def test_a_text_without_spaces_is_refused(file, small_blocks):
    with pytest.raises(DataError, match=r"no white space in \d+ characters of line 2; is it text"):
        list(Sentences(file(b"one line\n" + b"x" * 100)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3,), "sentences must be the path of a text file, a neuraxis.data.Text or lists of words, but are 3"),
        ((iter([["a"]]),), "several times, but a list_iterator can be only once; make a list of it"),
        (([["a"]], str.lower), "tokenize splits the lines of a text, but the source is already lists"),
        ((text("a"), "split"), "tokenize must be a function, but is 'split'"),
        ((text("a"), str.split, 0), "max_words must be an integer of at least 1, but is 0"),
        ((text("a"), str.split, 9, "none"), "encoding must be one such as 'utf-8' or 'latin-1', but is 'none'"),
        ((text("a"), str.split, 9, "hex"), "encoding must be one such as"),
        (("",), "source must be a path"),
    ],
)
def test_bad_input(as_user, arguments, message):
    with pytest.raises(InputError, match=message):
        Sentences(*arguments)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (["the cat"], "a sentence must be a list of words, but is 'the cat'"),
        ([["the", 3]], r"a sentence must be a list of words, but is \['the', 3\]"),
        ([["the", ""]], "a sentence must contain no empty word"),
    ],
)
def test_bad_sentences(as_user, source, message):
    with pytest.raises(InputError, match=message):
        list(Sentences(source))


def test_bad_tokenizer(as_user):
    with pytest.raises(InputError, match=r"the output of tokenize must contain no empty word, but is \['a', '', 'b'\]"):
        list(Sentences(text("a  b"), lambda line: line.split(" ")))
    with pytest.raises(InputError, match="the output of tokenize must be a list of words, but is 'a b'"):
        list(Sentences(text("A b"), str.lower))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match=r"none\.txt cannot be read: No such file or directory"):
        Sentences(tmp_path / "none.txt")
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        Sentences(str(tmp_path))
