"""Conversion of the numbers in the fields of layers."""

from typing import Any

import numpy as np


def amount(number: Any) -> Any:
    """Convert a number to a float, which is a value, but 0 to the integer 0, which is static (`neuraxis.values`)."""
    if isinstance(number, float | int | np.integer | np.floating) and not isinstance(number, bool):
        return float(number) if number else 0
    return number


def is_none(number: Any) -> bool:
    """Return whether an amount is 0, which is known even while values are being traced."""
    return isinstance(number, int)
