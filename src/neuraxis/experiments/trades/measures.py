"""What the attacks leave of each network."""

from typing import Any, NamedTuple

import jax
import numpy as np

from neuraxis.engine import Fitted, evaluate, predict
from neuraxis.experiment import Claim
from neuraxis.experiments.shared.images import Images, Labelled
from neuraxis.experiments.trades.training import Trained, share_of, threat_of
from neuraxis.feedforward.classification import correct
from neuraxis.robust import PGD, AttackEnsemble, Robustness, auto_attack, robust_accuracy, with_epsilon

BATCH_SIZE = 500  # images that are attacked at once
_REACH = 4 / 3  # ε: how far all steps of the attack could go; 40 of them are 0.01 long where ε is 0.3
_SHOWN = 8


class Found(NamedTuple):
    """What was measured, and what is drawn of it."""

    metrics: dict[str, float]
    arrays: dict[str, Any]


def measure(settings: Any, trained: Trained, images: Images) -> Found:
    """Attack all networks."""
    key = jax.random.key(settings.seed)
    x, labels = images.test[0][: settings.images].astype(np.float32), images.test[1][: settings.images]
    threat = threat_of(settings)
    pgd = PGD(threat, settings.attack_steps, _REACH / settings.attack_steps)

    def attacked(fitted: Fitted) -> Robustness:
        return robust_accuracy(fitted.model, {"PGD": pgd}, x, labels, key=key, batch_size=BATCH_SIZE)

    reports = {name: attacked(fitted) for name, fitted in trained.networks.items()}
    natural = lambda fitted: evaluate(fitted.model, correct, images.test)
    pair = lambda fitted: (natural(fitted), attacked(fitted).accuracy)
    seeds = np.array([pair(fitted) for fitted in trained.seeds])
    betas = {beta: tuple(seeds[0]) if beta == settings.beta else pair(fitted) for beta, fitted in trained.betas.items()}
    metrics = {
        f"{name.lower()}_{what}": number
        for name, fitted in trained.networks.items()
        for what, number in (("accuracy", natural(fitted)), ("pgd", reports[name].accuracy))
    }
    metrics["robustness_gained"] = metrics["trades_pgd"] - metrics["usual_pgd"]
    few = min(settings.ensemble_images, len(x))
    parts = {}
    if few:
        parts = _strong(settings, pgd, trained.networks["TRADES"], (x[:few], labels[:few]), len(images.classes), key)
        metrics["trades_ensemble"] = list(parts.values())[-1]
    return Found(
        metrics | _of_short_trainings(seeds, betas),
        {
            "epsilon": settings.epsilon,
            "beta": settings.beta,
            "attack_steps": settings.attack_steps,
            "curves": _curves(settings, pgd, trained, x, labels, key),
            "betas": betas,
            "seeds": seeds,
            "steps": {"long": settings.steps, "short": settings.short_steps},
            "histories": {name: trained.networks[name].history for name in ("adversarial", "TRADES")},
            "shares": [float(share_of(settings, settings.steps)(t)) for t in np.linspace(0, settings.steps - 1, 101)],
            "parts": parts,
            "ensemble_images": few,
            "shown": _shown(trained, reports, x, labels),
            "classes": images.classes,
        },
    )


def _strong(settings: Any, pgd: PGD, fitted: Fitted, few: Labelled, classes: int, key: jax.Array) -> dict[str, float]:
    """Return the accuracy after each attack of the ensemble, which begins with the attack of all the other measures."""
    parts = auto_attack(pgd.threat, classes=classes, steps=settings.ensemble_steps, queries=settings.queries)
    ensemble = AttackEnsemble({"PGD": pgd, **dict(zip(parts.names, parts.attacks, strict=True))})
    found = robust_accuracy(fitted.model, {"ensemble": ensemble}, *few, key=key, batch_size=BATCH_SIZE)
    return {"none": found.clean_accuracy, **found.attacks["ensemble"].parts}


def claims(name: str) -> tuple[Claim, ...]:
    """Say what must hold: more is promised of MNIST than of the small digits."""
    always = (Claim("robustness_gained", ">=", 0.3), Claim("robustness_gained_by_beta", ">", 0.0))
    if name != "mnist":
        return always
    return (
        *always,
        Claim("usual_pgd", "<=", 0.02),
        Claim("trades_accuracy", ">=", 0.96),
        Claim("trades_pgd", ">=", 0.8),
    )


def _of_short_trainings(seeds: np.ndarray, betas: dict[float, tuple[float, float]]) -> dict[str, float]:
    natural, robust = np.array(list(betas.values())).T
    return {
        **{f"seeds_{name}_mean": float(mean) for name, mean in zip(("accuracy", "pgd"), seeds.mean(0), strict=True)},
        **{f"seeds_{name}_spread": float(far) for name, far in zip(("accuracy", "pgd"), np.ptp(seeds, 0), strict=True)},
        "accuracy_given_for_beta": float(natural[0] - natural[-1]),
        "robustness_gained_by_beta": float(robust[-1] - robust[0]),
    }


def _curves(
    settings: Any, attack: PGD, trained: Trained, x: np.ndarray, labels: np.ndarray, key: jax.Array
) -> dict[str, Any]:
    """Return the accuracy of each network against ε: a number in a field, so that one program serves all."""
    epsilons = np.linspace(0, settings.epsilon * 4 / 3, settings.epsilons)
    some = slice(0, BATCH_SIZE)

    def left(fitted: Fitted, epsilon: float) -> float:
        weaker = with_epsilon(attack, float(epsilon))
        return robust_accuracy(fitted.model, weaker, x[some], labels[some], key=key, batch_size=BATCH_SIZE).accuracy

    found = {name: np.array([left(fitted, e) for e in epsilons]) for name, fitted in trained.networks.items()}
    return {"epsilons": epsilons, "images": len(labels[some]), "accuracy": found}


def _shown(trained: Trained, reports: dict[str, Robustness], x: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Return an image of each class that two networks classify correctly, and what the attack makes of it for each."""
    predicted = lambda name, images: np.argmax(predict(trained.networks[name].model, images), axis=-1)
    pair = ("usual", "TRADES")
    right = np.flatnonzero(np.all([predicted(name, x) == labels for name in pair], axis=0))
    chosen = right[np.unique(labels[right], return_index=True)[1][:_SHOWN]]
    shown: dict[str, Any] = {"x": x[chosen, ..., 0], "labels": labels[chosen]}
    for name in pair:
        changed = reports[name].attacks["PGD"].images[chosen]
        shown[name] = {"changed": changed[..., 0], "predicted": predicted(name, changed)}
    return shown
