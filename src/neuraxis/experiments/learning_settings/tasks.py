"""The four settings of learning: what each one's data and loss are."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from neuraxis.data import Dataset
from neuraxis.feedforward import MLP, classification
from neuraxis.functions.activations import tanh
from neuraxis.functions.losses import squared_error
from neuraxis.kinds import Map
from neuraxis.reinforcement import CartPole, Reinforce

CODE_SIZE = 2  # numbers that the autoencoder may keep of an image
STEPS = 500  # of an episode
_HELD_OUT_EPISODES = 100


class Task(NamedTuple):
    """What tells the settings apart; how they learn is the same in all."""

    model: Map
    loss: Any  # a function loss(model, *batch, key=key), or an object that can be called like one
    data: tuple[Any, ...]
    held_out: tuple[Any, ...]
    epochs: int
    metrics: Mapping[str, Callable] = {}


def regression(sizes: tuple[int, ...], samples: int, noise: float, epochs: int, seed: int) -> Task:
    """Numbers are the targets: noisy values of a curve; held out is the curve itself."""
    random = np.random.default_rng(seed)
    x = random.uniform(-1, 1, (samples, 1)).astype(np.float32)
    targets = curve(x) + noise * random.normal(size=x.shape).astype(np.float32)
    dense = np.linspace(-1, 1, 401, dtype=np.float32)[:, None]
    model = MLP((1, *sizes, 1), key=jax.random.key(seed), activation=tanh)
    return Task(model, regression_loss, (x, targets), (dense, curve(dense)), epochs)


def curve(x: np.ndarray) -> np.ndarray:
    """What is to be found under the noise."""
    return np.sin(4 * x) * np.exp(-x)


def regression_loss(model: Map, x: Array, targets: Array, *, key=None) -> Float[Array, " batch"]:
    """Squared error of an output that is taken as it is (the identity)."""
    return squared_error(model(x, key=key), targets)


def classification_task(sizes: tuple[int, ...], images: Dataset, epochs: int, seed: int) -> Task:
    """Classes are the targets: handwritten digits, with the cross-entropy of a softmax."""
    model = MLP((images.train_x.shape[-1], *sizes, len(images.classes)), key=jax.random.key(seed), activation=tanh)
    return Task(
        model,
        classification.loss,
        (images.train_x, images.train_y),
        (images.test_x, images.test_y),
        epochs,
        {"accuracy": classification.correct},
    )


def unsupervised(sizes: tuple[int, ...], images: Dataset, epochs: int, seed: int) -> Task:
    """No targets: the same images without their labels, each to be restored from a code of two numbers."""
    features = images.train_x.shape[-1]
    model = MLP((features, *sizes, CODE_SIZE, *sizes[::-1], features), key=jax.random.key(seed), activation=tanh)
    return Task(model, reconstruction_loss, (images.train_x,), (images.test_x,), epochs)


def reconstruction_loss(model: Map, x: Array, *, key=None) -> Float[Array, " batch"]:
    """Squared error of the output as a copy of the input."""
    return squared_error(model(x, key=key), x)


def code(model: MLP, x: np.ndarray) -> np.ndarray:
    """Return what the middle layer of the autoencoder makes of images."""
    h = jnp.asarray(x)
    for layer in model.layers[: len(model.layers) // 2]:
        h = model.activation(layer(h))
    return np.asarray(h)


def reinforcement(sizes: tuple[int, ...], episodes: int, discount: float, epochs: int, seed: int) -> Task:
    """Only a reward: a pole that is to be kept upright by pushing its cart to the left or right with 10 N."""
    key_model, key_starts = jax.random.split(jax.random.key(seed))
    cart = CartPole()
    starts = cart.draw_state((episodes + _HELD_OUT_EPISODES,), key=key_starts)
    reinforce = Reinforce(cart, actions=(-10.0, 10.0), steps=STEPS, dt=20.0, discount=discount)
    return Task(
        MLP((4, *sizes, 2), key=key_model, activation=tanh),
        reinforce,
        (starts[:episodes],),
        (starts[episodes:],),
        epochs,
        {"steps_held": reinforce.total_reward},
    )
