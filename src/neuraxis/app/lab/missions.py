"""Small missions that a page sets, checked by the claims of the experiment."""

from collections.abc import Mapping
from dataclasses import dataclass

from neuraxis.experiment import Claim


@dataclass(frozen=True)
class Mission:
    """What to find, and the claims that what the page measures must then keep."""

    text: str
    claims: tuple[Claim, ...]

    def is_done(self, measures: Mapping[str, float]) -> bool:
        """Return whether all of them hold; a claim on what is not measured yet does not."""
        return all(claim.metric in measures and claim.holds(measures) for claim in self.claims)
