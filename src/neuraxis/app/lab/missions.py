"""Small tasks set by a page, checked by claims of its experiment."""

from collections.abc import Mapping
from dataclasses import dataclass

from neuraxis.experiment import Claim


@dataclass(frozen=True)
class Mission:
    """A task, and the claims that the measures of the page must then satisfy."""

    text: str
    claims: tuple[Claim, ...]

    def is_done(self, measures: Mapping[str, float]) -> bool:
        """Return whether all claims hold; a claim about a metric not measured yet does not."""
        return all(claim.metric in measures and claim.holds(measures) for claim in self.claims)
