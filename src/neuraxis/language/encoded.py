"""A text as numbers in a file, so that it is read and looked up once, whatever its size."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from jaxtyping import Int32

from neuraxis import check
from neuraxis.errors import DataError
from neuraxis.language.sentences import Sentences
from neuraxis.language.vocabulary import Vocabulary

NO_WORD = np.int32(2**31 - 1)  # fills the last chunk up
_AT_ONCE = 1 << 16  # numbers that are gathered before they are written


@contextmanager
def encoded(
    sentences: Sentences, vocabulary: Vocabulary, chunk: int, chunks: int
) -> Iterator[Int32[np.memmap, "chunk token"]]:
    """Encode a text into a temporary file, which is mapped as long as the context lasts.

    The known words, one after the other, are cut into chunks. A word is its number n, the first of a sentence −1 − n,
    and what is left of the chunks is `NO_WORD`.

    Args:
        sentences: of the text.
        vocabulary: numbers of the words; others are left out, as if they were not there.
        chunk: words in a chunk.
        chunks: their number.

    Raises:
        DataError: if no sentence holds two known words, there are more words than the chunks hold, or the text cannot
            be read.
    """
    check.whole(chunk=chunk, chunks=chunks)
    with TemporaryDirectory(prefix="neuraxis-") as folder:
        path = Path(folder) / "words"
        with path.open("wb") as file:
            written, pairs = 0, False
            for numbers in _gathered(_marked(sentences, vocabulary)):
                written += len(numbers)
                if written > chunk * chunks:
                    raise DataError(
                        f"the text has grown: it holds more than the {chunk * chunks} words that were counted"
                    )
                pairs = pairs or bool(np.any(numbers >= 0))
                file.write(numbers.data)
            if not pairs:
                raise DataError("no sentence of the text holds two words that are known, so that there are no pairs")
            file.write(np.full(chunk * chunks - written, NO_WORD).data)
        yield np.memmap(path, np.int32, "r", shape=(chunks, chunk))


def _marked(sentences: Iterable[list[str]], vocabulary: Vocabulary) -> Iterator[Int32[np.ndarray, " word"]]:
    """Yield the known words of each sentence, the first one marked."""
    for sentence in sentences:
        numbers = vocabulary.encode(sentence)
        if len(numbers):
            numbers[0] = ~numbers[0]
            yield numbers


def _gathered(pieces: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    gathered, count = [], 0
    for piece in pieces:
        gathered.append(piece)
        count += len(piece)
        if count >= _AT_ONCE:
            yield np.concatenate(gathered)
            gathered, count = [], 0
    if gathered:
        yield np.concatenate(gathered)
