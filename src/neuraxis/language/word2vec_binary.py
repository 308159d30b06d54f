"""Word vectors in the binary format of word2vec."""

import os
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from neuraxis import check
from neuraxis.errors import DataError
from neuraxis.language.word_vector_files import (
    Decode,
    checked,
    header,
    read_word,
    reading,
    room,
    to_write,
    writing,
)
from neuraxis.language.word_vectors import WordVectors

_BLOCK = 1 << 18  # bytes read at once
_LONGEST = 10_000  # bytes of a word


def load_word2vec_binary(path: os.PathLike | str, decode: Decode = bytes.decode) -> WordVectors:
    """Load word vectors from a binary file: a header line "words size", then word, space and vector for every word.

    Vectors are in single precision, little-endian; a line break may follow each. Files compressed by gzip or bzip2 are
    decompressed. Memory is needed for only one copy of the vectors.

    Args:
        path: path of the file.
        decode: function from the bytes of a word to text.

    Raises:
        DataError: if the file is missing, truncated or damaged, with the position of the byte.
    """
    path = check.path("path", path)
    check.functions(decode=decode)
    with reading(path) as file:
        line = file.readline(_LONGEST)
        known = header(line)
        if known is None:
            raise DataError(f"{path} must begin with a line 'words size', but begins with {line[:30]!r}")
        count, size = known
        vectors = room(path, count, size, len(line) + count * (4 * size + 2))
        words: list[str] = []
        try:
            _read(file, len(line), vectors, words, decode, path)
        except DataError as error:
            # In a text file, the bytes read as numbers are digits.
            digits = words and not vectors[0].tobytes().strip(b"0123456789+-.eE \n")
            hint = "; it looks like the text format, which load_word2vec_text reads" if digits else ""
            raise DataError(f"{error}{hint}") from error
    return checked(path, words, vectors)


def save_word2vec_binary(vectors: WordVectors, path: os.PathLike | str) -> None:
    """Save word vectors as a binary file that word2vec's tools and gensim can read.

    The file is compressed if its name ends in .gz or .bz2.

    Raises:
        InputError: for a word that is empty, contains white space or cannot be encoded in UTF-8.
        OSError: if the file cannot be written; an existing file is left unchanged.
    """
    path, words = check.path("path", path), to_write(vectors)
    with writing(path) as file:
        file.write(b"%d %d\n" % vectors.vectors.shape)
        for word, vector in zip(words, vectors.vectors, strict=True):
            file.write(b"%b %b\n" % (word, vector.astype("<f4", copy=False).tobytes()))


def _read(file: BufferedIOBase, begin: int, vectors: np.ndarray, words: list[str], decode: Decode, path: Path) -> None:
    """Read all words into a list and all vectors into an array.

    Args:
        file: open file, after its header.
        begin: number of bytes of the header.
        vectors: array to fill, (words, size).
        words: list to fill.
        decode: function from the bytes of a word to text.
        path: path for messages.
    """
    rows = vectors.reshape(-1).view(np.uint8).data
    length = 4 * vectors.shape[1]
    data, at = b"", 0
    for row in range(len(vectors)):
        space = data.find(b" ", at, at + _LONGEST)
        while space < 0 or space + 1 + length > len(data):
            if space < 0 and len(data) - at > _LONGEST:
                raise DataError(f"{path} must contain a word at byte {begin + at}, but there is no space after it")
            more = file.read(_BLOCK)
            if not more:
                raise DataError(f"{path} ends at byte {begin + len(data)}, after {row} of {len(vectors)} words")
            data, begin, at = data[at:] + more, begin + at, 0
            space = data.find(b" ", at, at + _LONGEST)
        words.append(read_word(data[at:space].lstrip(b"\n"), decode, f"the word at byte {begin + at} of {path}"))
        rows[row * length : (row + 1) * length] = data[space + 1 : space + 1 + length]
        at = space + 1 + length
    rest = data[at:] + file.read(_BLOCK)
    if garbage := rest.lstrip(b"\n"):
        place = begin + at + len(rest) - len(garbage)
        raise DataError(f"{path} continues at byte {place}, after the {len(vectors)} words of its header")
