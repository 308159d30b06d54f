"""Numbers in the fields of layers, as their constructors take them."""

from typing import Any

import numpy as np


def amount(number: Any) -> Any:
    """Get a number as a float, which is a value, and 0 as the whole number 0, which is static (`neuraxis.values`)."""
    if isinstance(number, float | int | np.integer | np.floating) and not isinstance(number, bool):
        return float(number) if number else 0
    return number


def is_none(number: Any) -> bool:
    """Tell whether there is nothing to do, which is known even where values are being traced."""
    return isinstance(number, int)
