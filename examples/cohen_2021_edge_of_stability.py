"""Cohen, Kaur, Li, Kolter & Talwalkar, ICLR (2021): gradient descent on neural networks, at the edge of stability.

With the rate κ, a quadratic loss diverges where its curvature exceeds 2/κ. The loss of a network becomes more and more
curved as it learns, until its largest curvature reaches 2/κ; there it stays, and the loss still falls.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from neuraxis import CNN, data, descent, fit
from neuraxis.functions import tanh
from neuraxis.functions.losses import one_hot

digits = data.load("digits").scaled()
x, targets = digits.train_x[:200, ..., None], one_hot(digits.train_y[:200], 10)


def loss(model, x, targets, key=None):
    """Return the squared error of each example."""
    return jnp.sum((model(x, key=key) - targets) ** 2, axis=-1)


@eqx.filter_jit
def curvature(model, x, targets):
    """Return the largest eigenvalue of the Hessian of the mean loss, by power iteration."""
    weights, others = eqx.partition(model, eqx.is_inexact_array)
    gradient = jax.grad(lambda weights: jnp.mean(loss(eqx.combine(weights, others), x, targets)))

    def step(direction, _):
        product = jax.jvp(gradient, (weights,), (direction,))[1]  # of the Hessian and the direction
        length = optax.tree.norm(product)
        return jax.tree.map(lambda p: p / length, product), length

    return jax.lax.scan(step, weights, length=30)[1][-1]


for rate in (0.057, 0.04):
    model, state = CNN((8, 8, 1), (8, 8), (), 10, key=jax.random.key(0), activation=tanh), None
    rule, found = descent(loss, optax.sgd(rate)), []
    for _ in range(8):
        how = {"steps": 250, "batch_size": 200, "key": jax.random.key(1), "state": state, "progress": None}
        fitted = fit(model, rule, (x, targets), **how)
        model, state = fitted.model, fitted.state
        found.append(f"{curvature(model, x, targets):.0f}")
    print(f"2/κ = {2 / rate:.0f}, largest curvature every 250 steps: {' '.join(found)}")
