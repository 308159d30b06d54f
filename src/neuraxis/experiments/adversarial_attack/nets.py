"""The networks that are attacked."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from neuraxis.energy import ErrorRelaxation, PredictiveCoding, local_learning
from neuraxis.engine import descent, fit
from neuraxis.experiment import Session
from neuraxis.experiments.shared.image_classifier import train as train_as_usual
from neuraxis.experiments.shared.images import Images
from neuraxis.feedforward import CNN, MLP
from neuraxis.feedforward.classification import loss
from neuraxis.functions.losses import one_hot
from neuraxis.kinds import Map
from neuraxis.layers import Flatten, Sequential
from neuraxis.robust import PGD, LInf, adversarial_training
from neuraxis.spiking import SpikingClassifier

_OTHER_STEPS, _TIME_STEPS, _NEURONS = 400, 15, 128


class Scaled(eqx.Module):
    """A network whose logits are multiplied by a number, which changes no answer."""

    network: Map
    scale: ArrayLike = 1.0

    def __call__(self, x: Array, *, key: PRNGKeyArray | None = None) -> Array:
        """Map images to logits."""
        return self.scale * self.network(x, key=key)


def train(settings: Any, images: Images, key: PRNGKeyArray, session: Session) -> dict[str, Scaled]:
    """Train the usual network and the robust one, which begin as the same."""
    key_model, key_fit = jax.random.split(key)
    shape, classes = images.train[0].shape[1:], len(images.classes)
    network = CNN(shape, settings.channels, (settings.hidden_size,), classes, key=key_model)
    how = {"batch_size": settings.batch_size, "key": key_fit}
    plain = train_as_usual(
        network,
        images,
        steps=settings.steps,
        learning_rate=settings.learning_rate,
        watch=False,
        **how,
        **session.training("plain network", "checkpoint-plain"),
    )
    robust = fit(
        network,
        robust_rule(settings),
        images.train,
        epochs=1,
        steps=settings.robust_steps,
        **how,
        **session.training("robust network", "checkpoint-robust"),
    )
    return {"plain": Scaled(plain.model), "robust": Scaled(robust.model)}


def robust_rule(settings: Any):
    """Learn from what a few steps of PGD make of the images, with an ε that grows."""
    rate = optax.cosine_decay_schedule(settings.learning_rate, settings.robust_steps)
    attack = PGD(LInf(settings.epsilon, low=0.0, high=1.0), settings.inner_steps, 1.25 / settings.inner_steps)
    grown = settings.robust_steps / 2
    return adversarial_training(descent(loss, optax.adam(rate)), attack, lambda t: jnp.minimum(1.0, (t + 1) / grown))


def train_others(settings: Any, images: Images, key: PRNGKeyArray, session: Session) -> dict[str, Sequential]:
    """Train a perceptron, a classifier of spiking neurons, and a network of predictive coding."""
    pixels, classes = images.size, len(images.classes)
    keys = jax.random.split(key, 4)
    made = {
        "perceptron": MLP((pixels, _NEURONS, classes), key=keys[0]),
        "spiking neurons": SpikingClassifier((pixels, _NEURONS, classes), steps=_TIME_STEPS, key=keys[1]),
    }
    trained = {
        name: train_as_usual(
            Sequential([Flatten(axes=3), network]),
            images,
            steps=_OTHER_STEPS,
            batch_size=settings.batch_size,
            learning_rate=settings.learning_rate,
            key=keys[2],
            watch=False,
            **session.training(name, f"checkpoint-{name.replace(' ', '-')}"),
        ).model
        for name, network in made.items()
    }
    coded = PredictiveCoding((classes, _NEURONS, pixels), key=keys[3])
    learnt = fit(
        coded,
        local_learning(optax.adam(settings.learning_rate), ErrorRelaxation()),
        (images.train[0].reshape(-1, pixels), np.asarray(one_hot(images.train[1], classes))),
        epochs=1,
        steps=_OTHER_STEPS,
        batch_size=settings.batch_size,
        key=keys[2],
        **session.training("predictive coding", "checkpoint-predictive-coding"),
    ).model
    return trained | {"predictive coding": Sequential([Flatten(axes=3), learnt])}
