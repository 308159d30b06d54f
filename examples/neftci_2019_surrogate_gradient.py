"""Neftci, Mostafa & Zenke, IEEE Signal Processing Magazine 36:51 (2019): spiking neurons learn by a surrogate gradient.

A spike has no useful derivative. With that of a smooth function in its place, a spiking network classifies digits.
"""

import jax
import optax

from neuraxis import DiscreteLIF, SpikingClassifier, data, descent, evaluate, fit
from neuraxis.feedforward.classification import correct, loss
from neuraxis.functions import FastSigmoid

digits = data.load("digits").scaled().flat()
neurons = DiscreteLIF(tau_m=10.0, surrogate=FastSigmoid(slope=10.0))  # [ms]
network = SpikingClassifier((64, 64, 10), neurons=neurons, steps=10, dt=1.0, key=jax.random.key(0))
fitted = fit(
    network,
    descent(loss, optax.adam(5e-3)),
    (digits.train_x, digits.train_y),
    steps=140,
    batch_size=64,
    key=jax.random.key(1),
    progress=None,
)
test = digits.test_x, digits.test_y
hidden, _ = fitted.model.run(digits.test_x).record  # spikes (time, image, neuron)
print(f"test images right: {evaluate(network, correct, test):.0%} before learning", end=", ")
print(f"{evaluate(fitted.model, correct, test):.0%} after")
print(f"spikes of a hidden neuron for one image: {hidden.sum(0).mean():.1f} in 10 ms")
