"""The networks, and how each learns."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, ArrayLike

from neuraxis.engine import Fitted, descent, fit
from neuraxis.experiment import Session
from neuraxis.experiments.shared.images import Images
from neuraxis.experiments.trades import networks
from neuraxis.feedforward.classification import correct, loss
from neuraxis.kinds import Rule
from neuraxis.robust import PGD, TRADES, LInf, UnderAttack, adversarial_training, ramped

_WATCHED = 500  # held-out images
_WATCH_STEPS = 10  # of the attack on them
_REACH = 1.25  # ε: how far all inner steps together could go


class Trained(NamedTuple):
    """What was trained."""

    networks: dict[str, Fitted]  # by name of the training
    betas: dict[float, Fitted]  # short trainings with the same seed, by β
    seeds: list[Fitted]  # short trainings with the same β


def threat_of(settings: Any) -> LInf:
    """Return what the attacker may do."""
    return LInf(settings.epsilon, low=0.0, high=1.0)


def train(settings: Any, images: Images, session: Session) -> Trained:
    """Train all networks."""

    def run(name: str, rule: Rule, steps: int, seed: int) -> Fitted:
        return _fit(settings, images, rule, steps, settings.seed + seed, session.training(name, _file(name)))

    plain, whole, short, beta = settings.plain_steps, settings.steps, settings.short_steps, settings.beta
    usual = descent(loss, _optimizer(settings, plain))
    rule = _by_trades(settings, short)
    trained = {
        "usual": run("normal training", usual, plain, 0),
        "adversarial": run("adversarial training", _by_attack(settings, whole), whole, 0),
        "TRADES": run("TRADES", _by_trades(settings, whole)(beta), whole, 0),
    }
    seeds = [run(f"seed {seed}", rule(beta), short, seed) for seed in range(settings.seeds)]
    betas = {other: run(f"β {other:g}", rule(other), short, 0) for other in settings.betas}
    return Trained(trained, dict(sorted({**betas, beta: seeds[0]}.items())), seeds)


def _optimizer(settings: Any, steps: int) -> optax.GradientTransformation:
    return optax.adam(optax.cosine_decay_schedule(settings.learning_rate, steps))


def _by_attack(settings: Any, steps: int) -> Rule:
    attack = PGD(threat_of(settings), settings.inner_steps, _REACH / settings.inner_steps)
    return adversarial_training(descent(loss, _optimizer(settings, steps)), attack, share_of(settings, steps))


def _by_trades(settings: Any, steps: int) -> Callable[[float], Rule]:
    """Return the rule for each β; all have the same schedules, so that they share one compiled program."""
    optimizer, share, inner = _optimizer(settings, steps), share_of(settings, steps), settings.inner_steps
    threat = threat_of(settings)
    return lambda beta: ramped(descent(TRADES(threat, float(beta), inner, _REACH / inner), optimizer), share)


def share_of(settings: Any, steps: int) -> Callable[[ArrayLike], Array]:
    """Return the share of ε after a number of steps: it grows evenly, then it is 1."""
    grown = max(1.0, settings.ramp * steps)
    return lambda t: jnp.minimum(1.0, (t + 1) / grown)


def _file(name: str) -> str:
    return f"checkpoint-{name.replace(' ', '-').replace('β', 'beta')}"


def _fit(settings: Any, images: Images, rule: Rule, steps: int, seed: int, training: dict[str, Any]) -> Fitted:
    """Train a network of its own seed, and measure it on held-out images as it learns."""
    key_model, key_fit = jax.random.split(jax.random.key(seed))
    network = networks.make(settings, images.train[0].shape[1:], len(images.classes), key_model)
    x, labels = images.validation
    attack = PGD(threat_of(settings), _WATCH_STEPS, 2.5 / _WATCH_STEPS)
    return fit(
        network,
        rule,
        images.train,
        epochs=min(settings.reports, steps),
        steps=math.ceil(steps / min(settings.reports, steps)),
        batch_size=settings.batch_size,
        key=key_fit,
        validation=(x[:_WATCHED], labels[:_WATCHED]),
        metrics={"accuracy": correct, "robust_accuracy": UnderAttack(correct, attack)},
        **training,
    )
