"""Srivastava et al., Journal of Machine Learning Research 15:1929 (2014): neurons left out at random overfit less.

A fifth of the training images have a random label. Without dropout, the network learns these by heart.
"""

import jax
import jax.numpy as jnp

from neuraxis import Dropout, Linear, Sequential, data, descent, evaluate, fit, momentum
from neuraxis.feedforward.classification import correct, loss
from neuraxis.functions import relu

digits = data.load("digits").scaled().flat()
keys = jax.random.split(jax.random.key(0), 5)
images, labels = digits.train_x[:400], digits.train_y[:400]
random = jax.random.randint(keys[0], (400,), 0, 10)
labels = jnp.where(jax.random.bernoulli(keys[1], 0.2, (400,)), random, labels)
for name, pixels, neurons in (("no dropout", 0.0, 0.0), ("dropout", 0.2, 0.5)):
    layers = [Dropout(pixels), Linear(64, 512, key=keys[2]), relu, Dropout(neurons), Linear(512, 10, key=keys[3])]
    rule = descent(loss, momentum(0.05))
    how = {"epochs": 200, "batch_size": 50, "key": keys[4], "progress": None}
    fitted = fit(Sequential(layers), rule, (images, labels), **how).model
    learnt = evaluate(fitted, correct, (images, labels))
    right = evaluate(fitted, correct, (digits.test_x, digits.test_y))
    print(f"{name}: {learnt:.0%} of the training labels learnt, {right:.0%} of the test images right")
