"""Ho, Jain & Abbeel, NeurIPS 2020: a network that can tell noise from data makes data out of nothing but noise.

It has learnt to take a little noise away from points in the plane; in 64 such steps, noise becomes two moons.
"""

import jax
import optax

from neuraxis import Diffusion, Sampler, averaged, descent, fit
from neuraxis.data import two_moons
from neuraxis.functions import maximum_mean_discrepancy
from neuraxis.generative import Noise, TimedMLP, cosine, ddpm

points = two_moons(4000)  # (point, 2)
diffusion = Diffusion(cosine(64), Noise())
rule = averaged(descent(diffusion.loss, optax.adam(optax.cosine_decay_schedule(5e-3, 1600))), 0.99)
network = TimedMLP(2, (64, 64, 64), key=jax.random.key(0))
how = {"epochs": 100, "batch_size": 250, "key": jax.random.key(1), "progress": None}
network = fit(network, rule, (points,), **how).model

samples = {
    "noise": jax.random.normal(jax.random.key(2), (1000, 2)),
    "points made from noise": Sampler(network, diffusion, ddpm, shape=(2,)).sample(1000, key=jax.random.key(3)),
    "other points of the moons": two_moons(1000, seed=1),
}
for name, x in samples.items():
    distance = maximum_mean_discrepancy(x, points, bandwidths=(0.1, 0.3, 1.0))
    print(f"{name}: maximum mean discrepancy from the moons {distance:.2f}")
