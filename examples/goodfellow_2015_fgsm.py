"""Goodfellow, Shlens & Szegedy, ICLR 2015: a small step along the sign of the gradient makes a network misclassify.

Noise of the same size, ε for every pixel, does it little harm.
"""

import jax
import jax.numpy as jnp
import optax

from neuraxis import MLP, LInf, data, descent, evaluate, fit
from neuraxis.feedforward.classification import correct, loss
from neuraxis.robust import FGSM

digits = data.load("digits").scaled().flat()
x, labels = digits.test_x, digits.test_y
network = MLP((64, 128, 10), key=jax.random.key(0))
how = {"steps": 450, "batch_size": 64, "key": jax.random.key(1), "progress": None}
network = fit(network, descent(loss, optax.adam(3e-3)), (digits.train_x, digits.train_y), **how).model
for epsilon in (0.05, 0.1, 0.2):  # of the range from black to white
    attacked = FGSM(LInf(epsilon, low=0.0, high=1.0))(network, x, labels)
    signs = jax.random.rademacher(jax.random.key(2), x.shape, float)
    noisy = jnp.clip(x + epsilon * signs, 0.0, 1.0)
    accuracy = [evaluate(network, correct, (images, labels)) for images in (x, noisy, attacked)]
    print("ε = {}: {:.0%} of the images right, {:.0%} with noise, {:.0%} under attack".format(epsilon, *accuracy))
