"""Ioffe & Szegedy, ICML 2015: with batch normalisation a deep logistic network learns, and without it, it does not."""

import jax

from neuraxis import BatchNorm, Linear, Sequential, data, descent, evaluate, fit, momentum
from neuraxis.feedforward.classification import correct, measuring_loss
from neuraxis.functions import logistic

digits = data.load("digits").scaled().flat()
keys = jax.random.split(jax.random.key(0), 6)
hidden = [Linear(64, 64, key=key) for key in keys[:5]]
last = Linear(64, 10, key=keys[5])
models = {
    "without batch normalisation": Sequential([*(part for linear in hidden for part in (linear, logistic)), last]),
    "with": Sequential([*(part for linear in hidden for part in (linear, BatchNorm(64), logistic)), last]),
}
for name, model in models.items():
    rule = descent(measuring_loss, momentum(0.05))
    how = {"steps": 220, "batch_size": 64, "key": jax.random.key(1), "progress": None}
    fitted = fit(model, rule, (digits.train_x, digits.train_y), **how).model
    print(f"{name}: {evaluate(fitted, correct, (digits.test_x, digits.test_y)):.0%} of the test images right")
