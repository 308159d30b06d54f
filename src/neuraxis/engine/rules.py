"""What is a rule of learning."""

from typing import Any

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.kinds import Rule


def check_rule(rule: Any) -> None:
    """Refuse what is no rule.

    Raises:
        InputError: for anything without `init` and `step`, and for a class.
    """
    if isinstance(rule, type) or not isinstance(rule, Rule):
        raise InputError(
            f"rule must have init and step, such as descent(loss, optax.adam(1e-3)), but is {check.received(rule)}"
        )
