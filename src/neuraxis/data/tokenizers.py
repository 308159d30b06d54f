"""Tokenisers, which convert texts to tokens and back.

All have the same interface: `encode(text)` returns the tokens, `decode(tokens)` the text, `size` is the size of the
vocabulary, and `to_json()` returns a text from which `from_json` restores the tokeniser.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int
from numpy.typing import ArrayLike

from neuraxis import check
from neuraxis.errors import DataError, InputError

_FORMAT = "neuraxis tokenizer 1"


@runtime_checkable
class Tokenizer(Protocol):
    """Conversion between texts and tokens."""

    @property
    def size(self) -> int:
        """Number of different tokens."""
        ...

    def encode(self, text: str, /) -> Int[np.ndarray, " time"]:
        """Return the tokens of a text."""
        ...

    def decode(self, tokens: ArrayLike, /) -> str:
        """Return the text of tokens."""
        ...

    def to_json(self) -> str:
        """Return a JSON text from which `from_json` restores the tokeniser."""
        ...


@dataclass(frozen=True)
class Characters:
    """Character tokeniser: a token is the index of a character in `alphabet`.

    Raises:
        InputError: for an alphabet that is empty, or contains a character twice.
    """

    alphabet: str

    def __post_init__(self) -> None:
        check.instance(str, alphabet=self.alphabet)
        if not self.alphabet:
            raise InputError("alphabet must contain at least one character, but is empty")
        if len(set(self.alphabet)) < len(self.alphabet):
            twice = next(c for c in self.alphabet if self.alphabet.count(c) > 1)
            raise InputError(f"alphabet must contain each character once, but contains {twice!r} more often")

    @staticmethod
    def of(text: str) -> "Characters":
        """Return the tokeniser for the characters in a text, sorted by code point.

        Raises:
            InputError: for a text without characters.
        """
        check.instance(str, text=text)
        if not text:
            raise InputError("text must contain at least one character, but is empty")
        return Characters("".join(sorted(set(text))))

    @property
    def size(self) -> int:
        """Number of different characters."""
        return len(self.alphabet)

    def encode(self, text: str) -> Int[np.ndarray, " time"]:
        """Return the index of each character.

        Raises:
            InputError: for a character that is not in the alphabet; the message says which and where.
        """
        check.instance(str, text=text)
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        known = np.array([ord(c) for c in self.alphabet], np.uint32)
        order = np.argsort(known)
        places = order[np.searchsorted(known, points, sorter=order).clip(max=len(known) - 1)].astype(np.int32)
        if not np.all(good := known[places] == points):
            first = int(np.argmin(good))
            raise InputError(
                f"the character {text[first]!r} at index {first} of the text is not among the {self.size} that this "
                f"tokeniser knows"
            )
        return places

    def decode(self, tokens: ArrayLike) -> str:
        """Return the text of tokens (time,).

        Raises:
            InputError: for anything but valid tokens.
        """
        return "".join(self.alphabet[token] for token in _checked(tokens, self.size))

    def to_json(self) -> str:
        """Return a JSON text from which `from_json` restores the tokeniser."""
        return json.dumps({"format": _FORMAT, "kind": "characters", "alphabet": self.alphabet})


class BytePairs:
    """Byte-pair encoding: frequent pairs of adjacent tokens are merged into one, starting from bytes.

    Every text can be encoded, and is decoded without loss. The encoding is computed by the package `tokenizers`, which
    the extra of that name installs.

    Args:
        merges: JSON text to which the package serialises its tokeniser.

    Raises:
        InputError: if the package is not installed, or cannot read the text.

    Source: Sennrich, Haddow and Birch, Neural machine translation of rare words with subword units, ACL (2016);
    Radford et al., Language models are unsupervised multitask learners (2019), for bytes.
    """

    def __init__(self, merges: str):
        check.instance(str, merges=merges)
        try:
            self._tokenizer = _package().Tokenizer.from_str(merges)
        except ImportError:
            raise
        except Exception as error:  # the package raises nothing narrower
            raise InputError(f"merges must be a JSON text of the package tokenizers, but: {error}") from error

    @staticmethod
    def of(texts: str | Iterable[str], size: int) -> "BytePairs":
        """Train a tokeniser: merge the pairs that are most frequent in texts.

        Args:
            texts: one text, or several.
            size: size of the vocabulary, of which the bytes take 256; it is smaller if the texts are too short for so
                many pairs.

        Raises:
            InputError: for fewer than 256 tokens, or if the package is not installed.
        """
        check.whole(256, size=size)
        listed = [texts] if isinstance(texts, str) else list(texts)
        check.instance(str, **{f"texts[{i}]": text for i, text in enumerate(listed)})
        package = _package()
        tokenizer = package.Tokenizer(package.models.BPE())
        tokenizer.pre_tokenizer = package.pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = package.decoders.ByteLevel()
        trainer = package.trainers.BpeTrainer(
            vocab_size=size, show_progress=False, initial_alphabet=package.pre_tokenizers.ByteLevel.alphabet()
        )
        tokenizer.train_from_iterator(listed, trainer)
        return BytePairs(tokenizer.to_str())

    @property
    def size(self) -> int:
        """Number of different tokens."""
        return self._tokenizer.get_vocab_size()

    def encode(self, text: str) -> Int[np.ndarray, " time"]:
        """Return the tokens of a text.

        Raises:
            InputError: for surrogates, which are no characters.
        """
        check.instance(str, text=text)
        try:
            text.encode()
        except UnicodeEncodeError as error:
            unknown = f"{text[error.start]!r} at index {error.start}"
            raise InputError(f"text must consist of Unicode characters, but contains {unknown}") from None
        return np.array(self._tokenizer.encode(text).ids, np.int32)

    def decode(self, tokens: ArrayLike) -> str:
        """Return the text of tokens (time,); invalid bytes become �.

        Raises:
            InputError: for anything but valid tokens.
        """
        return self._tokenizer.decode(list(_checked(tokens, self.size)), skip_special_tokens=False)

    def to_json(self) -> str:
        """Return a JSON text from which `from_json` restores the tokeniser."""
        return json.dumps({"format": _FORMAT, "kind": "byte pairs", "merges": self._tokenizer.to_str()})


def from_json(text: str) -> Characters | BytePairs:
    """Restore a tokeniser from the result of its `to_json`.

    Raises:
        DataError: for any other text.
        InputError: if it needs a package that is not installed.
    """
    try:
        stored = json.loads(text)
        if stored["format"] != _FORMAT:
            raise DataError(f"the tokeniser must have the format {_FORMAT!r}, but has {stored['format']!r}")
        match stored["kind"]:
            case "characters":
                return Characters(stored["alphabet"])
            case "byte pairs":
                return BytePairs(stored["merges"])
        raise DataError(f"the tokeniser must be of the kind characters or byte pairs, but is {stored['kind']!r}")
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise DataError(f"the tokeniser is damaged: {error}") from error


def _package() -> Any:
    try:
        import tokenizers
    except ImportError:
        raise InputError(
            "byte-pair encoding needs the package tokenizers, which is not installed: "
            'pip install "neuraxis[tokenizers]" installs it'
        ) from None
    return tokenizers


def _checked(tokens: ArrayLike, size: int) -> Iterable[int]:
    """Return tokens as Python integers."""
    known = np.asarray(check.array("tokens", tokens))
    if known.ndim != 1:
        raise InputError(f"tokens must be integers of shape (time,), but are {check.received(tokens)}")
    if known.size:  # of an empty list NumPy makes floats
        check.indices(size, tokens=known)
    return (int(token) for token in known)
