from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """What a callback of `fit` receives."""

    step: int
    epoch: int
    losses: dict[str, float]
    seconds: float
    ends_epoch: bool
