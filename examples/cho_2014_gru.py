"""Cho et al., EMNLP 2014, on the adding problem: a gated recurrent unit keeps two numbers over thirty steps."""

import jax
import jax.numpy as jnp
import optax

from neuraxis import GRU, Chain, descent, fit, unroll
from neuraxis.data import adding_problem
from neuraxis.layers import Linear

keys = jax.random.split(jax.random.key(0), 3)
x, total = adding_problem(4096, length=30)  # (sequence, time, feature), (sequence, 1)
model = Chain(GRU(2, 32, key=keys[0]), Linear(32, 1, key=keys[1]))


def squared_error(model, x, total, *, key):
    """Compare what the network says after the last step with the sum."""
    return jnp.sum((unroll(model, x)[0][:, -1] - total) ** 2, axis=-1)


rule = descent(squared_error, optax.adam(5e-3))
fitted = fit(model, rule, (x, total), epochs=15, batch_size=64, key=keys[2], progress=None)
first, *_, last = fitted.history["loss"]
print(f"mean squared error: {first:.2f} in the first epoch, {last:.3f} in the last")
print(f"of the best constant answer: {1 / 6:.2f}")
