"""The networks, and how each learns."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from neuraxis.engine import Fitted, descent, fit
from neuraxis.experiment import Session
from neuraxis.experiments.shared.images import Images
from neuraxis.feedforward import MLP
from neuraxis.feedforward.classification import correct, loss
from neuraxis.functions.activations import relu
from neuraxis.kinds import Rule
from neuraxis.layers import Convolution, Flatten, Sequential
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
    """Give what the attacker may do."""
    return LInf(settings.epsilon, low=0.0, high=1.0)


def train(settings: Any, images: Images, session: Session) -> Trained:
    """Train all networks."""
    optimizer = lambda steps: optax.adam(optax.cosine_decay_schedule(settings.learning_rate, steps))
    threat, inner = threat_of(settings), settings.inner_steps
    step_size = _REACH / inner

    def by_trades(beta: float, steps: int) -> Rule:
        return ramped(descent(TRADES(threat, beta, inner, step_size), optimizer(steps)), share_of(settings, steps))

    def by_attack(steps: int) -> Rule:
        attack = PGD(threat, inner, step_size)
        return adversarial_training(descent(loss, optimizer(steps)), attack, share_of(settings, steps))

    def run(name: str, rule: Rule, steps: int, seed: int) -> Fitted:
        return _fit(settings, images, rule, steps, settings.seed + seed, session.training(name, _file(name)))

    plain, whole, short = settings.plain_steps, settings.steps, settings.short_steps
    networks = {
        "usual": run("usual training", descent(loss, optimizer(plain)), plain, 0),
        "adversarial": run("adversarial training", by_attack(whole), whole, 0),
        "TRADES": run("TRADES", by_trades(settings.beta, whole), whole, 0),
    }
    seeds = [run(f"seed {seed}", by_trades(settings.beta, short), short, seed) for seed in range(settings.seeds)]
    betas = {beta: run(f"β {beta:g}", by_trades(beta, short), short, 0) for beta in settings.betas}
    return Trained(networks, dict(sorted({**betas, settings.beta: seeds[0]}.items())), seeds)


def share_of(settings: Any, steps: int):
    """Give the share of ε after a number of steps: it grows evenly, then it is 1."""
    grown = max(1.0, settings.ramp * steps)
    return lambda t: jnp.minimum(1.0, (t + 1) / grown)


def _file(name: str) -> str:
    return f"checkpoint-{name.replace(' ', '-').replace('β', 'beta')}"


def _fit(settings: Any, images: Images, rule: Rule, steps: int, seed: int, training: dict[str, Any]) -> Fitted:
    """Train a network of its own seed, and measure it on held-out images as it learns."""
    key_model, key_fit = jax.random.split(jax.random.key(seed))
    network = network_for(settings, images.train[0].shape[1:], len(images.classes), key_model)
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


def network_for(settings: Any, image: tuple[int, ...], classes: int, key: jax.Array) -> Sequential:
    """Make a network of two convolutions with stride 2, and two dense layers."""
    keys = jax.random.split(key, 3)
    first, second = settings.channels
    features = (image[0] // 4) * (image[1] // 4) * second
    return Sequential(
        [
            Convolution(image[-1], first, 4, stride=2, padding=1, key=keys[0]),
            relu,
            Convolution(first, second, 4, stride=2, padding=1, key=keys[1]),
            relu,
            Flatten(axes=3),
            MLP((features, settings.hidden_size, classes), key=keys[2]),
        ]
    )
