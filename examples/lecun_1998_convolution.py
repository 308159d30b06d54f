"""LeCun, Bottou, Bengio & Haffner, Proceedings of the IEEE 86:2278 (1998): convolution knows shifted digits better.

What a kernel has learnt at one place, it knows at all others; a perceptron has to learn every pixel by itself.
"""

import jax
import jax.numpy as jnp
import optax

from neuraxis import CNN, MLP, Sequential, data, descent, evaluate, fit
from neuraxis.feedforward.classification import correct, loss
from neuraxis.layers import Flatten

digits = data.load("digits").scaled()
train, test = (jnp.pad(x, ((0, 0), (2, 2), (2, 2)))[..., None] for x in (digits.train_x, digits.test_x))
models = {
    "convolutional network": CNN((12, 12, 1), (16, 32), (64,), 10, key=jax.random.key(0)),
    "perceptron": Sequential([Flatten(axes=3), MLP((144, 256, 10), key=jax.random.key(0))]),
}
for name, model in models.items():
    rule = descent(loss, optax.adam(3e-3))
    how = {"steps": 180, "batch_size": 64, "key": jax.random.key(1), "progress": None}
    fitted = fit(model, rule, (train, digits.train_y), **how).model
    as_seen, shifted = (evaluate(fitted, correct, (jnp.roll(test, by, axis=2), digits.test_y)) for by in (0, 1))
    print(f"{name}: {as_seen:.0%} of the test images right, {shifted:.0%} when shifted by one pixel")
