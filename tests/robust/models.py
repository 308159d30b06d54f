"""Models whose boundaries are known."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

KEY = jax.random.key(0)


class Affine(eqx.Module):
    """z = x W + b of inputs (N, …), which are taken as vectors."""

    weight: jax.Array
    bias: jax.Array

    def __call__(self, x, *, key=None):
        return x.reshape(len(x), -1) @ self.weight + self.bias


random = np.random.default_rng(0)
SIZE, CLASSES, COUNT = 16, 4, 12
weight = random.normal(size=(SIZE, CLASSES)).astype(np.float32)
model = Affine(jnp.asarray(weight), jnp.asarray(0.1 * random.normal(size=CLASSES), jnp.float32))
x = jnp.asarray(random.uniform(0.3, 0.7, (COUNT, 4, 4, 1)), jnp.float32)  # far from the ends of the range
labels = jnp.argmax(model(x), axis=-1)


def distances(x, labels, dual):
    """Return the distance of every input from the nearest boundary of `model`, for ‖·‖ whose dual norm is given."""
    z, found = np.asarray(model(x), float), []
    for i, label in enumerate(np.asarray(labels)):
        others = [k for k in range(CLASSES) if k != label]
        to = [(z[i, label] - z[i, k]) / dual(weight[:, label] - weight[:, k]) for k in others]
        found.append(min(to))
    return np.array(found)


DUALS = {"LInf": lambda w: np.abs(w).sum(), "L2": np.linalg.norm}
