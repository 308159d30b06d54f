"""Numbers in the fields of layers, as their constructors take them."""

from typing import Any

import numpy as np

from neuraxis import check
from neuraxis.errors import InputError


def amount(number: Any) -> Any:
    """Give a number as a float, which is a value, and 0 as the whole number 0, which is static (`neuraxis.values`)."""
    if isinstance(number, float | int | np.integer | np.floating) and not isinstance(number, bool):
        return float(number) if number else 0
    return number


def is_none(number: Any) -> bool:
    """Say whether there is nothing to do, which is known even where values are being traced."""
    return isinstance(number, int)


def one_number(**values: Any) -> None:
    """Every value is a single number, or an array of one without axes."""
    for name, value in values.items():
        if np.ndim(value):
            raise InputError(f"{name} must be one number, but is {check.received(value)}")


def flag(**values: Any) -> None:
    """Every value is True or False."""
    for name, value in values.items():
        if not isinstance(value, bool | np.bool_):
            raise InputError(f"{name} must be True or False, but is {check.received(value)}")
