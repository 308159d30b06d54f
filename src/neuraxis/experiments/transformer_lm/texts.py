"""The text that is learnt from, in characters, cut into a part for training and one held out."""

from dataclasses import dataclass

import numpy as np

from neuraxis import data
from neuraxis.data import Characters, Text
from neuraxis.errors import DataError, InputError

# Held-out loss [nats a character] of the network of 2017 at the default settings.
HIGHEST_LOSS = {"tiny-shakespeare": 1.92, "shakespeare": 1.82, "sonnets": 1.8}

_HELD_OUT = 0.1  # of the text, at its end


@dataclass(frozen=True)
class Halves:
    """A text as tokens, in two parts."""

    name: str
    description: str
    tokenizer: Characters
    training: np.ndarray
    held_out: np.ndarray
    held_out_text: str

    @property
    def prompt(self) -> str:
        """What the samples begin with: the end of a line, where the text has lines."""
        return "\n" if "\n" in self.tokenizer.alphabet else self.held_out_text[:1]


def load(path: str, context: int) -> Halves:
    """Read a file of the user's, or Shakespeare.

    Raises:
        DataError: where the file cannot be read, is not UTF-8, or holds zero bytes.
        InputError: for a text that is too short for the context.
    """
    text = Text.read(path) if path else data.find_text(["tiny-shakespeare", "shakespeare", "sonnets"])
    content = text.content
    if "\0" in content:
        place = len(content[: content.index("\0")].encode())
        raise DataError(f"{path} is not a text file: byte {place} is 00")
    if not content:
        raise InputError(f"text must contain characters, but {path} is empty")
    last = len(content) - round(_HELD_OUT * len(content))
    if min(last, len(content) - last) <= context:
        raise InputError(
            f"text must have more than {context} characters, the context, both for training and in the held-out tenth, "
            f"but {text.description}, is too short"
        )
    tokenizer = Characters.of(content)
    tokens = tokenizer.encode(content)
    if tokenizer.size <= 256:
        tokens = tokens.astype(np.uint8)  # a quarter of the memory
    return Halves(text.name, text.description, tokenizer, tokens[:last], tokens[last:], content[last:])
