"""Ramsauer et al., Hopfield networks is all you need, ICLR 2021: one step of attention recalls far more than Hebb.

Stored are 1500 random patterns of 64 neurons: 23 for every neuron, where the network of 1982 can keep 0.14.
"""

import jax
import jax.numpy as jnp

from neuraxis import Hopfield, ModernHopfield

keys = jax.random.split(jax.random.key(0), 3)
patterns = jax.random.rademacher(keys[0], (1500, 64), float)
corrupted = jnp.where(jax.random.bernoulli(keys[1], 0.1, patterns.shape), -patterns, patterns)
attention = ModernHopfield(patterns, beta=1.0).step(corrupted)  # softmax(β ξXᵀ) X
hebbian = Hopfield.store(patterns).synchronous_step(corrupted)
for name, found in (("corrupted", corrupted), ("one modern step", attention), ("one Hebbian step", hebbian)):
    exact = jnp.all(jnp.sign(found) == patterns, axis=-1)
    print(f"{name}: {exact.mean():.1%} of the patterns exact, overlap {jnp.mean(patterns * jnp.sign(found)):.2f}")
