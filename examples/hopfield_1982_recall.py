"""Hopfield, PNAS 79:2554 (1982): a network recalls patterns from corrupted versions, and forgets when overloaded."""

import jax
import jax.numpy as jnp

from neuraxis import Hopfield

keys = jax.random.split(jax.random.key(0), 3)
for count in (20, 100):  # patterns of 500 neurons: loads of 0.04 and 0.2
    patterns = jax.random.rademacher(keys[0], (count, 500), float)
    corrupted = jnp.where(jax.random.bernoulli(keys[1], 0.15, patterns.shape), -patterns, patterns)
    recalled = Hopfield.store(patterns).recall(corrupted, key=keys[2]).x
    overlap = jnp.mean(patterns * recalled)
    print(f"load {count / 500}: overlap {jnp.mean(patterns * corrupted):.2f} before recall, {overlap:.2f} after")
