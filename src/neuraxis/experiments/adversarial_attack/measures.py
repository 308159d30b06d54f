"""Measurements: accuracies under each attack, smallest changes, and whether a masked gradient is detected."""

from dataclasses import dataclass, field
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from neuraxis.engine import predict
from neuraxis.experiment import Claim, Session
from neuraxis.experiments.adversarial_attack import nets
from neuraxis.experiments.shared.images import Images
from neuraxis.robust import (
    APGD,
    FAB,
    FGSM,
    L2,
    PGD,
    Attack,
    AttackEnsemble,
    Bisection,
    DeepFool,
    GradientStep,
    LInf,
    Robustness,
    Square,
    auto_attack,
    dlr,
    robust_accuracy,
    with_epsilon,
)

BATCH_SIZE = 300  # images that are attacked at once
_MASK = 1e4  # factor of logits that hides the gradient
CURVES = ("FGSM", "PGD", "APGD-CE")  # attacks whose accuracies are drawn against ε
_SHOWN = 8  # images
_GRADIENT_SIZE = 5.0  # k of the plain gradient step
_PIXELS = {"low": 0.0, "high": 1.0}
# What holds on the default images with room to spare.
_MNIST = {"robust": 0.7, "plain": 0.1, "spiking": 0.3}


@dataclass(frozen=True)
class Found:
    """What came of a part of the experiment."""

    metrics: dict[str, float] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    arrays: dict[str, Any] = field(default_factory=dict)


NOTHING = Found()


def both(settings: Any, trained: dict[str, nets.Scaled], images: Images, key: PRNGKeyArray) -> Found:
    """Attack the usual network and the robust one."""
    x, labels = attacked_images(settings, images)
    threat = LInf(settings.epsilon, **_PIXELS)
    attacks, ensemble = alone(settings, threat), standard(settings, threat, len(images.classes))
    reports = {name: measure(net, {**attacks, **_parts(ensemble), "ensemble": ensemble}, x, labels, key)
               for name, net in trained.items()}  # fmt: skip
    euclidean = L2(settings.epsilon_l2, **_PIXELS)
    in_l2 = {
        "PGD": PGD(euclidean, settings.attack_steps, 2.5 / settings.attack_steps),
        "DeepFool": DeepFool(euclidean),
        "Square": Square(euclidean, settings.queries),
    }
    reports_l2 = {name: measure(net, in_l2, x, labels, key) for name, net in trained.items() if "l2" in settings.more}
    curves = {
        name: _curves(settings, net, {**attacks, **_parts(ensemble)}, x, labels, key) for name, net in trained.items()
    }
    minimal = {name: _minimal(settings, net, x, labels, key) for name, net in trained.items()}
    metrics = {f"{name}_accuracy": report.clean_accuracy for name, report in reports.items()}
    for name, report in reports.items():
        for attack in ("FGSM", "PGD", "APGD-CE", "Square", "ensemble"):
            metrics[f"{name}_{_plain(attack)}"] = report.attacks[attack].accuracy
    metrics["ensemble_above_part"] = max(_above(report, list(_parts(ensemble))) for report in reports.values())
    metrics["unmasked_warnings"] = float(sum(len(report.warnings) for report in reports.values()))
    claims = [Claim("ensemble_above_part", "<=", 0.0)]
    if images.name == "mnist":
        claims += [
            Claim("plain_pgd", "<=", _MNIST["plain"]),
            Claim("robust_ensemble", ">=", _MNIST["robust"]),
            Claim("robust_accuracy", ">=", 0.95),
        ]
    if minimal["plain"]:
        for name, found in minimal.items():
            metrics |= {f"{name}_{_plain(attack)}_median": float(np.median(norms)) for attack, norms in found.items()}
    return Found(
        metrics,
        tuple(claims),
        {
            "reports": reports,
            "reports_l2": reports_l2,
            "curves": curves,
            "minimal": minimal if minimal["plain"] else {},
            "epsilon": settings.epsilon,
            "epsilon_l2": settings.epsilon_l2,
            "shown": {
                name: _shown(net, reports[name].attacks["PGD"].images, x, labels) for name, net in trained.items()
            },
        },
    )


def attacked_images(settings: Any, images: Images) -> tuple[np.ndarray, np.ndarray]:
    """Return the test images that are attacked, with their labels."""
    x, labels = images.test
    return np.asarray(x[: settings.images], np.float32), labels[: settings.images]


def alone(settings: Any, threat: LInf) -> dict[str, Attack]:
    """Return the attacks that are not part of the ensemble."""
    steps = settings.attack_steps
    always: dict[str, Attack] = {"FGSM": FGSM(threat), "PGD": PGD(threat, steps, 2.5 / steps)}
    if "minimal" not in settings.more:
        return always
    return {
        "gradient": GradientStep(threat, _GRADIENT_SIZE),
        **always,
        "APGD-DLR": APGD(threat, steps, loss=dlr),
        "DeepFool": DeepFool(threat),
        "FAB": FAB(threat, steps),
        "bisection": Bisection(PGD(threat, 10)),
    }


