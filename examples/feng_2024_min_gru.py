"""Feng et al., Were RNNs all we needed?, arXiv:2410.01201 (2024): minimal gated units in two layers copy selectively.

Four tokens come at random times, and have to be named in their order at the end. One layer learns that less well.
"""

import jax
import optax

from neuraxis import Linear, MinGRU, Residual, Sequential, descent, evaluate, fit
from neuraxis.data import selective_copying
from neuraxis.functions import categorical_cross_entropy_with_logits, one_hot
from neuraxis.layers import Embedding, LayerNorm


def loss(model, x, tokens, *, key=None):
    """Return the mean cross-entropy of the four answers, which are due at the last steps."""
    return categorical_cross_entropy_with_logits(model(x)[:, -4:], one_hot(tokens, 10)).mean(-1)


def right(model, x, tokens, *, key=None):
    """Return the share of the four answers that are right."""
    return (model(x)[:, -4:].argmax(-1) == tokens).mean(-1)


keys = jax.random.split(jax.random.key(0), 5)
train, test = (selective_copying(n, length=32, memorized=4, tokens=8, seed=n) for n in (8000, 1000))
for layers in (1, 2):
    blocks = [Residual(Sequential([LayerNorm(32), MinGRU(32, 32, key=key)])) for key in keys[:layers]]
    model = Sequential([Embedding(10, 32, key=keys[2]), *blocks, Linear(32, 10, key=keys[3])])
    how = {"epochs": 5, "batch_size": 64, "key": keys[4], "progress": None}
    fitted = fit(model, descent(loss, optax.adam(1e-2)), train, **how).model
    print(f"number of layers {layers}: {evaluate(fitted, right, test):.0%} of the tokens right (chance 12%)")
