"""What discriminator and generator minimise when they play against each other, as functions of the logits.

Each gives one value for each pair of a real example, with logit D(x), and a generated one, with D(G(z)).
"""

from collections.abc import Callable
from typing import NamedTuple

from jaxtyping import Array, Float

from neuraxis.functions.activations import softplus

Logits = Float[Array, " batch"]


class Objective(NamedTuple):
    """The two sides of a game: functions of the logits of real and of generated examples, in this order."""

    discriminator: Callable[[Logits, Logits], Logits]
    generator: Callable[[Logits, Logits], Logits]


def _tell_apart(real: Logits, fake: Logits) -> Logits:
    return softplus(-real) + softplus(fake)


def _pass_for_real(real: Logits, fake: Logits) -> Logits:
    return softplus(-fake)


def _more_real(real: Logits, fake: Logits) -> Logits:
    return softplus(fake - real)


cross_entropy = Objective(_tell_apart, _pass_for_real)
"""Discriminator: −ln p(x) − ln(1 − p(G(z))), with p = 1/(1 + e^(−D)); generator: −ln p(G(z)).

The discriminator minimises the Bernoulli cross-entropy with target 1 for real and 0 for generated examples, the
generator that with target 1 for its own. Where data have the density p and the generator q, the best discriminator is
D* = ln(p/q), at which the discriminator's mean loss is ln 4 − 2 JS(p, q), with the Jensen–Shannon divergence JS.

Source: Goodfellow et al., Advances in Neural Information Processing Systems (2014), section 3 and theorem 1.
"""

relativistic = Objective(_more_real, lambda real, fake: _more_real(fake, real))
"""Discriminator: ln(1 + e^(D(G(z)) − D(x))); generator: ln(1 + e^(D(x) − D(G(z)))).

Only the difference within a pair counts. A generator that leaves a part of the data out leaves pairs with a large
difference behind, so the landscape of this game has no basin in which modes are dropped. It needs gradient penalties
at real and at generated examples to converge.

Sources: Jolicoeur-Martineau, International Conference on Learning Representations (2019); Huang, Gokaslan, Kuleshov
and Tompkin, The GAN is dead; long live the GAN!, Advances in Neural Information Processing Systems (2024), section 2.
"""
