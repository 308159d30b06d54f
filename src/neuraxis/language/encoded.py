"""A text as word indices in a file, so that a text of any size is read and looked up only once."""

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

NO_WORD = np.int32(2**31 - 1)  # padding at the end
_AT_ONCE = 1 << 16  # indices that are collected before they are written


@contextmanager
def encoded(
    sentences: Sentences, vocabulary: Vocabulary, chunk: int, chunks: int
) -> Iterator[Int32[np.memmap, "chunk token"]]:
    """Encode a text into a temporary file, which is memory-mapped while the context is active.

    The sequence of known words is cut into chunks. A word is stored as its index n, the first of a sentence as −1 − n,
    and the rest of the chunks is filled with `NO_WORD`.

    Args:
        sentences: sentences of the text.
        vocabulary: vocabulary with the indices of the words; unknown words are skipped.
        chunk: number of words in a chunk.
        chunks: number of chunks.

    Raises:
        DataError: if no sentence contains two known words, there are more words than fit into the chunks, or the text
            cannot be read.
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
                        f"the text has grown: it contains more than the {chunk * chunks} words that were counted"
                    )
                pairs = pairs or bool(np.any(numbers >= 0))
                file.write(numbers.data)
            if not pairs:
                raise DataError("no sentence of the text contains two known words, so there are no pairs")
            file.write(np.full(chunk * chunks - written, NO_WORD).data)
        yield np.memmap(path, np.int32, "r", shape=(chunks, chunk))


def _marked(sentences: Iterable[list[str]], vocabulary: Vocabulary) -> Iterator[Int32[np.ndarray, " word"]]:
    """Yield the indices of the known words of each sentence, with the first one marked."""
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
