import gzip
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuraxis.errors import DataError, InputError
from neuraxis.language import (
    WordVectors,
    load_word2vec_binary,
    save_word2vec_binary,
    save_word2vec_text,
    word2vec_binary,
    word_vectors,
)

VECTORS = WordVectors(("the", "größe", "and"), np.array([[0.5, -1], [1e-3, 2.25], [0, 4]], np.float32))
ROWS = [
    word.encode() + b" " + vector.astype("<f4").tobytes()
    for word, vector in zip(VECTORS.words, VECTORS.vectors, strict=True)
]
GOOD = b"3 2\n" + b"\n".join(ROWS) + b"\n"


@pytest.fixture
def load(tmp_path):
    def write(content, **options):
        path = tmp_path / "made.bin"
        path.write_bytes(content)
        return load_word2vec_binary(path, **options)

    return write


def same(a, b):
    return a.words == b.words and a.vectors.tobytes() == b.vectors.tobytes()


@given(data=st.data())
def test_what_is_saved_is_loaded_to_the_last_bit(any_vectors, tmp_path_factory, data):
    vectors = WordVectors(*data.draw(any_vectors))
    path = tmp_path_factory.getbasetemp() / "any.bin"
    save_word2vec_binary(vectors, path)
    assert same(load_word2vec_binary(path), vectors)


def test_the_bytes_are_those_of_word2vec(tmp_path):
    save_word2vec_binary(VECTORS, path := tmp_path / "vectors.bin")
    assert path.read_bytes() == GOOD
    save_word2vec_binary(VECTORS, path := tmp_path / "vectors.bin.gz")
    assert gzip.decompress(path.read_bytes()) == GOOD


@pytest.mark.parametrize(
    "content",
    [GOOD, GOOD[:-1], b"3 2\n" + b"".join(ROWS), gzip.compress(GOOD, mtime=0)],
    ids=["lines", "no last break", "no breaks", "packed"],
)
@pytest.mark.parametrize("block", [1 << 22, 7])
def test_shapes_of_files_in_use(load, monkeypatch, content, block):
    monkeypatch.setattr(word2vec_binary, "_BLOCK", block)
    assert same(load(content), VECTORS)


def test_words_of_another_encoding(load):
    content = GOOD.replace("größe".encode(), "größe".encode("latin-1"))
    with pytest.raises(DataError, match=r"the word at byte 16 of .*, b'gr\\xf6\\xdfe', is not UTF-8; to read"):
        load(content)
    assert same(load(content, decode=lambda word: word.decode("latin-1")), VECTORS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "made.bin must begin with a line 'words size', but begins with b''"),
        (b"the 0.1 0.2\n", "must begin with a line 'words size', but begins with b'the 0.1"),
        (b"0 2\n", "contains 0 words of 2 numbers each, so there is nothing to read"),
        (GOOD.replace(b"3", b"4", 1), "ends at byte 47, after 3 of 4 words"),
        (GOOD.replace(b"3", b"2", 1), "continues at byte 34, after the 2 words of its header"),
        (GOOD.replace(b"3", b"99999999999", 1), "contains 99999999999 words of 2 numbers each, but has only 57 bytes"),
        (GOOD + b"x", "continues at byte 47, after the 3 words of its header"),
        (GOOD.replace(b"and", b"the"), "is damaged: every word must appear once in words, but 'the' appears twice"),
        (GOOD.replace(b"and", b"a\0d"), r"the word at byte 33 of .* must not be empty .*, but is b'a\\x00d'"),
        (GOOD.replace(b"and", b"a\nd"), r"the word at byte 33 of .* must not be empty .*, but is b'a\\nd'"),
        (GOOD.replace(b"and", b""), "the word at byte 33 of .* must not be empty .*, but is b''"),
        (GOOD[:-5] + np.float32(np.nan).tobytes() + b"\n", "is damaged: vectors must be finite, but that of 'and'"),
        (b"1 2\n" + b"x" * 20_000, "must contain a word at byte 4, but there is no space after it"),
    ],
)
def test_damaged_files(load, content, message):
    with pytest.raises(DataError, match=message):
        load(content)


def test_every_cut_is_noticed(load):
    for end in range(len(GOOD) - 1):
        with pytest.raises(DataError):
            load(GOOD[:end])


@pytest.mark.parametrize("size", [1, 3, 4])
def test_another_size_is_noticed(load, size):
    with pytest.raises(DataError):
        load(b"3 %d" % size + GOOD[3:])


def test_a_text_file_is_told(tmp_path):
    vectors = WordVectors(VECTORS.words, np.random.default_rng(0).normal(size=(3, 5)))
    save_word2vec_text(vectors, path := tmp_path / "text.bin")
    with pytest.raises(DataError, match="looks like the text format, which load_word2vec_text reads"):
        load_word2vec_binary(path)


def test_bad_words_are_not_written(tmp_path, as_user):
    with pytest.raises(InputError, match="a word in a file must not be empty or contain white space or zeros"):
        save_word2vec_binary(WordVectors(("new york",), [[1.0]]), tmp_path / "vectors")
    with pytest.raises(InputError, match="vectors must be a WordVectors, but is None"):
        save_word2vec_binary(None, tmp_path / "vectors")
    assert not list(tmp_path.iterdir())


def test_memory_is_that_of_the_vectors(tmp_path, monkeypatch):
    monkeypatch.setattr(word2vec_binary, "_BLOCK", 1 << 16)
    monkeypatch.setattr(word_vectors, "_BLOCK", 1 << 14)
    words = tuple(f"word{i}" for i in range(2000))
    array = np.random.default_rng(0).normal(size=(2000, 500)).astype(np.float32)
    save_word2vec_binary(WordVectors(words, array), path := tmp_path / "large.bin")
    tracemalloc.start()
    try:
        load_word2vec_binary(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.9 * array.nbytes
