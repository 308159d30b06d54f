import bz2
import gzip
import os
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuraxis.errors import DataError, InputError
from neuraxis.language import (
    WordVectors,
    load_word2vec_binary,
    load_word2vec_text,
    save_word2vec_text,
    word2vec_text,
    word_vectors,
)

GOOD = b"3 2\nthe 0.5 -1\nof 1e-3 2.25\nand 0 4\n"
EXPECTED = np.array([[0.5, -1], [1e-3, 2.25], [0, 4]], np.float32)


@pytest.fixture
def load(tmp_path):
    def write(content, **options):
        path = tmp_path / "made.vec"
        path.write_bytes(content)
        return load_word2vec_text(path, **options)

    return write


def same(a, b):
    return a.words == b.words and a.vectors.tobytes() == b.vectors.tobytes()


@given(data=st.data())
def test_what_is_saved_is_loaded_to_the_last_bit(any_vectors, tmp_path_factory, data):
    vectors = WordVectors(*data.draw(any_vectors))
    path = tmp_path_factory.getbasetemp() / "any.vec"
    save_word2vec_text(vectors, path)
    assert same(load_word2vec_text(path), vectors)


@pytest.mark.parametrize("suffix", ["txt", "txt.gz", "txt.bz2"])
def test_packed_files(tmp_path, suffix):
    path = tmp_path / f"vectors.{suffix}"
    vectors = WordVectors(("the", "of", "and"), EXPECTED)
    save_word2vec_text(vectors, str(path))
    packed = path.read_bytes()
    unpack = {"txt": bytes, "txt.gz": gzip.decompress, "txt.bz2": bz2.decompress}[suffix]
    assert unpack(packed).startswith(b"3 2\nthe 0.5 -1\n")
    assert same(load_word2vec_text(path), vectors)
    save_word2vec_text(vectors, path)
    assert path.read_bytes() == packed
    if suffix != "txt":
        path.write_bytes(packed[:-9])
        with pytest.raises(DataError, match="is damaged: Compressed file ended before the end"):
            load_word2vec_text(path)


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        GOOD[:-1],
        GOOD + b"\n\n",
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.replace(b"\n", b" \n"),  # as word2vec.c writes it
        GOOD.replace(b"0.5 -1", b"0.5  -1"),
        GOOD.partition(b"\n")[2],  # as GloVe writes it
        GOOD.partition(b"\n")[2][:-1],
    ],
)
def test_shapes_of_files_in_use(load, content):
    vectors = load(content)
    assert vectors.words == ("the", "of", "and")
    np.testing.assert_array_equal(vectors.vectors, EXPECTED)


def test_many_blocks(load, monkeypatch):
    monkeypatch.setattr(word2vec_text, "_BLOCK", 16)
    np.testing.assert_array_equal(load(GOOD).vectors, EXPECTED)
    np.testing.assert_array_equal(load(GOOD.partition(b"\n")[2]).vectors, EXPECTED)
    with pytest.raises(DataError, match=r"continues in line 5, after the 3 words of its header"):
        load(GOOD + b"or 1 2\n")


def test_words_with_spaces_are_read_where_they_are_plain(load):
    vectors = load(b"3 2\n. . . 0.5 -1\nnew york 1 2\n2 3 4\n")
    assert vectors.words == (". . .", "new york", "2")
    assert vectors["2"].tolist() == [3, 4]


