"""Word vectors in the text formats of word2vec and GloVe."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32

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

_BLOCK = 1 << 18  # bytes of lines read at once
_SHORT = 30  # bytes shown in a message


def load_word2vec_text(path: os.PathLike | str, decode: Decode = bytes.decode) -> WordVectors:
    """Load word vectors from a text file: a header "words size", then a line "word number number …" for every word.

    GloVe's files have no header, which is assumed if the first line is not two integers. Files compressed by gzip or
    bzip2 are decompressed. Memory is needed for only one copy of the vectors.

    Args:
        path: path of the file.
        decode: function from the bytes of a word to text.

    Raises:
        DataError: if the file is missing, truncated or damaged, with the line.
    """
    path = check.path("path", path)
    check.functions(decode=decode)
    with reading(path) as file:
        first = file.readline(_BLOCK)
    if not first.strip():
        raise DataError(f"{path} contains no word vectors: its first line is empty")
    known = header(first)
    count, size = known or (_count_lines(path), len(first.split()) - 1)
    begin = 2 if known else 1  # the line of the first word
    vectors = room(path, count, size, count * (2 * size + 2) - 1)
    words: list[str] = []
    with reading(path) as file:
        if known:
            file.readline()
        while lines := file.readlines(_BLOCK):
            wanted = lines[: count - len(words)]
            _read(wanted, vectors[len(words) : len(words) + len(wanted)], words, decode, (path, begin + len(words)))
            if any(line.strip() for line in lines[len(wanted) :]):
                raise DataError(f"{path} continues in line {begin + count}, after the {count} words of its header")
    if len(words) < count:
        raise DataError(f"{path} ends after {len(words)} words, but its header says {count}")
    return checked(path, words, vectors)


def save_word2vec_text(vectors: WordVectors, path: os.PathLike | str) -> None:
    """Save word vectors as text that word2vec's tools and gensim can read; loaded again, they are bit-equal.

    The file is compressed if its name ends in .gz or .bz2.

    Raises:
        InputError: for a word that is empty, contains white space or cannot be encoded in UTF-8.
        OSError: if the file cannot be written; an existing file is left unchanged.
    """
    path, words = check.path("path", path), to_write(vectors)
    line = b"%b" + b" %.9g" * vectors.size + b"\n"  # nine digits identify every number in single precision
    with writing(path) as file:
        file.write(b"%d %d\n" % vectors.vectors.shape)
        for word, vector in zip(words, vectors.vectors, strict=True):
            file.write(line % (word, *vector.tolist()))


def _count_lines(path: Path) -> int:
    lines, last = 0, b"\n"
    with reading(path) as file:
        while block := file.read(_BLOCK):
            lines, last = lines + block.count(b"\n"), block[-1:]
    return lines + (last != b"\n")


def _read(
    lines: Sequence[bytes],
    vectors: Float32[np.ndarray, "lines size"],
    words: list[str],
    decode: Decode,
    where: tuple[Path, int],
) -> None:
    """Read lines into an array of vectors and a list of words, all at once, or one by one if that fails."""
    path, begin = where
    pairs = [line.split(b" ", 1) for line in lines]
    numbers = _numbers(pairs, vectors.shape[1]) if lines else vectors
    for row, line in enumerate(lines):
        place = f"line {begin + row} of {path}"
        word = pairs[row][0] if numbers is not None else _read_line(line, vectors[row], place)
        words.append(read_word(word, decode, f"the word in {place}"))
    if numbers is not None:
        vectors[:] = numbers


def _numbers(pairs: list[list[bytes]], size: int) -> Float32[np.ndarray, "lines size"] | None:
    """Return the numbers of lines, or `None` if one of the lines is malformed."""
    if not all(len(pair) == 2 and pair[1].strip() for pair in pairs):
        return None
    try:
        numbers = np.loadtxt([rest.decode("latin-1") for _, rest in pairs], np.float32, comments=None, ndmin=2)
    except ValueError:
        return None
    return numbers if numbers.shape == (len(pairs), size) and np.isfinite(numbers).all() else None


def _read_line(line: bytes, vector: Float32[np.ndarray, " size"], place: str) -> bytes:
    """Read one line into a vector, and return its word, which may contain spaces (as some in GloVe's largest file)."""
    word, *numbers = line.rstrip().rsplit(None, len(vector)) or [b""]
    extra = word.split(b" ")[1:]
    hint = "" if all(map(bytes.isascii, numbers)) else "; if it is the binary format, load_word2vec_binary reads it"
    if len(numbers) < len(vector) or any(_number(field) is not None for field in extra):
        found = len(numbers) + len(extra)
        raise DataError(f"{place} must contain a word and {len(vector)} numbers, but contains a word and {found}{hint}")
    for i, field in enumerate(numbers):
        if (number := _number(field)) is None:
            raise DataError(f"{place} must contain numbers, but contains {field[:_SHORT]!r}{hint}")
        with np.errstate(over="ignore"):
            vector[i] = number
        if not np.isfinite(vector[i]):
            raise DataError(f"{place} contains {field[:_SHORT]!r}, which is not finite in single precision")
    return word


def _number(field: bytes) -> float | None:
    try:
        return float(field)
    except ValueError:
        return None
