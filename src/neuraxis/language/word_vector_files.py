"""Shared parts of the text and binary formats of word2vec: the header, words, and compressed files."""

import bz2
import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedIOBase, BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from neuraxis import check, files
from neuraxis.errors import DataError, InputError
from neuraxis.language.word_vectors import WordVectors

Decode = Callable[[bytes], str]

_SHORT = 30  # bytes of a word shown in a message


@contextmanager
def reading(path: Path) -> Iterator[BufferedIOBase]:
    """Open a file, decompressed if it starts like gzip or bzip2; errors while reading are raised as `DataError`."""
    try:
        with path.open("rb") as file:
            start = file.read(3)
            file.seek(0)
            if start[:2] == b"\x1f\x8b":
                yield BufferedReader(gzip.GzipFile(fileobj=file))
            elif start == b"BZh":
                yield BufferedReader(bz2.BZ2File(file))
            else:
                yield file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is damaged: {error}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


@contextmanager
def writing(path: Path) -> Iterator[BufferedIOBase]:
    """Open a file that appears once it is complete, and is compressed if its name ends in .gz or .bz2."""
    with files.writing(path) as file:
        if path.suffix == ".gz":
            with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
                yield packed
        elif path.suffix == ".bz2":
            with bz2.BZ2File(file, "wb") as packed:
                yield packed
        else:
            yield file


def header(line: bytes) -> tuple[int, int] | None:
    """Return words and size from the first line of a file, or `None` if it is not a header."""
    match = re.fullmatch(rb"(\d{1,18}) (\d{1,18})\s*", line)
    return (int(match[1]), int(match[2])) if match else None


def room(path: Path, words: int, size: int, least: int) -> Float32[np.ndarray, "words size"]:
    """Return an array for all vectors, after checking that it fits into memory and that the file is long enough.

    Args:
        path: path of the file.
        words: number of words.
        size: dimension of the vectors.
        least: minimum number of bytes of the words and vectors in an uncompressed file.
    """
    said = f"{path} says in its header that it contains {words} words of {size} numbers each"
    if not words * size:
        raise DataError(f"{said}, so there is nothing to read")
    with path.open("rb") as file:
        packed = file.read(3)[:2] in (b"\x1f\x8b", b"BZ")
        length = file.seek(0, 2)
    if least > length and not packed:
        raise DataError(f"{said}, but has only {length} bytes, too few for them")
    check.memory(f"the {words} vectors of {path}", 4 * words * size)
    return np.empty((words, size), "<f4")


def read_word(word: bytes, decode: Decode, where: str) -> str:
    """Return a word as text.

    Raises:
        DataError: if it is empty, contains a zero or a line break, or cannot be decoded.
    """
    if not word or b"\0" in word or b"\n" in word:
        raise DataError(f"{where} must not be empty or contain zeros or line breaks, but is {word[:_SHORT]!r}")
    try:
        text = decode(word)
    except UnicodeDecodeError as error:
        remedy = "to read it anyway, use decode=lambda word: word.decode(errors='replace')"
        raise DataError(f"{where}, {word[:_SHORT]!r}, is not {error.encoding.upper()}; {remedy}") from error
    if not isinstance(text, str) or not text:
        raise InputError(f"decode must return non-empty text, but returned {text!r} for {word[:_SHORT]!r}")
    return text


def checked(path: Path, words: list[str], vectors: Float32[np.ndarray, "words size"]) -> WordVectors:
    """Return word vectors from words and vectors that were read."""
    try:
        return WordVectors(tuple(words), vectors)
    except InputError as error:
        raise DataError(f"{path} is damaged: {error}") from error


def to_write(vectors: Any) -> list[bytes]:
    """Return the words, encoded for a file.

    Raises:
        InputError: for an argument that is not `WordVectors`, or words that the format does not allow.
    """
    check.instance(WordVectors, vectors=vectors)
    return [_written(word) for word in vectors.words]


def _written(word: str) -> bytes:
    try:
        written = word.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"the word {word[:_SHORT]!r} cannot be written in UTF-8: {error.reason}") from error
    if written.split() != [written] or b"\0" in written:
        expected = "a word in a file must not be empty or contain white space or zeros"
        raise InputError(f"{expected}, but one is {word[:_SHORT]!r}; join the parts of phrases by '_'")
    return written
