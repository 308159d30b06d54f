"""Text as a stream of sentences, each a list of words, in constant memory."""

import codecs
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuraxis import check
from neuraxis.data import Text
from neuraxis.errors import DataError, InputError

_BLOCK = 1 << 20  # bytes read at once, and characters of a line in memory before it is cut


@dataclass(frozen=True, repr=False)
class Sentences:
    """The sentences of a text, one per line; each iteration starts from the beginning and skips lines without words.

    Lines of more than `max_words` words (text8 is a single line of 10⁸ bytes) are cut after every `max_words` words.

    Args:
        source: path of a text file, `neuraxis.data.Text`, or lists of words that can be iterated repeatedly.
        tokenize: function from a line, without its line break, to a list of words. Lines of more than a megabyte are
            passed in pieces, cut at white space.
        max_words: maximum number of words of a sentence.
        encoding: encoding of the file.

    Raises:
        InputError: for an invalid source or unknown encoding; during iteration, for words that are empty or not text.
        DataError: if the file cannot be read; during iteration, for invalid bytes, bytes of 0 (which indicate that the
            file is not text), or a megabyte without white space.
    """

    source: Any
    tokenize: Callable[[str], Sequence[str]] = str.split
    max_words: int = 10_000
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        check.functions(tokenize=self.tokenize)
        check.whole(max_words=self.max_words)
        try:
            "".encode(self.encoding)
            codecs.getincrementaldecoder(self.encoding)
        except (LookupError, TypeError, ValueError):
            expected = "one such as 'utf-8' or 'latin-1'"
            raise InputError(f"encoding must be {expected}, but is {check.received(self.encoding)}") from None
        if isinstance(self.source, str | os.PathLike):
            path = check.path("source", self.source)
            object.__setattr__(self, "source", path)
            with _opened(path):
                pass
        elif not isinstance(self.source, Text):
            self._check_lists()

    @staticmethod
    def of(source: Any) -> "Sentences":
        """Return `Sentences` unchanged, or create them from their source."""
        return source if isinstance(source, Sentences) else Sentences(source)

    def __iter__(self) -> Iterator[list[str]]:
        words: list[str] = []
        for piece, ends in self._pieces():
            words += piece
            whole = len(words) if ends else len(words) - len(words) % self.max_words
            for start in range(0, whole, self.max_words):
                yield words[start : start + self.max_words]
            words = words[whole:]

    def __repr__(self) -> str:
        kind = type(self.source).__name__
        return f"<Sentences of {self.source if isinstance(self.source, Path | Text) else f'a {kind}'}>"

    def _pieces(self) -> Iterator[tuple[list[str], bool]]:
        """Yield the words of lines, or of pieces of very long lines, each with whether it ends a line."""
        if not isinstance(self.source, Path | Text):
            for sentence in self.source:
                yield _checked("a sentence", sentence), True
            return
        if isinstance(self.source, Path):
            name, texts = str(self.source), _decoded(self.source, self.encoding)
        else:
            name, texts = self.source.name, _sliced(self.source)
        for line, ends in _lines(texts, name):
            if self.tokenize is str.split:  # its words need no check
                yield line.split(), ends
            else:
                yield _checked("the output of tokenize", self.tokenize(line)), ends

    def _check_lists(self) -> None:
        if not isinstance(self.source, Iterable):
            expected = "the path of a text file, a neuraxis.data.Text or lists of words"
            raise InputError(f"sentences must be {expected}, but are {check.received(self.source)}")
        if isinstance(self.source, Iterator):
            kind = type(self.source).__name__
            raise InputError(f"sentences are iterated several times, but a {kind} can be only once; make a list of it")
        if self.tokenize is not str.split:
            raise InputError("tokenize splits the lines of a text, but the source is already lists of words")


def _checked(name: str, words: Any) -> list[str]:
    if not isinstance(words, list | tuple) or not all(issubclass(kind, str) for kind in set(map(type, words))):
        raise InputError(f"{name} must be a list of words, but is {check.received(words)}")
    if "" in words:
        raise InputError(f"{name} must contain no empty word, but is {check.received(words)}")
    return list(words)


def _lines(texts: Iterable[str], name: str) -> Iterator[tuple[str, bool]]:
    rest, number = "", 1
    for text in texts:
        *lines, rest = (rest + text).split("\n")
        for line in lines:
            yield line.removesuffix("\r"), True
        number += len(lines)
        if len(rest) >= _BLOCK:
            cut = next((i for i in reversed(range(len(rest))) if rest[i].isspace()), None)
            if cut is None:
                raise DataError(f"{name} has no white space in {len(rest)} characters of line {number}; is it text?")
            yield rest[:cut], False
            rest = rest[cut:]
    yield rest, True


def _opened(path: Path) -> Any:
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def _decoded(path: Path, encoding: str) -> Iterator[str]:
    """Yield the text of a file, block by block."""
    decoder = codecs.getincrementaldecoder(encoding)()
    mark = len("".encode(encoding))  # byte-order mark of some encodings
    with _opened(path) as file:
        block, begin = file.read(_BLOCK), 0
        while True:
            pending = len(decoder.getstate()[0])
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                where = f"byte {begin - pending + error.start} is {error.object[error.start]:02x}"
                remedy = "name its encoding, or save it as UTF-8"
                raise DataError(f"{path} is not {encoding.upper()} ({where}); {remedy}") from error
            if "\0" in text:
                before = len(text[: text.index("\0")].encode(encoding)) - (mark if begin else 0)
                raise DataError(f"{path} is not text: byte {begin - pending + before} is 00")
            yield text if begin else text.removeprefix("\ufeff")
            if not block:
                return
            begin += len(block)
            block = file.read(_BLOCK)


def _sliced(text: Text) -> Iterator[str]:
    if "\0" in text.content:
        raise DataError(f"{text.name} is not text: character {text.content.index(chr(0))} is 0")
    for start in range(0, len(text.content), _BLOCK):
        yield text.content[start : start + _BLOCK]
