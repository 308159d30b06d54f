"""What attacks that are built around another one have in common."""

import equinox as eqx

from neuraxis.robust.attack import Attack
from neuraxis.robust.threat_models import ThreatModel


class AroundAttack(eqx.Module):
    """An attack that calls another one: it may do what that may, and uses the gradient if that does."""

    attack: Attack

    @property
    def threat(self) -> ThreatModel:
        """What the attack may do."""
        return self.attack.threat

    @property
    def uses_gradient(self) -> bool:
        """Whether the attack does."""
        return self.attack.uses_gradient
