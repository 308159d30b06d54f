"""APGD on the cross-entropy of a convolutional network, 20 steps."""

from benchmarks._attacks import EPSILON, attack
from benchmarks.harness import Workload
from neuraxis.robust import APGD


def workload(quick: bool) -> Workload:
    """Both take 21 gradients from a random start; the peer predicts the images first, to leave the wrong ones out."""
    return attack(
        "APGD-CE-20 (ℓ∞)",
        lambda threat: APGD(threat, 20),
        lambda torchattacks, net: torchattacks.APGD(net, eps=EPSILON, steps=20),
        8 if quick else 100,
    )