def standard(settings: Any, threat: LInf, classes: int) -> AttackEnsemble:
    """Return the ensemble."""
    return auto_attack(threat, classes=classes, steps=settings.attack_steps, queries=settings.queries)


def measure(net: Any, attacks: dict[str, Attack], x: np.ndarray, labels: np.ndarray, key: PRNGKeyArray) -> Robustness:
    """Attack a network by all of these."""
    return robust_accuracy(net, attacks, x, labels, key=key, batch_size=BATCH_SIZE)


def masked(settings: Any, trained: dict[str, nets.Scaled], images: Images, key: PRNGKeyArray) -> Found:
    """Hide the gradient of the usual network, and see whether that is found out."""
    x, labels = attacked_images(settings, images)
    hidden = eqx.tree_at(lambda net: net.scale, trained["plain"], _MASK)
    threat, steps = LInf(settings.epsilon, **_PIXELS), settings.attack_steps
    naive = {"PGD": PGD(threat, steps, 2.5 / steps), "Square": Square(threat, settings.queries)}
    report = measure(hidden, naive, x, labels, key)
    targeted = _parts(standard(settings, threat, len(images.classes)))["APGD-T"]
    honest = measure(hidden, {"APGD-T": targeted}, x, labels, key)
    by = {"PGD": report, "Square": report, "APGD-T": honest}
    metrics = {f"masked_{_plain(name)}": each.attacks[name].accuracy for name, each in by.items()}
    metrics["masked_warnings"] = float(len(report.warnings))
    metrics["masked_flattery"] = metrics["masked_pgd"] - min(metrics["masked_square"], metrics["masked_apgd_t"])
    return Found(
        metrics,
        (Claim("masked_flattery", ">=", 0.3), Claim("masked_warnings", ">=", 1.0)),
        {"masked": {name: each.attacks[name].accuracy for name, each in by.items()}, "warnings": report.warnings},
    )


def others(settings: Any, images: Images, key: PRNGKeyArray, session: Session) -> Found:
    """Attack a perceptron, spiking neurons and predictive coding."""
    x, labels = attacked_images(settings, images)
    key_train, key_attack = jax.random.split(key)
    threat = LInf(settings.epsilon, **_PIXELS)
    attacks = {"FGSM": FGSM(threat), "PGD": PGD(threat, 10), "Square": Square(threat, settings.queries // 2 or 1)}
    trained = nets.train_others(settings, images, key_train, session)
    reports = {name: measure(net, attacks, x, labels, key_attack) for name, net in trained.items()}
    metrics = {}
    for name, report in reports.items():
        short = name.split()[0]
        metrics |= {f"{short}_accuracy": report.clean_accuracy}
        metrics |= {f"{short}_{_plain(attack)}": each.accuracy for attack, each in report.attacks.items()}
    claims = (Claim("spiking_pgd", "<=", _MNIST["spiking"]),) if images.name == "mnist" else ()
    return Found(metrics, claims, {"others": reports})


def _parts(ensemble: AttackEnsemble) -> dict[str, Attack]:
    return dict(zip(ensemble.names, ensemble.attacks, strict=True))


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")


def _above(report: Robustness, parts: list[str]) -> float:
    """Say by how much the ensemble leaves more than its strongest part alone."""
    return report.attacks["ensemble"].accuracy - min(report.attacks[part].accuracy for part in parts)


def _curves(settings: Any, net: Any, attacks: dict[str, Attack], x: Any, labels: Any, key: PRNGKeyArray) -> dict:
    """Return the accuracy under some of the attacks for each ε: a number in a field, so that one program serves all."""
    epsilons = np.linspace(0, 1.5 * settings.epsilon, settings.epsilons)
    chosen = {name: attacks[name] for name in CURVES}
    found = [measure(net, {n: with_epsilon(a, float(e)) for n, a in chosen.items()}, x, labels, key)
             for e in epsilons]  # fmt: skip
    return {"epsilons": epsilons, **{name: np.array([r.attacks[name].accuracy for r in found]) for name in chosen}}


def _minimal(settings: Any, net: Any, x: Any, labels: Any, key: PRNGKeyArray) -> dict[str, np.ndarray]:
    """Return the sizes of the smallest changes that are found, by each way to look for them."""
    if "minimal" not in settings.more:
        return {}
    whole = LInf(1.0, **_PIXELS)  # any image there is
    ways = {
        "FAB": FAB(whole, settings.attack_steps),
        "DeepFool": DeepFool(whole),
        "bisection": Bisection(PGD(whole, 10)),
    }
    found = measure(net, ways, x, labels, key).attacks
    return {name: outcome.norms[outcome.broken] for name, outcome in found.items()}


def _shown(net: Any, changed: np.ndarray, x: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Return one image of each of the first classes, as it was and as it was changed, and what is predicted then."""
    chosen = np.array([np.flatnonzero(labels == label)[0] for label in np.unique(labels)[:_SHOWN]])
    predicted = np.argmax(predict(net, changed[chosen]), axis=-1)
    return {"x": x[chosen, ..., 0], "changed": changed[chosen, ..., 0], "label": labels[chosen], "predicted": predicted}
