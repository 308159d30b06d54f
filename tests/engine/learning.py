"""A small task to learn, shared by the tests of training."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from neuraxis.engine import descent, fit
from neuraxis.feedforward import MLP, classification

x = np.random.default_rng(0).normal(size=(203, 5)).astype(np.float32)
labels = (x[:, 0] + 0.5 * x[:, 1] > 0).astype(np.int32)
targets = x @ np.arange(5, dtype=np.float32)[:, None] + 2


def squared(model, x, t, *, key=None):
    return jnp.sum((model(x) - t) ** 2, axis=-1)


adam = descent(classification.loss, optax.adam(1e-2))


def train(model=None, rule=adam, data=(x, labels), **changed):
    arguments = {
        "epochs": 4,
        "batch_size": 32,
        "key": jax.random.key(1),
        "progress": None,
    } | changed
    return fit(MLP((5, 16, 2), key=jax.random.key(0)) if model is None else model, rule, data, **arguments)


class Drift(eqx.Module):
    """A rule that adds to the weights."""

    rate: float = 0.5

    def init(self, model):
        return ()

    def step(self, model, state, batch, *, key):
        moved = eqx.tree_at(lambda m: m.weight, model, model.weight + self.rate)
        return moved, state, {"length": jnp.sum(batch[0] ** 2, axis=-1)}


class Scaled(eqx.Module):
    weight: jax.Array
    scale: float = 2.0
