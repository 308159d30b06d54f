"""PGD with ten steps on a convolutional network."""

from benchmarks._attacks import EPSILON, attack
from benchmarks.harness import Workload
from neuraxis.robust import PGD


def workload(quick: bool) -> Workload:
    """Both take ten gradients from a random start; ours looks at the last point too, and gives the best one."""
    return attack(
        "PGD-10 (ℓ∞)",
        lambda threat: PGD(threat, 10, 0.25),
        lambda torchattacks, net: torchattacks.PGD(net, eps=EPSILON, alpha=EPSILON / 4, steps=10),
        8 if quick else 100,
    )
