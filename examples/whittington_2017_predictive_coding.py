"""Whittington & Bogacz, Neural Computation 29:1229 (2017): local learning reaches about what backpropagation does.

Every weight of a predictive-coding network learns from the activities at its two ends alone, once these have settled.
"""

import jax
import numpy as np
import optax

from neuraxis import MLP, PredictiveCoding, data, descent, evaluate, fit, local_learning
from neuraxis.energy import ErrorRelaxation
from neuraxis.feedforward.classification import correct, loss
from neuraxis.functions import one_hot

digits = data.load("digits").scaled().flat()
test = digits.test_x, digits.test_y
how = {"steps": 300, "batch_size": 100, "key": jax.random.key(1), "progress": None}

network = PredictiveCoding((10, 64, 64), key=jax.random.key(0), variances=(100.0, 1.0))  # labels, hidden, pixels
rule = local_learning(optax.adam(3e-3), ErrorRelaxation(steps=5, step_size=0.5))
labels = np.asarray(one_hot(digits.train_y, 10))
local = fit(network, rule, (digits.train_x, labels), **how).model
print(f"predictive coding: {evaluate(local, correct, test):.0%} of the test images right")

perceptron = MLP((64, 64, 10), key=jax.random.key(0))
trained = fit(perceptron, descent(loss, optax.adam(3e-3)), (digits.train_x, digits.train_y), **how).model
print(f"backpropagation: {evaluate(trained, correct, test):.0%} of the test images right")
