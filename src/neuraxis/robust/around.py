"""The base class of attacks that call another attack."""

import equinox as eqx

from neuraxis.robust.attack import Attack
from neuraxis.robust.threat_models import ThreatModel


class AroundAttack(eqx.Module):
    """An attack that calls another one, with its threat model, and uses the gradient if that does."""

    attack: Attack

    @property
    def threat(self) -> ThreatModel:
        """The threat model of the inner attack."""
        return self.attack.threat

    @property
    def uses_gradient(self) -> bool:
        """Whether the inner attack needs the gradient of the model."""
        return self.attack.uses_gradient
