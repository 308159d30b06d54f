"""Rumelhart, Hinton & Williams, Nature 323:533 (1986): backpropagation teaches a hidden layer exclusive or."""

import jax
import jax.numpy as jnp

from neuraxis import MLP, descent, fit, momentum
from neuraxis.feedforward.classification import loss

x = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
labels = jnp.array([0, 1, 1, 0])
fitted = fit(
    MLP((2, 8, 2), key=jax.random.key(0)),
    descent(loss, momentum(0.1, 0.9)),
    (x, labels),
    epochs=500,
    batch_size=4,
    key=jax.random.key(1),
    progress=None,
)
print(f"loss: {fitted.history['loss'][-1]:.3f} nats")
for inputs, answer in zip(x, fitted.model(x).argmax(-1), strict=True):
    print(f"{inputs[0]:.0f} xor {inputs[1]:.0f} = {answer}")
