"""Objectives of generative adversarial networks, as functions of the discriminator's logits.

Each loss is one value per pair of a real example, with logit D(x), and a generated one, with logit D(G(z)).
"""

from collections.abc import Callable
from typing import NamedTuple

from jaxtyping import Array, Float

from neuraxis.functions.activations import softplus

Logits = Float[Array, " batch"]


class Objective(NamedTuple):
    """Losses of both networks, as functions of the logits of real and of generated examples, in this order."""

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
generator that with target 1 for generated examples. For data of density P and generated examples of density Q, the
optimal discriminator is D* = ln(P/Q), with a mean loss of ln 4 − 2 JS(P, Q), where JS is the Jensen–Shannon divergence.

Source: Goodfellow et al., Advances in Neural Information Processing Systems (2014), section 3 and theorem 1.
"""

relativistic = Objective(_more_real, lambda real, fake: _more_real(fake, real))
"""Discriminator: ln(1 + e^(D(G(z)) − D(x))); generator: ln(1 + e^(D(x) − D(G(z)))).

Only the difference of the logits within a pair matters. A generator that misses a part of the data leaves pairs with a
large difference, so the loss landscape has no basin in which modes are dropped. Convergence requires gradient penalties
at real and at generated examples.

Sources: Jolicoeur-Martineau, International Conference on Learning Representations (2019); Huang, Gokaslan, Kuleshov
and Tompkin, The GAN is dead; long live the GAN!, Advances in Neural Information Processing Systems (2024), section 2.
"""
