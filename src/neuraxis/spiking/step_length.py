"""Checks of the length of steps, in which delays and times are counted."""

import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike

from neuraxis import check
from neuraxis.errors import InputError


def check_dt(dt: ArrayLike) -> None:
    """Check that `dt` is one positive number."""
    check.positive(dt=dt)
    check.one_number(dt=dt)


def check_step(what: str, own: float | None, dt: ArrayLike) -> None:
    """Check that steps have the length in which `what` is counted."""
    check_dt(dt)
    if own is not None and not isinstance(dt, Tracer) and np.any(np.abs(np.asarray(dt) - own) > 1e-6 * own):
        raise InputError(f"{what} are counted in steps of {own} ms, but the network is stepped by dt = {dt} ms")
