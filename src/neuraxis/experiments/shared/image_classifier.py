"""How experiments train a network to classify images: by Adam, with a learning rate that falls along a cosine."""

import math
from typing import Any

import optax
from jaxtyping import PRNGKeyArray

from neuraxis.engine import Fitted, descent, fit
from neuraxis.experiments.shared.images import Images
from neuraxis.feedforward.classification import correct, loss
from neuraxis.kinds import Map


def train(
    model: Map,
    images: Images,
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    key: PRNGKeyArray,
    watch: bool = True,
    **session: Any,
) -> Fitted:
    """Minimise the cross-entropy on the training images for `steps` steps, rounded up to whole epochs.

    Where `watch`, the loss and the accuracy on the held-out images are measured after every epoch. `session` holds the
    further arguments of `fit`, those of `Session.training`.
    """
    steps_per_epoch = math.ceil(len(images.train[0]) / batch_size)
    epochs = math.ceil(steps / steps_per_epoch)
    return fit(
        model,
        descent(loss, optax.adam(optax.cosine_decay_schedule(learning_rate, epochs * steps_per_epoch))),
        images.train,
        epochs=epochs,
        batch_size=batch_size,
        key=key,
        validation=images.validation if watch else None,
        metrics={"accuracy": correct} if watch else None,
        **session,
    )
