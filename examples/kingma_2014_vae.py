"""Kingma & Welling, Auto-encoding variational Bayes, ICLR 2014: a network that draws digits from random numbers."""

import jax
import jax.numpy as jnp
import optax

from neuraxis import data, descent, fit
from neuraxis.generative import Binarised, NegativeELBO, dense_vae

digits = data.load("digits").scaled().flat()
keys = jax.random.split(jax.random.key(0), 3)
vae = dense_vae((64, 128, 8), key=keys[0])
rule = descent(Binarised(NegativeELBO()), optax.adam(3e-3))
fitted = fit(vae, rule, (digits.train_x,), epochs=40, batch_size=64, key=keys[1], progress=None)
first, *_, last = fitted.history["loss"]
print(f"negative ELBO: {first:.0f} nats in the first epoch, {last:.0f} in the last")
images = fitted.model.sample(6, key=keys[2]).reshape(6, 8, 8)
for row in jnp.concatenate(list(images), axis=1):
    print("".join(" .:-=+*#%@"[int(9.99 * level)] for level in row))
