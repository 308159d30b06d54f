"""Tokenisers: a text as numbers, and back.

All have the same methods: `encode(text)` gives the tokens, `decode(tokens)` the text, `size` is how many different
tokens there are, and `to_json()` gives what `from_json` makes the tokeniser again from.
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
    """A way to write a text as numbers."""

    @property
    def size(self) -> int:
        """How many different tokens there are."""
        ...

    def encode(self, text: str, /) -> Int[np.ndarray, " time"]:
        """Return the tokens of a text."""
        ...

    def decode(self, tokens: ArrayLike, /) -> str:
        """Return the text of tokens."""
        ...

    def to_json(self) -> str:
        """Return a JSON text from which `from_json` makes the tokeniser again."""
        ...


@dataclass(frozen=True)
class Characters:
    """Every character is a token, numbered by its place in `alphabet`.

    Raises:
        InputError: for an alphabet that is empty, or has a character twice.
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
        """Make the tokeniser of the characters in a text, in the order of their code points.

        Raises:
            InputError: for a text without characters.
        """
        check.instance(str, text=text)
        if not text:
            raise InputError("text must contain at least one character, but is empty")
        return Characters("".join(sorted(set(text))))

    @property
    def size(self) -> int:
        """How many different characters there are."""
        return len(self.alphabet)

    def encode(self, text: str) -> Int[np.ndarray, " time"]:
        """Return the number of each character.

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
                f"the character {text[first]!r} at place {first} of the text is not among the {self.size} that this "
                f"tokeniser knows"
            )
        return places

    def decode(self, tokens: ArrayLike) -> str:
        """Return the text of tokens (time,).

        Raises:
            InputError: for what are no numbers of tokens.
        """
        return "".join(self.alphabet[token] for token in _checked(tokens, self.size))

    def to_json(self) -> str:
        """Return a JSON text from which `from_json` makes the tokeniser again."""
        return json.dumps({"format": _FORMAT, "kind": "characters", "alphabet": self.alphabet})


class BytePairs:
    """Byte-pair encoding: pairs of tokens that often stand beside each other become one, beginning with bytes.

    Every text can be encoded, and comes back from its tokens as it was. The work is done by the package `tokenizers`,
    which the extra of that name installs.

    Args:
        merges: the JSON text that the package writes of its tokeniser.

    Raises:
        InputError: where the package is not installed, or cannot read the text.

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
            raise InputError(f"merges must be what the package tokenizers wrote, but: {error}") from error

    @staticmethod
    def of(texts: str | Iterable[str], size: int) -> "BytePairs":
        """Find the pairs that are most frequent in texts.

        Args:
            texts: one, or several.
            size: how many tokens there are to be; the bytes take the first 256. Where the texts are too short for so
                many pairs, there are fewer.

        Raises:
            InputError: for fewer than 256 tokens, or where the package is not installed.
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
        """How many different tokens there are."""
        return self._tokenizer.get_vocab_size()

    def encode(self, text: str) -> Int[np.ndarray, " time"]:
        """Return the tokens of a text."""
        check.instance(str, text=text)
        return np.array(self._tokenizer.encode(text).ids, np.int32)

    def decode(self, tokens: ArrayLike) -> str:
        """Return the text of tokens (time,); bytes that are no character come as �.

        Raises:
            InputError: for what are no numbers of tokens.
        """
        return self._tokenizer.decode(list(_checked(tokens, self.size)), skip_special_tokens=False)

    def to_json(self) -> str:
        """Return a JSON text from which `from_json` makes the tokeniser again."""
        return json.dumps({"format": _FORMAT, "kind": "byte pairs", "merges": self._tokenizer.to_str()})


def from_json(text: str) -> Characters | BytePairs:
    """Make a tokeniser again from what its `to_json` gave.

    Raises:
        DataError: for another text.
        InputError: where it needs a package that is not installed.
    """
    try:
        stored = json.loads(text)
        if stored["format"] != _FORMAT:
            raise DataError(f"the tokeniser must be of the format {_FORMAT!r}, but is of {stored['format']!r}")
        match stored["kind"]:
            case "characters":
                return Characters(stored["alphabet"])
            case "byte pairs":
                return BytePairs(stored["merges"])
        raise DataError(f"the tokeniser must be of characters or byte pairs, but is of {stored['kind']!r}")
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
    """Return tokens as Python's numbers."""
    known = np.asarray(check.array("tokens", tokens))
    if known.ndim != 1:
        raise InputError(f"tokens must be integers of shape (time,), but are {check.received(tokens)}")
    if known.size:  # of an empty list NumPy makes floats
        check.indices(size, tokens=known)
    return (int(token) for token in known)
