"""Madry et al., ICLR 2018: a network trained on attacked images withstands attacks far better than an ordinary one."""

import jax
import jax.numpy as jnp
import optax

from neuraxis import MLP, PGD, LInf, adversarial_training, data, descent, fit, robust_accuracy
from neuraxis.feedforward.classification import loss

digits = data.load("digits").scaled().flat()
threat = LInf(0.15, low=0.0, high=1.0)  # every pixel, by 0.15 of the range
usual = descent(loss, optax.adam(3e-3))
rules = {
    "usual training": usual,
    "adversarial training": adversarial_training(
        usual, PGD(threat, steps=5, step_size=0.25), ramp=lambda step: jnp.minimum(1.0, step / 100)
    ),
}
for name, rule in rules.items():
    network = MLP((64, 128, 10), key=jax.random.key(0))
    how = {"steps": 340, "batch_size": 64, "key": jax.random.key(1), "progress": None}
    network = fit(network, rule, (digits.train_x, digits.train_y), **how).model
    attack = PGD(threat, steps=20, step_size=0.1)
    found = robust_accuracy(network, attack, digits.test_x, digits.test_y, key=jax.random.key(2))
    print(f"{name}: {found.clean_accuracy:.0%} of the test images right, {found.accuracy:.0%} under attack")
