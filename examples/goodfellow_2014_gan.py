"""Goodfellow et al., NIPS 2014: a generator learns to make data from a discriminator that tries to tell them apart.

The game as published drops some of eight clusters; the relativistic game with penalties (Huang et al., 2024) finds all.
"""

import jax
import optax

from neuraxis import averaged, data, fit
from neuraxis.generative import adversarial, coverage_of_points, cross_entropy, dense_gan, relativistic

ring = data.ring_of_gaussians(8)
model = dense_gan(2, (64, 64, 64), 2, key=jax.random.key(0))
adam = optax.adam(3e-3, b1=0.0, b2=0.99)
rules = {
    "as published": adversarial(cross_entropy, adam, adam),
    "relativistic": adversarial(relativistic, adam, adam, r1=0.1, r2=0.1),
}
for name, rule in rules.items():
    how = {"steps": 2000, "batch_size": 128, "key": jax.random.key(1), "progress": None}
    fitted = fit(model, averaged(rule, 0.99), (ring.draw(10_000),), **how).model
    found = coverage_of_points(fitted.sample(2000, key=jax.random.key(2)), ring.centres, ring.deviation)
    print(f"{name}: {found.covered(0.1)} of 8 clusters, {found.share:.0%} of the samples near one")
