"""Bengio, Simard & Frasconi, IEEE Transactions on Neural Networks 5:157 (1994): long memories are hard to learn.

One of eight symbols has to be recalled after a delay filled with noise. The gradient fades on its way back to it, so a
plain recurrent network learns to bridge a short delay, but not a long one.
"""

import jax
import jax.numpy as jnp
import optax

from neuraxis import RNN, Chain, Linear, descent, evaluate, fit, unroll
from neuraxis.data import delayed_recall
from neuraxis.functions import categorical_cross_entropy_with_logits, one_hot


def loss(model, x, symbols, *, key=None):
    """Compare what the network says after the last step with the symbol."""
    return categorical_cross_entropy_with_logits(unroll(model, x)[0][:, -1], one_hot(symbols, 8))


def recalled(model, x, symbols, *, key=None):
    """Return whether the largest output after the last step is that of the symbol."""
    return unroll(model, x)[0][:, -1].argmax(-1) == symbols


keys = jax.random.split(jax.random.key(0), 3)
model = Chain(RNN(9, 32, key=keys[0]), Linear(32, 8, key=keys[1]))
gradient = jax.grad(lambda x, symbols: loss(model, x, symbols).sum())
for delay in (5, 40):
    x, symbols = delayed_recall(6400, delay, noise=0.3)  # (sequence, time, feature), (sequence)
    norms = jnp.linalg.norm(gradient(x[:100], symbols[:100]), axis=(0, 2))  # of each step, before learning
    how = {"epochs": 2, "batch_size": 32, "key": keys[2], "progress": None}
    fitted = fit(model, descent(loss, optax.adam(3e-3)), (x, symbols), **how).model
    share = evaluate(fitted, recalled, delayed_recall(1000, delay, noise=0.3, seed=1))
    print(f"delay of {delay} steps: gradient at the symbol {norms[0] / norms[-1]:.2g} of that at the end", end=", ")
    print(f"{share:.0%} recalled after learning (chance 12%)")
