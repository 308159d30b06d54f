"""Validation of learning rules."""

from typing import Any

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.kinds import Rule


def check_rule(rule: Any) -> None:
    """Check that `rule` is a learning rule.

    Raises:
        InputError: for an object without `init` and `step`, and for a class.
    """
    if isinstance(rule, type) or not isinstance(rule, Rule):
        raise InputError(
            f"rule must have init and step, such as descent(loss, optax.adam(1e-3)), but is {check.received(rule)}"
        )