def test_words_of_another_encoding(load):
    content = "2 1\nnaïve 1\nword 2\n".encode("latin-1")
    with pytest.raises(DataError, match=r"the word in line 2 of .*, b'na\\xefve', is not UTF-8; to read"):
        load(content)
    assert load(content, decode=lambda word: word.decode("latin-1")).words == ("naïve", "word")
    assert load(content, decode=lambda word: word.decode(errors="replace")).words == ("na\ufffdve", "word")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "made.vec contains no word vectors: its first line is empty"),
        (b"0 2\n", "says in its header that it contains 0 words of 2 numbers each, so there is nothing to read"),
        (b"3 0\na\nb\nc\n", "it contains 3 words of 0 numbers each, so there is nothing to read"),
        (GOOD.replace(b"3", b"4", 1), "ends after 3 words, but its header says 4"),
        (GOOD.replace(b"3", b"2", 1), "continues in line 4, after the 2 words of its header"),
        (GOOD.replace(b"3", b"999999999", 1), "999999999 words of 2 numbers each, but has only 44 bytes, too few"),
        (GOOD.replace(b"2", b"3", 1), "line 2 of .* must contain a word and 3 numbers, but contains a word and 2"),
        (GOOD.replace(b"2", b"1", 1), "line 2 of .* must contain a word and 1 numbers, but contains a word and 2"),
        (GOOD.replace(b"2.25", b"2,25"), "line 3 of .* must contain numbers, but contains b'2,25'"),
        (GOOD.replace(b" 2.25", b""), "line 3 of .* must contain a word and 2 numbers, but contains a word and 1"),
        (GOOD.replace(b"of ", b""), "line 3 of .* must contain a word and 2 numbers, but contains a word and 1"),
        (GOOD.replace(b"of", b""), "the word in line 3 of .* must not be empty .*, but is b''"),
        (GOOD.replace(b"of", b"o\0"), r"the word in line 3 of .* must not be empty .*, but is b'o\\x00'"),
        (GOOD.replace(b"\nof", b"\n\nof"), "line 3 of .* must contain a word and 2 numbers, but contains a word and 0"),
        (GOOD.replace(b"2.25", b"nan"), "line 3 of .* contains b'nan', which is not finite in single precision"),
        (GOOD.replace(b"2.25", b"1e39"), "line 3 of .* contains b'1e39', which is not finite"),
        (GOOD.replace(b"and", b"the"), "is damaged: every word must appear once in words, but 'the' appears twice"),
        (b"some other text\nof two lines\n", "line 1 of .* must contain numbers, but contains b'other'"),
    ],
)
def test_damaged_files(load, content, message):
    with pytest.raises(DataError, match=message):
        load(content)


def test_every_cut_is_noticed(load):
    last = GOOD.rindex(b" ") + 1  # what is cut off a last number cannot be seen
    for end in range(last + 1):
        with pytest.raises(DataError):
            load(GOOD[:end])


def test_a_binary_file_is_told(load):
    with pytest.raises(DataError, match=r"line 2 of .* must contain"):
        load(b"2 2\na " + EXPECTED[0].tobytes() + b"\nb " + EXPECTED[1].tobytes() + b"\n")


def test_files_that_cannot_be_read(tmp_path, as_user):
    for load in (load_word2vec_text, load_word2vec_binary):
        with pytest.raises(DataError, match="none cannot be read: No such file or directory"):
            load(tmp_path / "none")
        with pytest.raises(DataError, match="cannot be read: Is a directory"):
            load(tmp_path)
        with pytest.raises(InputError, match=r"path must be a path, as text or pathlib\.Path, but is 3"):
            load(3)
        with pytest.raises(InputError, match="decode must be a function, but is 'latin-1'"):
            load(tmp_path / "none", "latin-1")


def test_bad_words_are_not_written(tmp_path, as_user):
    path = tmp_path / "vectors"
    for word in ("new york", "", "a\nb", "a\0b"):
        with pytest.raises(InputError, match="a word in a file must not be empty or contain white space or zeros"):
            save_word2vec_text(WordVectors((word,), [[1.0]]), path)
    with pytest.raises(InputError, match="cannot be written in UTF-8: surrogates not allowed"):
        save_word2vec_text(WordVectors(("\udc80",), [[1.0]]), path)
    with pytest.raises(InputError, match="vectors must be a WordVectors, but is 3"):
        save_word2vec_text(3, path)
    assert not path.exists()


def test_an_interrupt_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "vectors.gz"
    save_word2vec_text(WordVectors(("a",), EXPECTED[:1]), path)
    old = path.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        save_word2vec_text(WordVectors(("b",), EXPECTED[:1]), path)
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ["vectors.gz"]


def test_memory_is_that_of_the_vectors(tmp_path, monkeypatch):
    monkeypatch.setattr(word2vec_text, "_BLOCK", 1 << 15)
    monkeypatch.setattr(word_vectors, "_BLOCK", 1 << 14)
    words = tuple(f"word{i}" for i in range(2000))
    array = np.random.default_rng(0).integers(0, 9, (2000, 500)).astype(np.float32)
    save_word2vec_text(WordVectors(words, array), path := tmp_path / "large.vec")
    tracemalloc.start()
    try:
        load_word2vec_text(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Besides the vectors, words and a few blocks; a second copy would take as much again.
    assert peak < 1.9 * array.nbytes
