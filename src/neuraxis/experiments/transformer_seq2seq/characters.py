"""Dates as arrays of tokens: characters, and three control characters of ASCII for padding, begin and end."""

import string
from collections.abc import Sequence

import numpy as np

from neuraxis.data import Characters
from neuraxis.data.written_dates import Pair
from neuraxis.language import padded

PADDING, BEGIN, END = "\0", "\x02", "\x03"  # null, start of text, end of text
CHARACTERS = Characters(PADDING + BEGIN + END + string.ascii_letters + string.digits + " ,.'/-")
_WRITTEN, _ISO = 40, 12  # the longest date, and an ISO date with its begin and end


def lay_out(pairs: Sequence[Pair]) -> tuple[np.ndarray, np.ndarray]:
    """Make arrays of tokens of pairs: the written dates, and their ISO forms between begin and end.

    Raises:
        InputError: for a character that does not occur in dates, or more of them than a date can have.
    """
    written, _ = padded([CHARACTERS.encode(pair.written) for pair in pairs], length=_WRITTEN)
    iso, _ = padded([CHARACTERS.encode(BEGIN + pair.iso + END) for pair in pairs], length=_ISO)
    return written, iso


def to_text(tokens: np.ndarray) -> str:
    """Return the characters up to the end."""
    return CHARACTERS.decode(tokens).partition(END)[0].rstrip(PADDING)
